"""A gateway made of PROTOCOL.md only: one connection, and a channel for each of its peers."""
import json
import secrets
import struct
import time

from harness import DEADLINE, Peer


class Gateway(Peer):
    """Its frames of channels wait in `channels`, each under its number, until somebody asks for them; those of the trunk itself in `own`."""

    def __init__(self, *arguments, **options):
        self.own, self.channels, self.last = [], {}, 0
        super().__init__(*arguments, **options)

    def _sort(self, frame):
        if frame[:1] == b"\x03":
            self.channels.setdefault(struct.unpack_from(">I", frame, 1)[0], []).append(frame[5:])
        else:
            self.own.append(frame)

    def next(self, queue, deadline=DEADLINE):
        """The next frame that is sorted into what `queue` gives."""
        end = time.monotonic() + deadline
        while not queue():
            if not self.front.poll(max(0, end - time.monotonic()) * 1000):
                raise AssertionError("timed out: a frame from the broker")
            self._sort(self.front.recv())
        return queue().pop(0)

    def receive(self, deadline=DEADLINE):
        return self.next(lambda: self.own, deadline)

    def drain(self):
        """Takes all that is there."""
        while self.front.poll(0):
            self._sort(self.front.recv())

    def open(self, address=None, secure=False, **members):
        """Opens the next channel; it must succeed."""
        self.last += 1
        answer = self.ask(op="open", channel=self.last, secure=secure, **({"address": address} if address else {}), **members)
        assert answer["op"] == "ok" and answer["channel"] == self.last, answer
        return Channel(self, self.last)

    def close_channel(self, channel):
        answer = self.ask(op="close", channel=channel.number)
        assert (answer["op"], answer["channel"]) == ("close", channel.number), answer


class Channel(Peer):
    """A peer behind a gateway. It can do what other peers can, but has no socket, and reads the back by its gateway."""

    def __init__(self, gateway, number):
        self.gateway, self.number = gateway, number
        self.client, self.welcome, self.front = secrets.token_hex(16), None, self

    def send(self, frame):
        self.gateway.send(struct.pack(">BI", 3, self.number) + frame)

    def receive(self, deadline=DEADLINE):
        return self.gateway.next(lambda: self.gateway.channels.setdefault(self.number, []), deadline)

    def bye(self):
        """The bye that the broker sends, and the `close` on the trunk; returns both reasons."""
        bye = json.loads(self.receive())
        assert bye["op"] == "bye", bye
        close = self.gateway.control()
        assert (close["op"], close["channel"]) == ("close", self.number), close
        return bye["reason"], close["reason"]
