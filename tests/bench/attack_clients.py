"""The honest clients of attack.py."""
import contextlib
import json
import os
import random
import secrets
import struct
import time

import zmq

BODY = 100
DEADLINE = 60


def publish_frame(room, first, bodies):
    name = room.encode()
    return bytes([1, len(name)]) + name + b"".join(struct.pack(">QBBI", first + number, 0, 0, len(body)) + body
                                                   for number, body in enumerate(bodies))


def entries(frame, at):
    while at < len(frame):
        seq, _time, flags, size = struct.unpack_from(">QQBB", frame, at)
        at += 19 + size + frame[at + 18 + size] + (flags & 8)  # TTL
        size, = struct.unpack_from(">I", frame, at)
        yield seq, frame[at + 4:at + 4 + size]
        at += 4 + size


class Keys:
    """A client's needs for connecting: (server, public, secret), and the endpoints."""

    def __init__(self, server, curve):
        self.server, self.curve = server, curve

    def socket(self, context, kind, endpoint, **options):
        one = context.socket(kind)
        one.linger, one.sndhwm = 0, 0
        for name, value in options.items():
            setattr(one, name, value)
        one.curve_serverkey, one.curve_publickey, one.curve_secretkey = self.curve
        one.connect(endpoint)
        return one

    def front(self, context, hello=True, **options):
        one = self.socket(context, zmq.DEALER, self.server, **options)
        if hello:
            one.send(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
        return one


class Client:
    def __init__(self, keys, context, room):
        self.room, self.topic = room, room.encode() + b"\0"
        self.front = keys.front(context)
        welcome = json.loads(self.front.recv())
        assert welcome["op"] == "welcome", welcome
        self.sub = keys.socket(context, zmq.SUB, welcome["back"])
        self.sub.subscribe(self.topic)
        nonce = b"\xff" + secrets.token_hex(8).encode()
        self.sub.subscribe(nonce)
        while not self.sub.recv().startswith(nonce):
            pass
        self.sub.unsubscribe(nonce)
        self.ask(op="join", room=room)
        self.mid = self.acked = self.last = self.head = 0
        self.asking, self.repairs, self.taken, self.lost, self.troubles, self.latencies = False, 0, 0, 0, [], []

    def ask(self, **request):
        self.front.send(json.dumps(request).encode())

    def publish(self):
        self.mid += 1
        self.front.send(publish_frame(self.room, self.mid, [struct.pack(">Q", time.monotonic_ns()).ljust(BODY, b".")]))

    def replay(self):
        if not self.asking:
            self.asking = True
            self.ask(op="replay", room=self.room, after=self.last)

    def take(self, frame):
        now = time.monotonic_ns()
        if frame.startswith(self.topic):
            at = len(self.topic)
            flags, _epoch, prev = struct.unpack_from(">BQQ", frame, at + 1)
            if prev > self.last:
                if not flags & 1:
                    self.repairs += not self.asking
                    self.head = max(self.head, prev + 1)
                    self.replay()
                    return
                self.lost += prev - self.last  # a replay that begins later
            for seq, body in entries(frame, at + 18):
                if seq > self.last:
                    self.last, self.taken = seq, self.taken + 1
                    self.latencies.append((now - struct.unpack_from(">Q", body)[0]) / 1e6)
        elif frame[:1] == b"\x02":
            self.acked = max(self.acked, struct.unpack_from(">Q", frame, 2)[0])
        elif frame[:1] == b"{":
            told = json.loads(frame)
            if told["op"] == "replayed":
                self.asking = False
                if told["more"] or self.head > self.last:
                    self.replay()
            elif told["op"] == "pong":
                self.head = max(self.head, told["heads"].get(self.room, 0))
                if self.head > self.last:
                    self.replay()
            elif told["op"] in ("error", "bye", "left"):
                self.asking = False
                self.troubles.append(told)


def honest(pipe, keys, rooms, rate):
    """A process of honest clients, one for each of the rooms (which repeat); does what it is told until told to end."""
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 4096)
    clients = [Client(keys, context, room) for room in rooms]
    poller, owner = zmq.Poller(), {}
    for client in clients:
        for one in (client.front, client.sub):
            poller.register(one, zmq.POLLIN)
            owner[one] = client
    poller.register(pipe.fileno(), zmq.POLLIN)
    pick = random.Random(os.getpid())
    due = [0.0] * len(clients)
    beat, publishing, leaving = 0.0, False, None
    pipe.send("ready")
    while True:
        now = time.monotonic()
        if publishing:
            for number, client in enumerate(clients):
                if due[number] <= now:
                    client.publish()
                    due[number] = max(now, due[number] + 1 / rate)
        if beat <= now:
            beat = now + (0.2 if leaving else 2)
            for client in clients:
                client.ask(op="ping")
        wait = min([beat, *due] if publishing else [beat]) - now
        for one, _ in poller.poll(max(0, min(wait * 1000, 100))):
            if one not in owner:
                word = pipe.recv()
                if word == "end":
                    return
                publishing, leaving = word == "begin", time.monotonic() + DEADLINE if word == "stop" else None
                beat = 0.0
                due = [time.monotonic() + pick.random() / rate for _ in clients]
                continue
            with contextlib.suppress(zmq.Again):
                for _ in range(50):
                    owner[one].take(one.recv(zmq.NOBLOCK))
        # All is there when each own entry is acked, and the head of a pong after that is reached.
        if leaving and (all(client.acked == client.mid and client.taken + client.lost == client.last for client in clients)
                        and settled(clients) or time.monotonic() > leaving):
            pipe.send([(client.room, client.mid, client.acked, client.last, client.taken, client.lost, client.repairs, client.troubles,
                        client.latencies) for client in clients])
            for client in clients:
                client.latencies, client.troubles = [], []
            leaving = None


def settled(clients):
    """Nothing has moved for two pings."""
    state = [(client.acked, client.last) for client in clients]
    now = time.monotonic()
    if getattr(settled, "state", None) != state:
        settled.state, settled.since = state, now
    return now - settled.since > 0.5
