"""Peers that are broken, hostile or deaf. Beside each of them an honest session talks and reads all along, and must notice nothing."""
import contextlib
import json
import os
import pty
import random
import secrets
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import zmq

from harness import DEADLINE, ZRELAY, TestCase, deliver_entries, publish_frame, wait_for

ROOM = "honest"
HEARTBEAT = 2000  # ms
CONFIG = f"server\n    heartbeat = {HEARTBEAT}\n    tick = 20\n"

# The beginning of a ZMTP connection (RFC 23), by hand.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
READY_DEALER = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
READY_SUB = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"


class Honest(threading.Thread):
    """Publishes numbers, one after the other, waits for each one's ack and delivery, and pings. Anything else that it is sent, or waiting
    for longer than the broker's own patience, is a failure."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.failure, self.rounds, self.ending = peer, None, 0, False
        peer.thread = self
        peer.subscribe(ROOM.encode() + b"\0", ROOM.encode() + b"\x01")
        joined = peer.ask(op="join", room=ROOM)
        self.last, self.mid = joined["seq"], 0
        self.presence = json.loads(self.peer.live()[len(ROOM) + 1:])
        self.token, self.epoch = peer.welcome["resume"], peer.welcome["epoch"]

    def run(self):
        try:
            pinged = 0.0
            while not self.ending:
                if time.monotonic() - pinged > HEARTBEAT / 4000:
                    pinged = time.monotonic()
                    self._ping()
                self._round()
                self.rounds += 1
        except BaseException as error:  # for the test that started it
            self.failure = error

    def _ping(self):
        self.peer.send(b'{"op":"ping","id":"honest"}')
        self._wait(lambda frame: json.loads(frame)["op"] == "pong" and json.loads(frame)["re"] == "honest", None)

    def _round(self):
        self.mid += 1
        body = b"%d" % self.mid
        self.peer.send(publish_frame(ROOM, (self.mid, body)))
        self._wait(lambda frame: frame == struct.pack(">BBQQ", 2, 1, self.mid, self.last + 1),
                   lambda frame: self._is_next(frame, body))
        # Not so fast that there is no time left for the others.
        if self.peer.front.poll(2) or self.peer.sub.poll(0):
            raise AssertionError("a frame that nobody asked for")

    def _is_next(self, frame, body):
        room, flags, prev, entries = deliver_entries(frame)
        good = (room, flags, prev, len(entries)) == (ROOM, 0, self.last, 1) and entries[0][5] == body
        self.last = entries[-1][0]
        return good

    def _wait(self, ack_is_right, live_is_right):
        """Exactly one frame that is right on each socket that has a check."""
        want = [(self.peer.front, ack_is_right)] + ([(self.peer.sub, live_is_right)] if live_is_right else [])
        end = time.monotonic() + 3 * HEARTBEAT / 1000
        for sock, is_right in want:
            if not sock.poll(max(0, end - time.monotonic()) * 1000):
                raise AssertionError(f"waited for longer than {3 * HEARTBEAT} ms")
            frame = sock.recv()
            if not is_right(frame):
                raise AssertionError(f"got {frame!r}")

    def check(self):
        """One more round from now on."""
        rounds = self.rounds + 1
        wait_for(lambda: self.failure or self.rounds > rounds, "the honest session's next message")
        if self.failure:
            raise AssertionError(f"the honest session noticed: {self.failure}")

    def finish(self):
        self.check()
        self.ending = True
        self.join(DEADLINE)
        if self.failure:
            raise AssertionError(f"the honest session noticed: {self.failure}")
        peer = self.peer
        assert peer.ask(op="rooms", prefix=ROOM)["rooms"] == [{"room": ROOM, "seq": self.mid, "count": 1}]
        assert peer.ask(op="who", room=ROOM)["version"] == self.presence["version"]
        welcome = peer.hello()
        assert (welcome["resume"], welcome["epoch"], welcome["nick"]) == (self.token, self.epoch, "honest")


class BadInput(TestCase):
    @contextlib.contextmanager
    def beside(self, broker, honest):
        """An attack beside this honest session. The broker is as well afterwards as before, and ends in good order: nothing it was sent made
        it lose its way or its memory."""
        honest.start()
        try:
            yield broker, honest
            honest.finish()
        finally:
            honest.ending = True
            honest.join(DEADLINE)
        self.assertIsNone(broker.process.poll(), broker.errors())
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

    def attacked(self, config=CONFIG):
        """A broker with an honest session."""
        broker = self.broker(config=config)
        return self.beside(broker, Honest(self.peer(broker, "honest")))

    def code(self, frame):
        """The code of an error frame."""
        answer = json.loads(frame) if isinstance(frame, bytes) else frame
        self.assertEqual(answer["op"], "error", answer)
        self.assertRegex(answer["text"], r"^.+$")
        return answer["code"]

    def refused(self, peer, frame, *codes):
        """The frame must be answered by one error with one of these codes; returns it."""
        peer.send(frame)
        error = json.loads(peer.receive())
        self.assertIn(self.code(error), codes, f"{frame!r}: {error}")
        return error

    def rooms(self, peer):
        """All but the honest one."""
        return [room["room"] for room in peer.ask(op="rooms")["rooms"] if room["room"] != ROOM]

    def raw(self, endpoint):
        host, port = endpoint[len("tcp://"):].rsplit(":", 1)
        made = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self.addCleanup(made.close)
        return made

    def shaken(self, endpoint, ready):
        """A connection by hand on which the handshake is done: libzmq closes one that sends more before."""
        one = self.raw(endpoint)
        one.sendall(GREETING + ready)
        got = b""
        while b"Socket-Type" not in got or len(got) < 64 + got[65] + 2:
            more = one.recv(4096)
            self.assertTrue(more, "the broker does not shake hands")
            got += more
        return one


class BinaryFrames(BadInput):
    def test_random_bytes(self):
        pick = random.Random(20261120)
        with self.attacked() as (broker, honest):
            peer, stranger = self.peer(broker), self.peer(broker, hello=False)
            for _ in range(1500):
                first = pick.choice([b"", b"\x01", b"\x01\x04room", b"{", b'{"op":', bytes([pick.randrange(256)])])
                frame = first + pick.randbytes(pick.choice((0, 1, 5, 30, 300)))
                if publish_frame("", (1, b""))[:1] == frame[:1]:  # PUBLISH: the room may be new, the id may be anything
                    self.refused(peer, frame, "bad-frame", "bad-room", "bad-id", "bad-key")
                else:
                    self.refused(peer, frame, "bad-frame", "bad-json", "no-channel")
                self.refused(stranger, frame, "no-session")
            self.assertEqual(self.rooms(peer), [])
            honest.check()

    def test_multipart(self):
        """The first message of several parts ends its connection."""
        hello = json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode()
        with self.attacked() as (broker, honest):
            for parts in ([b"", hello], [hello, b""], [b'{"op":"ping"}', b"more"], [b""] * 200, [bytes(100_000)] * 10):
                for greeted in (True, False):
                    one = self.peer(broker, hello=greeted, watch=True)
                    one.front.send_multipart(parts)
                    one.wait_gone(one.front)
                    self.assertEqual(one.front.poll(0), 0)
            broker.wait_err("several parts")
            # A REQ socket, as somebody will try: it gets no session and nobody else's answers.
            request = self.peer(broker, hello=False, kind=zmq.REQ, watch=True)
            request.front.send(hello)
            request.wait_gone(request.front)
            honest.check()
            self.assertEqual(request.front.poll(0), 0)

    def test_several_parts_on_the_back(self):
        with self.attacked() as (broker, honest):
            for parts in (b"\x01\x01\x01\x00\x00", b"\x01\x02ab\x00\x01c", b"\x00\x01\x07", b"\x00\x00"):
                one = self.shaken(broker.back, READY_SUB)
                one.sendall(parts)
                with contextlib.suppress(ConnectionError):
                    while one.recv(4096):
                        pass
                honest.check()

    def test_the_rest_of_a_connection_ends_nobody_else(self):
        """Messages are taken after the end of their connection too, when another one has its descriptor."""
        with self.attacked() as (broker, honest):
            for _ in range(20):
                for endpoint, ready, bad in ((broker.server, READY_DEALER, b"\x01\x00\x00\x00"), (broker.back, READY_SUB, b"\x00\x01\x07")):
                    one = self.raw(endpoint)
                    one.sendall(GREETING + ready + bad * 1000)
                    one.close()
                peer = self.peer(broker, watch=True)
                peer.subscribe(b"room\0")
                for socket_ in (peer.front, peer.sub):
                    while peer.monitors[socket_].poll(0):
                        self.assertEqual(peer.event(socket_)[0], "handshake_succeeded")
                peer.close()
            honest.check()


class Connections(BadInput):
    def test_claimed_routing_ids(self):
        with self.attacked() as (broker, honest):
            hello = json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode()
            for claim in (b"x", b"mine", b"12345", b"x" * 255, b"\x01abcd"):
                peer = self.peer(broker, hello=False, routing_id=claim)
                other = self.peer(broker, hello=False, routing_id=claim)  # the same again
                for one in (peer, other):
                    one.send(hello)
                    one.send(publish_frame("room", (1, b"x")))
                honest.check()
                self.assertEqual((peer.front.poll(0), other.front.poll(0)), (0, 0), claim)
            broker.wait_err("routing id of its own")
            # One that begins with a zero byte does not show, and means nothing.
            for claim in (b"\0abc", b"\0abcde", b"\0abcd", b"\0abcd", *(b"\0" + secrets.token_bytes(4) for _ in range(20))):
                peer = self.peer(broker, hello=False, routing_id=claim)
                peer.send(b'{"op":"ping"}')
                self.assertEqual(self.code(peer.receive()), "no-session")
            self.assertEqual(self.rooms(self.peer(broker)), [])

    def test_garbage_and_half_handshakes(self):
        pick = random.Random(5)
        starts = [b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\n", b"\xff", bytes(100), b"\xff" * 100,
                  *(GREETING[:size] for size in (9, 10, 11, 12, 32, 63, 64)),
                  GREETING.replace(b"NULL", b"EVIL"), GREETING.replace(b"NULL\0", b"PLAIN"), GREETING.replace(b"NULL\0", b"CURVE"),
                  GREETING + READY_SUB[:-1], GREETING + b"\x04\xff" + pick.randbytes(255), GREETING + b"\x06" + b"\xff" * 8,
                  GREETING + READY_SUB[:5], GREETING + READY_SUB.replace(b"SUB", b"PUB"), GREETING + READY_SUB.replace(b"Socket", b"Nothin"),
                  GREETING + READY_SUB + READY_SUB, GREETING + b"\x04\x08\x05ERROR\x01x",
                  *(pick.randbytes(pick.randrange(1, 2000)) for _ in range(20)),
                  *(GREETING + pick.randbytes(pick.randrange(1, 500)) for _ in range(20))]
        later = [b"\x02" + struct.pack(">Q", (1 << 63) - 1), b"\x03" + b"\xff" * 8, b"\x02" + b"\xff" * 8, b"\x00\x05hello", b"\x00\x00" * 1000,
                 b"\x01\x00" * 1000, b"\x01\x01x" * 1000, b"\x04\x07\x04PING\0\0" * 10, b"\x04\x05\x04PONG" * 10, b"\x04\x00", b"\x04\xff",
                 READY_SUB, b"\x06" + struct.pack(">Q", 1 << 40), b"\xff" * 100, b"\x00\xff\x01",
                 b"\x04\x0e\x09SUBSCRIBEroom", b"\x04\x10\x06CANCELroom",
                 *(pick.randbytes(pick.randrange(1, 500)) for _ in range(30))]
        with self.attacked() as (broker, honest):
            for endpoint, ready in ((broker.server, READY_DEALER), (broker.back, READY_SUB)):
                open_ones = []
                for number, (hands, start) in enumerate([*((False, start) for start in starts), *((True, start) for start in later)]):
                    one = self.shaken(endpoint, ready) if hands else self.raw(endpoint)
                    with contextlib.suppress(ConnectionError):
                        one.sendall(start)
                    open_ones.append(one)
                    if number % 2:
                        one.close()
                honest.check()
                for one in open_ones:
                    one.close()
            honest.check()
            self.assertEqual(self.rooms(self.peer(broker)), [])

    def test_many_connections_opened_and_dropped(self):
        with self.attacked() as (broker, honest):
            for endpoint in (broker.server, broker.back):
                together = [self.raw(endpoint) for _ in range(200)]
                honest.check()
                for one in together:
                    one.close()
                for _ in range(200):
                    one = self.raw(endpoint)
                    # A reset instead of an orderly end.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.close()
            honest.check()
            self.assertEqual(self.peer(broker).ask(op="ping")["op"], "pong")

    def test_pings_after_a_full_queue_and_a_reset(self):
        """With bounded receive queues libzmq aborted: it met a PING of a connection that was gone."""
        ping = b"\x04\x07\x04PING\0\0"
        with self.attacked() as (broker, honest):
            for endpoint, ready, burst in ((broker.server, READY_DEALER, b"\x00\x01x" * 1200 + ping * 20 + b"\x00\x01x" * 200 + ping * 100),
                                           (broker.back, READY_SUB, b"\x00\x02\x01a" * 600 + ping * 20 + b"\x00\x02\x01b" * 200 + ping * 100)):
                for _ in range(40):
                    one = self.shaken(endpoint, ready)
                    one.sendall(burst)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.close()
                honest.check()

    def test_sessions_opened_and_left(self):
        """Clients that go without a word leave nothing behind that others see for longer than a session lives."""
        with self.attacked("server\n    heartbeat = 2000\nlimits\n    max-sessions = 60\n") as (broker, honest):
            context = zmq.Context()
            self.addCleanup(context.destroy, linger=0)
            for _ in range(50):
                front = context.socket(zmq.DEALER)
                front.connect(broker.server)
                front.send(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
                front.send(b'{"op":"join","room":"crowd"}')
                self.assertEqual(json.loads(front.recv())["op"], "welcome")
                self.assertEqual(json.loads(front.recv())["op"], "joined")
                front.close(linger=0)
            watcher = self.peer(broker)
            wait_for(lambda: watcher.ask(op="who", room="crowd")["count"] == 0, "the crowd to expire")

    def test_flood_of_subscriptions(self):
        with self.attacked(CONFIG + "limits\n    rate-subscriptions = 0\n") as (broker, honest):
            peer = self.peer(broker)
            topics = [secrets.token_bytes(4) + b"/%d" % number for number in range(2000)]
            peer.subscribe(*topics, b"room\0")  # and waits for its own sync behind all of them
            honest.check()
            peer.send(publish_frame("room", (1, b"found")))
            self.assertEqual(deliver_entries(peer.live())[3][0][5], b"found")
            for topic in topics:
                peer.sub.unsubscribe(topic)
            nonce = b"\xff" + secrets.token_hex(8).encode()
            peer.sub.subscribe(nonce)
            self.assertTrue(peer.live().startswith(nonce))

    def test_very_long_topics(self):
        """A topic longer than any that can match ends the reader. libzmq's own SUB overflows its stack with the longest."""
        with self.attacked() as (broker, honest):
            for size in (129, 130, 1000, 2000, 100_000, 10_000_000):
                one = self.shaken(broker.back, READY_SUB)
                with contextlib.suppress(ConnectionError):
                    one.sendall(b"\x02" + struct.pack(">Q", size + 1) + b"\x01" + b"t" * size)
                    one.sendall(b"\x02" + struct.pack(">Q", size + 1) + b"\x01\xff" + b"f" * (size - 1))
                    one.sendall(b"\x00\x0a\x01\xff" + b"0" * 8)
                got = b""
                with contextlib.suppress(ConnectionError):
                    while (size >= 130 or b"synced" not in got) and (more := one.recv(65536)):
                        got += more
                self.assertTrue(size >= 130 or b"synced" in got, size)  # of the others all end
                honest.check()

    def test_bad_sync_nonces(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            bad = [b"", b"0" * 7, b"0" * 33, b"ABCDEF01", b"0000000g", b"00000000 ", b"0000\x000000", b"\xff" * 8, b'"},{"op":', b"\x1b[2J0000"]
            # In the order of subscribing: when the good one at the end is answered, the bad ones were not.
            peer.subscribe(*(b"\xff" + nonce for nonce in bad))
            self.assertEqual(peer.sub.poll(0), 0)
            for nonce in (b"0" * 8, b"f" * 32):
                peer.sub.subscribe(b"\xff" + nonce)
                frame = peer.live()
                while not frame.startswith(b"\xff" + nonce):
                    frame = peer.live()
                self.assertEqual(json.loads(frame[1 + len(nonce):]), {"op": "synced", "epoch": broker.epoch})

    def test_publishing_on_the_back(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            back = peer.context.socket(zmq.XSUB)
            back.linger = 0
            back.sndhwm = 0  # else the subscription at the end is dropped when the frames before it fill the queue
            back.connect(broker.back)
            forged = b"honest\0\x01\0" + bytes(8) + struct.pack(">QQBB", 1, 0, 0, 4) + b"evil\0" + struct.pack(">I", 2) + b"hi"
            for frame in (b"\x02", b"\xff" * 100, b"honest\0", forged, b"honest\x01{}", publish_frame("room", (1, b"x")), b'{"op":"ping"}'):
                for _ in range(300):
                    back.send(frame)
            for parts in ([b"", b""], [b"honest\0", b"x"], [b"\x05"] * 50):
                back.send_multipart(parts)
            broker.wait_err("no subscription")
            # The frames went past in order: when this subscription is live, they have been looked at.
            back.send(b"\x01\xff0123456789")
            self.assertTrue(back.poll(DEADLINE * 1000))
            self.assertTrue(back.recv().startswith(b"\xff0123456789"))
            back.close()
            self.assertEqual(self.rooms(peer), [])


class Deaf(BadInput):
    CONFIG = CONFIG + "limits\n    route-queue = 32\n    replay-frames = 16\n    replay-bytes = 16M\n"

    def test_peer_that_asks_and_does_not_read(self):
        with self.attacked(self.CONFIG) as (broker, honest):
            writer = self.peer(broker)
            for mid in range(1, 17):
                writer.send(publish_frame("big", (mid, bytes(500_000))))
                writer.receive()
            deaf = self.peer(broker, hello=False, rcvhwm=1, rcvbuf=4096)
            token = deaf.hello("deaf")["resume"]
            deaf.ask(op="join", room="big")
            for number in range(60):
                deaf.send(json.dumps({"op": "replay", "room": "big", "after": 0, "id": number}).encode())
            other = self.peer(broker)
            wait_for(lambda: other.ask(op="direct", to="deaf", text="hear me").get("code") == "no-such-user", "it to be detached")
            honest.check()
            # It begins to read: what was queued comes, then it is told that it has no session, and resumes.
            deaf.wait_no_session()
            wait_for(lambda: deaf.hello("deaf", token).get("resumed"), "the resume")
            joined = deaf.ask(op="join", room="big", after=0)
            self.assertEqual((joined["seq"], joined["recovered"], joined["count"]), (16, True, 1))
            deaf.send(b'{"op":"replay","room":"big","after":0,"id":"again"}')
            seqs = []
            while (frame := deaf.receive())[:1] != b"{" or json.loads(frame).get("re") != "again":
                if frame[:1] != b"{":
                    seqs += [entry[0] for entry in deliver_entries(frame)[3]]
            self.assertEqual(seqs, list(range(1, 17)))

    def test_reader_that_does_not_read(self):
        with self.attacked(CONFIG + "limits\n    reader-queue = 16\n") as (broker, honest):
            reader, writer = self.peer(broker), self.peer(broker)
            sub = reader.context.socket(zmq.SUB)
            sub.linger, sub.rcvhwm, sub.rcvbuf = 0, 1, 4096
            sub.connect(broker.back)
            sub.subscribe(b"")  # everything there is
            for mid in range(1, 101):
                writer.send(publish_frame("big", (mid, bytes(300_000))))
                writer.receive()
            honest.check()
            sub.close()


class Terminal(BadInput):
    ESCAPES = b"\x1b[2J\x1b]0;title\x07\r\x08\x7f\xc2\x9b31m\xe2\x80\xae\xff\tend"

    def on_terminal(self, broker, *arguments):
        """The output of `zrelay` on a terminal."""
        ours, theirs = pty.openpty()
        try:
            program = self.zrelay_on(broker, theirs, *arguments)
            os.close(theirs)
            theirs = -1
            shown = b""
            while True:
                try:
                    data = os.read(ours, 65536)
                except OSError:  # how a terminal's end looks on Linux
                    break
                if not data:
                    break
                shown += data
            self.assertEqual(program.wait(DEADLINE), 0, shown)
            return shown
        finally:
            os.close(ours)
            if theirs >= 0:
                os.close(theirs)

    def zrelay_on(self, broker, terminal, *arguments):
        program = subprocess.Popen([ZRELAY, "--server", broker.server, *arguments], stdin=subprocess.DEVNULL, stdout=terminal,
                                   stderr=terminal, env={**self.environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.addCleanup(lambda: (program.kill(), program.wait()))
        return program

    def test_escapes_in_a_body(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker, "eve")
            peer.send(publish_frame("room", (1, self.ESCAPES), (2, self.ESCAPES, b"key")))
            peer.receive()
            for command in (["history", "room"], ["sub", "room", "--all", "--count", "2"], ["state", "room"], ["state", "room", "get", "key"],
                            ["--json", "history", "room"]):
                with self.subTest(command):
                    shown = self.on_terminal(broker, *command)
                    self.assertIn(b"end", shown)
                    for bad in (b"\x1b", b"\x07", b"\x08", b"\x7f", b"\xc2\x9b", b"\xe2\x80\xae", b"\xff", b"\t"):
                        self.assertNotIn(bad, shown)
                    self.assertNotRegex(shown, rb"\r(?!\n)")
            # In a pipe it is the publisher's bytes.
            piped = self.run_zrelay(broker, "history", "room")
            self.assertEqual(bytes(piped.out), (self.ESCAPES + b"\n") * 2)
            honest.check()


if __name__ == "__main__":
    unittest.main()
