"""Users of a private room for end-to-end tests: members that check what they get, writers, and thieves that get nothing."""
import collections
import contextlib
import json
import secrets
import struct
import threading
import time

import zmq

import test_auth
from harness import DEADLINE, deliver_entries, publish_frame, wait_for

ROOM = "secret"
CONFIG = "server\n    heartbeat = 60000\n    tick = 20\nlimits\n    rate-ops = 0\n"
ALL = '    allow = "all : *"\n'
NO_SECRET = ALL + f'    deny = "all : {ROOM}"\n'


class Worker(threading.Thread):
    """Works until told to end; `failure` is why it ended before."""

    def __init__(self):
        super().__init__(daemon=True)
        self.failure, self.stopping = None, threading.Event()

    def stop(self):
        """Whatever came of it: sockets are closed only after this. It counts short waits, since the whole process may stand still for longer than
        the deadline, and the thread with it."""
        self.stopping.set()
        for _ in range(int(DEADLINE * 20) if self.ident else 0):
            self.join(0.05)
            if not self.is_alive():
                return


class Member(Worker):
    """Reads a room by section 7 of PROTOCOL.md, over both ways, until told to end; `bodies` is what it has, in order."""

    def __init__(self, peer, room=ROOM, start=True):
        super().__init__()
        self.peer, self.room, peer.thread = peer, room, self
        self.entries, self.last, self.head, self.asking, self.resumed = [], 0, 0, False, False
        self.ways, self.presence, self.notices, self.errors, self.seen = collections.Counter(), [], [], [], 0
        peer.subscribe(room.encode() + b"\0", room.encode() + b"\x01")
        self.joined = peer.ask(op="join", room=room, after=0)
        if start:
            self.start()

    @property
    def bodies(self):
        return [entry[5] for entry in self.entries]

    def run(self):
        try:
            poller, pinged = zmq.Poller(), 0.0
            for one in (self.peer.front, self.peer.sub):
                poller.register(one, zmq.POLLIN)
            self._replay()
            while not self.stopping.is_set():
                if time.monotonic() - pinged > 0.2:
                    pinged = time.monotonic()
                    self.peer.send(b'{"op":"ping"}')
                for one, _ in poller.poll(20):
                    # Some at a time, so that one way does not keep the other waiting.
                    with contextlib.suppress(zmq.Again):
                        for _ in range(100):
                            self._take(one, one.recv(zmq.NOBLOCK))
        except BaseException as error:  # for the test
            self.failure = error

    def _replay(self):
        if not self.asking:
            self.asking = True
            self.peer.send(json.dumps({"op": "replay", "room": self.room, "after": self.last}).encode())

    def _take(self, one, frame):
        if frame[:1] == b"{":
            self._control(json.loads(frame))
        elif frame.startswith(self.room.encode() + b"\0"):
            self._deliver("back" if one is self.peer.sub else "front", frame)
        elif frame.startswith(self.room.encode() + b"\x01"):
            self.presence.append(json.loads(frame[len(self.room) + 1:]))
        elif frame[:1] != b"\xff":
            raise AssertionError(f"unexpected: {frame[:100]!r}")

    def _control(self, told):
        if told["op"] == "replayed":
            self.asking = False
            assert told["complete"], told
            if told["more"] or self.head > self.last:
                self._replay()
        elif told["op"] == "pong":
            self.head = max(self.head, told["heads"].get(self.room, 0))
            if self.head > self.last:
                self._replay()
        elif told["op"] == "error" and told["code"] == "no-session":
            # Its queue was full when something came that must not be dropped; the frames until the welcome are answered so, too.
            if not self.resumed:
                self.resumed = True
                self.peer.send(json.dumps({"op": "hello", "proto": 1, "client": self.peer.client,
                                           "resume": self.peer.welcome["resume"]}).encode())
        elif told["op"] == "welcome":
            assert told["resumed"], told
            self.asking = self.resumed = False
            self.peer.send(json.dumps({"op": "join", "room": self.room, "after": self.last}).encode())
            self._replay()
        elif told["op"] == "error":
            self.asking = False
            self.errors.append(told)
        elif told["op"] != "joined":
            self.notices.append(told)

    def _deliver(self, way, frame):
        # Something after the notice that ended it: see the test that looks for it.
        assert not self.notices or way == "back", f"{self.notices}, then {frame[:100]!r}"
        _room, flags, prev, entries = deliver_entries(frame)
        self.seen = max(self.seen, entries[-1][0])
        self.ways[way] += not flags & 1
        if prev > self.last:
            assert not flags & 1, "a replay with a gap"
            self.head = max(self.head, entries[-1][0])
            self._replay()
            return
        for entry in entries:
            if entry[0] > self.last:
                self.entries.append(entry)
                self.last = entry[0]

    def check(self):
        if self.failure:
            raise AssertionError("a member") from self.failure

    def wait(self, condition, what):
        def look():
            self.check()
            return condition()
        return wait_for(look, what)

    def end(self):
        self.stop()
        self.check()


class Writer(Worker):
    """Publishes PREFIX0, PREFIX1 and so on, a few frames at a time, until `count` are acked or it is told to end."""
    WINDOW = 4  # frames

    def __init__(self, peer, room=ROOM, prefix=b"", count=None, each=5, pad=b""):
        super().__init__()
        self.peer, self.room, self.prefix, self.count, self.each, self.pad = peer, room, prefix, count, each, pad
        self.sent = self.acked = 0
        peer.thread = self
        self.start()

    def body(self, number):
        return b"%s%d%s" % (self.prefix, number, self.pad)

    def run(self):
        try:
            while not self.stopping.is_set() and (self.count is None or self.acked < self.count):
                while self.sent - self.acked < self.WINDOW * self.each and self.sent != self.count:
                    upto = min(self.sent + self.each, self.count or self.sent + self.each)
                    self.peer.send(publish_frame(self.room, *((number + 1, self.body(number)) for number in range(self.sent, upto))))
                    self.sent = upto
                self._wait()
            while self.acked < self.sent:
                self._wait()
        except BaseException as error:
            self.failure = error

    def _wait(self):
        frame = self.peer.receive()
        if frame[:1] != b"\x02":
            raise AssertionError(f"the writer got {frame!r}")
        self.acked, = struct.unpack(">Q", frame[2:10])

    def further(self, by):
        """Waits until so many more are acked."""
        self.upto(self.acked + by)

    def upto(self, to):
        wait_for(lambda: self.failure or self.acked >= to, "the writer to go on")
        if self.failure:
            raise AssertionError("the writer") from self.failure

    def end(self):
        """Returns the bodies that were published."""
        self.stop()
        if self.failure:
            raise AssertionError("the writer") from self.failure
        return [self.body(number) for number in range(self.sent)]


class Thief(Worker):
    """A client that may not read, and tries in every way; `got` is every frame that ever came, on any of its sockets."""

    def __init__(self, case, front, back, marker, curve=None, tokens=(), hello=True):
        super().__init__()
        self.got, self.rounds = [], 0
        self.context = zmq.Context()
        self.curve, self.back, self.front, self.tokens, self.hello = curve, back, front, tokens, hello
        self.marker, self.sockets = marker, []
        case.addCleanup(self.close)
        self.start()

    def close(self):
        self.stop()
        if not self.is_alive():  # see Peer.close
            self.context.destroy(linger=0)

    def socket(self, kind, endpoint, *topics):
        one = self.context.socket(kind)
        one.linger, one.sndhwm = 0, 0
        if self.curve:
            one.curve_serverkey, one.curve_publickey, one.curve_secretkey = self.curve
        one.connect(endpoint)
        for topic in topics:
            one.subscribe(topic)
        self.sockets.append(one)
        return one

    def drain(self, wait=0):
        for one in self.sockets:
            while one.poll(wait):
                self.got += one.recv_multipart()
                wait = 0

    @staticmethod
    def topics():
        name = ROOM.encode()
        whole = [name + end for end in (b"", b"\0", b"\x01", b"\0\x01", b"\0\x01\0", b"\x02", b"/", b"*", b".")]
        parts = [name[:size] for size in range(len(name))]
        return whole + parts + [bytes([byte]) for byte in range(256)] + [b"*", b">", b"#", b"\0" + name, b"\x01" + name, b"\xff" + name]

    def requests(self):
        for room in (ROOM, ROOM + "/", ROOM.upper(), ROOM[:-1] + "\u0435t"):
            for members in ({"op": "join", "after": 0}, {"op": "join", "presence": False}, {"op": "replay", "after": 0},
                            {"op": "replay", "last": 1000}, {"op": "state"}, {"op": "state", "key": "key"}, {"op": "who"},
                            {"op": "rooms", "prefix": room}, {"op": "leave"}, {"op": "publish", "text": "x"},
                            {"op": "publish", "key": "key", "text": "x", "expect": 0}):
                yield json.dumps({**members, "room": room}).encode()
        for members in ({"op": "rooms"}, {"op": "ping"}, {"op": "admin", "do": "reload"}, {"op": "admin", "do": "bans"},
                        {"op": "joined", "room": ROOM, "private": True}, {"op": "welcome", "user": "alice"}, {"op": "synced"}):
            yield json.dumps(members).encode()

    @staticmethod
    def forged():
        name = ROOM.encode()
        yield publish_frame(ROOM, (1 << 40, b"x"))
        yield name + b"\0\x01\0" + bytes(16) + struct.pack(">QQBBBI", 1, 1, 0, 0, 0, 1) + b"x"
        yield name + b"\x01" + b'{"op":"presence","joined":[{"nick":"thief"}]}'
        yield struct.pack(">BBQQ", 2, 1, 1, 1)
        for first in (0, 1, 3, 0x1F, 0xFF):
            yield bytes([first]) + name + b"\0"
            yield bytes([first]) + publish_frame(ROOM, (1, b"x"))

    def run(self):
        try:
            # One that takes everything, one that guesses, and one that comes anew again and again.
            self.socket(zmq.SUB, self.back, b"")
            self.socket(zmq.SUB, self.back, *self.topics())
            self.socket(zmq.XSUB, self.back).send(b"\x01")
            front = self.socket(zmq.DEALER, self.front)
            if self.hello:
                front.send(json.dumps({"op": "hello", "proto": 1, "client": secrets.token_hex(16)}).encode())
            while not self.stopping.is_set():
                for frame in (*self.requests(), *self.forged()):
                    front.send(frame)
                    self.drain()
                front.send_multipart([b"", b'{"op":"replay","room":"%s","after":0}' % ROOM.encode()])
                self._impersonate()
                for kind, endpoint, *topics in ((zmq.SUB, self.back, b""), (zmq.SUB, self.front, b""), (zmq.DEALER, self.back),
                                                (zmq.ROUTER, self.back), (zmq.PULL, self.front)):
                    one = self.socket(kind, endpoint, *topics)
                    self.drain(20)
                    self.sockets.remove(one)
                    one.close()
                self.rounds += 1
            self.drain(200)
        except BaseException as error:
            self.failure = error

    def _impersonate(self):
        """A session of its own with others' secrets: the resume token, and the client id too."""
        for client, token in self.tokens:
            for hello in ({"client": secrets.token_hex(16), "resume": token}, {"client": client, "resume": token},
                          {"client": client, "resume": token, "nick": "dave"}):
                one = self.socket(zmq.DEALER, self.front)
                one.send(json.dumps({"op": "hello", "proto": 1, **hello}).encode())
                one.send(b'{"op":"join","room":"%s","after":0}' % ROOM.encode())
                one.send(b'{"op":"replay","room":"%s","after":0}' % ROOM.encode())
                one.send(b'{"op":"ping"}')
                self.drain(20)
                self.sockets.remove(one)
                one.close()

    def end(self):
        """Returns what came."""
        self.stop()
        if self.failure:
            raise AssertionError("the thief") from self.failure
        return self.got


class PrivateCase(test_auth.AuthCase):
    def setUp(self):
        super().setUp()
        self.keys = {name: zmq.curve_keypair() for name in ("alice", "bob", "carol", "dave", "operator", "thief")}

    def text(self, **rules):
        """The users file with these users; the operator may everything."""
        return (test_auth.section("operator", self.keys["operator"], rules=test_auth.ADMIN) +
                "".join(test_auth.section(name, self.keys[name], rules=rule) for name, rule in rules.items()))

    def of(self, broker, name, **options):
        return self.keyed(broker, self.keys[name], **options)

    def member(self, broker, name, room=ROOM, start=True, **options):
        member = Member(self.of(broker, name, **options), room, start)
        self.addCleanup(member.stop)
        return member

    def writer(self, broker, name="alice", **options):
        writer = Writer(self.of(broker, name), **options)
        self.addCleanup(writer.stop)
        return writer

    def reload(self, operator, **rules):
        self.users(self.text(**rules))
        answer = operator.ask(op="admin", do="reload")
        self.assertEqual(answer["op"], "ok", answer)

    def head(self, operator):
        return operator.ask(op="rooms", prefix=ROOM)["rooms"][0]["seq"]

    def everything(self, members, bodies):
        """Each of the members has all of it, once and in order, and nothing else."""
        for member in members:
            member.wait(lambda: len(member.entries) >= len(bodies), "what was published")
            member.end()
            self.assertEqual(member.bodies, bodies)
            self.assertEqual((member.notices, member.errors), ([], []))
