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

ROOM_FORBIDDEN = ["{room", "ro*om", "*"]
FORBIDDEN = ["a" + chr(point) + "b" for point in
             [*range(1, 0x21), *range(0x7F, 0xA1), 0x2028, 0x2029, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]]
# The beginning of a ZMTP connection (RFC 23), by hand.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
READY_DEALER = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
READY_SUB = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
NOT_UTF8 = [b"\x80", b"\xff", b"a\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\xaf"]


class Honest(threading.Thread):
    """Publishes numbers, one after the other, waits for each one's ack and delivery, and pings. Anything else that it is sent, or waiting
    for longer than the broker's own patience, is a failure."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.failure, self.rounds, self.ending = peer, None, 0, False
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
    def attacked(self, config=CONFIG, *arguments):
        """A broker with an honest session that must be as well afterwards as before."""
        broker = self.broker(*arguments, config=config)
        honest = Honest(self.peer(broker, "honest"))
        honest.start()
        try:
            yield broker, honest
            honest.finish()
        finally:
            honest.ending = True
            honest.join(DEADLINE)
        # It ends in good order too: nothing it was sent made it lose its way or its memory.
        self.assertIsNone(broker.process.poll(), broker.errors())
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

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
                    self.refused(peer, frame, "bad-frame", "bad-json")
                self.refused(stranger, frame, "no-session")
            self.assertEqual(self.rooms(peer), [])
            honest.check()

    def test_flipped_bits(self):
        """A valid frame with one bit wrong is taken or refused, but answered."""
        pick = random.Random(11)
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            entries = [(1, b"body"), (2, b"value", b"key"), (3, b"", b"key", 1), (4, b"value", b"other", 2, 0)]
            frame = publish_frame("room", *entries)
            for bit in range(8 * len(frame)):
                # A client id of its own each time, since a flipped message id makes all lower ones resends.
                if bit % 8 == 0:
                    peer.ask(op="bye")
                    peer.client = secrets.token_hex(16)
                    peer.hello()
                flipped = bytearray(frame)
                flipped[bit // 8] ^= 1 << pick.randrange(8)
                peer.send(bytes(flipped))
                answer = peer.receive()
                self.assertTrue(answer[:1] == b"\x02" or self.code(answer), answer)
                while peer.ask(op="ping")["op"] != "pong":
                    pass
            honest.check()

    def test_every_truncation_of_a_publish(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for entry in ((1, b"body"), (1, b"body", b"key"), (1, b"", b"key", 1), (1, b"body", b"key", 2, 0)):
                frame = publish_frame("room", entry)
                for size in range(len(frame)):
                    error = self.refused(peer, frame[:size], "bad-frame")
                    self.assertNotIn("mid", error)
            self.assertEqual(self.rooms(peer), [])
            # Whole as a whole: the entries before the broken one are not stored either.
            frame = publish_frame("room", (1, b"one"), (2, b"two"))
            self.refused(peer, frame[:-1], "bad-frame")
            self.refused(peer, frame + b"\0", "bad-frame")
            self.assertEqual(self.rooms(peer), [])
            peer.send(frame)
            self.assertEqual(peer.receive(), struct.pack(">BBQQ", 2, 1, 2, 2))
            honest.check()

    def test_every_truncation_of_a_hello(self):
        with self.attacked() as (broker, honest):
            peer, stranger = self.peer(broker), self.peer(broker, hello=False)
            frame = json.dumps({"op": "hello", "proto": 1, "client": stranger.client, "nick": "n\u00efck", "id": 1},
                               ensure_ascii=False).encode()
            for size in range(len(frame)):
                self.refused(stranger, frame[:size], "no-session")
                self.refused(peer, frame[:size], "bad-json" if size else "bad-frame")
            stranger.send(frame)
            self.assertEqual(stranger.control()["op"], "welcome")
            honest.check()

    def test_lengths_that_overflow(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            head = struct.pack(">BB", 1, 4) + b"room"
            for frame in (b"\x01\xff" + b"r" * 254, b"\x01\xffroom", b"\x01\x00",
                          head + struct.pack(">QBB", 1, 0, 255) + b"k" * 100,
                          *(head + struct.pack(">QBBI", 1, 0, 0, size) + b"body"
                            for size in (3, 5, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFB, 0xFFFFFFFC, 0xFFFFFFFF)),
                          *(head + struct.pack(">QBB", 1, flags, 0) + bytes(4) for flags in (1, 2, 3, 4, 0x80, 0xFF)),  # no key
                          head + struct.pack(">QBB", 1, 4, 1) + b"k" + bytes(4),
                          head + struct.pack(">QBB", 1, 1, 1) + b"k" + struct.pack(">I", 1) + b"x",  # DELETE with a body
                          head + struct.pack(">QBB", 1, 2, 1) + b"k" + bytes(7)):
                self.refused(peer, frame, "bad-frame")
            for mid in (0, 1 << 53, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
                error = self.refused(peer, publish_frame("room", (mid, b"x")), "bad-id")
                self.assertIn(error.get("mid", 0), range(1 << 53))  # no integer beyond what JSON holds everywhere
            for mids in ((1, 1), (2, 1), (5, 6, 6)):
                self.refused(peer, publish_frame("room", *((mid, b"") for mid in mids)), "bad-id")
            self.assertEqual(self.rooms(peer), [])
            honest.check()

    def test_unknown_type_bytes(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for first in range(256):
                for rest in (b"", b"\x04room" + bytes(18), b'{"op":"ping"}'):
                    if first not in (1, ord("{")):
                        self.refused(peer, bytes([first]) + rest, "bad-frame")
            self.refused(peer, b"", "bad-frame")
            honest.check()

    def test_frames_over_the_limit(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            limit = peer.welcome["limits"]["frame"]
            head = len(publish_frame("room", (1, b"")))
            peer.send(publish_frame("room", (1, bytes(limit - head))))
            self.assertEqual(peer.receive()[:10], struct.pack(">BBQ", 2, 1, 1))
            error = self.refused(peer, publish_frame("room", (2, bytes(limit - head + 1))), "too-large")
            self.assertEqual((error["mid"], error["room"], "upto" in error), (2, "room", False))
            half = bytes(limit // 2)
            error = self.refused(peer, publish_frame("room", (3, half), (4, half), (5, b"")), "too-large")
            self.assertEqual((error["mid"], error["upto"]), (3, 5))
            self.assertEqual(peer.ask(op="ping")["op"], "pong")
            # Over twice the limit the broker closes the connection, again and again, and takes nothing from it.
            for mid in range(6, 11):
                events = peer.front.get_monitor_socket(zmq.EVENT_DISCONNECTED)
                peer.send(publish_frame("room", (mid, bytes(2 * limit))))
                self.assertTrue(events.poll(DEADLINE * 1000), "the connection stays open")
                peer.front.disable_monitor()
                events.close()
                self.assertEqual(self.code(peer.ask(op="ping")), "no-session")
                self.assertTrue(peer.hello(resume=peer.welcome["resume"])["resumed"])
            self.assertEqual([room["seq"] for room in peer.ask(op="rooms", prefix="room")["rooms"]], [1])
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


class ControlFrames(BadInput):
    # op → member → what is taken; everything else is of the wrong type or out of range.
    OPS = {
        "hello": {"proto": "integer", "client": "text", "nick": "text", "resume": "text", "agent": "text"},
        "join": {"room": "text", "after": "integer", "presence": "boolean"},
        "leave": {"room": "text"},
        "publish": {"room": "text", "text": "text", "key": "text", "delete": "boolean", "expect": "integer", "mid": "integer"},
        "direct": {"to": "text", "text": "text"},
        "replay": {"room": "text", "after": "integer", "last": "integer", "until": "integer", "limit": "integer"},
        "state": {"room": "text", "key": "text", "after": "integer"},
        "who": {"room": "text", "after": "text", "limit": "integer"},
        "rooms": {"prefix": "text", "after": "text", "limit": "integer"},
        "ping": {},
        "bye": {},
    }
    REQUIRED = {"hello": {"proto": 1, "client": "c" * 32}, "direct": {"to": "honest", "text": ""}, "rooms": {},
                "replay": {"room": "room", "after": 0}, "ping": {}, "bye": {}}
    WRONG = {
        "integer": ["1", "", True, None, [1], {"a": 1}, 1.0, 1.5, -1, 1 << 53, (1 << 63) - 1],
        "text": [1, 0, True, None, ["a"], {"a": "b"}, 1.5],
        "boolean": [1, 0, "true", "", None, [], {}],
    }

    def valid(self, op):
        return {"op": op, **self.REQUIRED.get(op, {"room": "room"})}

    def test_members_of_the_wrong_type(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for op, members in self.OPS.items():
                for member, kind in members.items():
                    for wrong in self.WRONG[kind]:
                        request = {**self.valid(op), "client": peer.client} if op == "hello" else self.valid(op)
                        if member == "last":
                            del request["after"]
                        if member in ("delete", "expect"):
                            request["key"] = "key"
                        request[member] = wrong
                        error = peer.ask(**request)
                        self.assertEqual(self.code(error), "bad-member", request)
                        self.assertIn(f"'{member}'", error["text"])
                for member in self.valid(op):
                    if member != "op":
                        request = self.valid(op)
                        del request[member]
                        self.assertEqual(self.code(peer.ask(**request)), "bad-member", request)
            for request in ({"op": "replay", "room": "r", "after": 1, "last": 1}, {"op": "replay", "room": "r", "last": 0},
                            {"op": "replay", "room": "r", "after": 0, "limit": 0},
                            {"op": "publish", "room": "r", "delete": True}, {"op": "publish", "room": "r", "expect": 0},
                            {"op": "publish", "room": "r", "key": "k", "delete": True, "text": "x"},
                            {"op": "hello", "proto": 1, "client": "C" * 32}, {"op": "hello", "proto": 1, "client": "c" * 31},
                            {"op": "hello", "proto": 1, "client": "c" * 33}, {"op": "hello", "proto": 1, "client": "g" * 32}):
                self.assertEqual(self.code(peer.ask(**request)), "bad-member", request)
            self.assertEqual(self.code(peer.ask(op="hello", proto=2, client=peer.client)), "bad-proto")
            self.assertEqual(self.code(peer.ask(op="publish", room="r", mid=0)), "bad-id")
            # An integer too large for any machine: out of range, or no JSON for this parser.
            self.refused(peer, b'{"op":"join","room":"r","after":' + b"9" * 400 + b"}", "bad-member", "bad-json")
            self.assertEqual(self.rooms(peer), [])
            honest.check()

    def test_op_and_id(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for op in ("", 1, None, True, ["ping"], {}, "p" * 65):
                self.assertEqual(self.code(peer.ask(op=op)), "bad-member", op)
            for op in ("PING", "ping ", "pingx", "welcome", "subscribe", "p" * 64, "pi\u0301ng"):
                self.assertEqual(self.code(peer.ask(op=op)), "unknown-op", op)
            for wrong in (None, True, 1.5, [], {}, ["x"], "i" * 65):
                error = self.refused(peer, json.dumps({"op": "ping", "id": wrong}).encode(), "bad-member")
                self.assertNotIn("re", error)
            for right in (0, -1, 7, (1 << 53) - 1, "", "i" * 64, "\u2603", "\x1b[2J", "a b"):
                peer.send(json.dumps({"op": "ping", "id": right}).encode())
                self.assertEqual(peer.control()["re"], right)
            honest.check()

    def test_everything_before_hello(self):
        with self.attacked() as (broker, honest):
            stranger = self.peer(broker, hello=False)
            for op in self.OPS:
                if op != "hello":
                    self.assertEqual(self.code(stranger.ask(**self.valid(op))), "no-session")
            for frame in (b"", b"{", b"{}", b"\x02" * 18, b"\xff" * 9, b'{"op":1}', b'{"op":"nothing"}', b"{" + b" " * 100_000,
                          publish_frame("room", (1, b"x"))):
                self.refused(stranger, frame, "no-session")
            self.assertEqual(self.code(stranger.ask(op="hello", proto=2, client=stranger.client)), "bad-proto")
            self.assertEqual(self.code(stranger.ask(op="hello", proto=1, client="x")), "bad-member")
            self.assertEqual(self.code(stranger.ask(op="ping")), "no-session")
            self.assertEqual(self.rooms(self.peer(broker)), [])
            honest.check()

    def test_no_json(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for text in (b"{", b"{}}", b"{} {}", b'{"op":"ping"', b'{"op":"ping",}', b"{'op':'ping'}", b'{"op" "ping"}', b"{op:ping}",
                         b'{"op":"ping"}x', b'{"op":"ping"}\0', b'{"op":"ping","x":01}', b'{"op":"ping","x":+1}', b'{"op":"ping","x":.5}',
                         b'{"op":"ping","x":NaN}', b'{"op":"ping","x":Infinity}', b'{"op":"ping","x":"\n"}', b'{"op":"ping","x":"\\x41"}',
                         b'{"op":"ping","x":/**/1}', b'{"op":"ping","x":"unclosed}', b'{"op":"ping","x":[}',
                         # twice the same member, also when written differently or further down
                         b'{"op":"ping","op":"ping"}', b'{"op":"ping","\\u006fp":"ping"}', b'{"op":"ping","x":{"a":1,"a":1}}',
                         b'{"op":"ping","id":1,"id":2}',
                         # NUL and half characters
                         b'{"op":"ping","x":"\\u0000"}', b'{"op":"ping","\\u0000":1}', b'{"op":"ping\\u0000"}',
                         b'{"op":"ping","x":"\\ud800"}', b'{"op":"ping","x":"\\udc00\\ud800"}', b'{"op":"ping","x":"\0"}',
                         *(b'{"op":"ping","x":"' + bad + b'"}' for bad in NOT_UTF8),
                         *(b'{"op":"ping","' + bad + b'":1}' for bad in NOT_UTF8)):
                self.refused(peer, text, "bad-json")
            for text in (b'\xef\xbb\xbf{"op":"ping"}', b' {"op":"ping"}', b'\n{"op":"ping"}', b'["op","ping"]', b'"ping"', b"1", b"null",
                         '{"op":"ping"}'.encode("utf-16-le")[1:], '{"op":"ping"}'.encode("utf-16")):
                self.refused(peer, text, "bad-frame")
            for text in (b'{ "op" :\t"ping"\n, "x" : {} }\r\n', b'{"\\u006fp":"p\\u0069ng"}', b'{"op":"ping","x":"\\ud83d\\ude00"}'):
                peer.send(text)
                self.assertEqual(peer.control()["op"], "pong")
            honest.check()

    def test_deep_and_huge(self):
        with self.attacked() as (broker, honest):
            peer = self.peer(broker)
            for deep in (9, 100, 30_000):
                for opened in ("[", '{"a":'):
                    text = '{"op":"ping","x":' + opened * deep
                    self.refused(peer, text.encode(), "bad-json", "too-large")
            peer.send(b'{"op":"ping","x":' + b"[" * 7 + b"]" * 7 + b"}")
            self.assertEqual(peer.control()["op"], "pong")
            self.refused(peer, b'{"op":"ping","x":' + b"[" * 8 + b"]" * 8 + b"}", "bad-json")
            peer.send(b'{"op":"ping","x":"' + b"[{" * 100 + b'"}')  # in a string they are text
            self.assertEqual(peer.control()["op"], "pong")
            limit = peer.welcome["limits"]["control"]
            many = b'{"op":"ping"' + b"".join(b',"%d":%d' % (number, number) for number in range(4000)) + b"}"
            self.assertLess(len(many), limit)
            self.refused(peer, many, "bad-json")
            for size in (limit + 1, 2 * limit, 1_000_000):
                self.refused(peer, b'{"op":"ping","x":"' + b"x" * (size - 20) + b'"}', "too-large")
            # The largest there may be, one after the other.
            for _ in range(100):
                peer.send(b'{"op":"ping","id":1,"x":[' + b"1," * 900 + b'"' + b"x" * (limit - 2000) + b'"]}')
            for _ in range(100):
                self.assertEqual(peer.control()["op"], "pong")
            honest.check()

    def test_forbidden_characters_in_names(self):
        with self.attacked(CONFIG + "limits\n    rate-ops = 0\n") as (broker, honest):
            peer = self.peer(broker)
            long = "n" * 300
            for room in [*FORBIDDEN, *ROOM_FORBIDDEN, "", "r" * 129, long]:
                for op in ("join", "leave", "publish", "state", "who"):
                    self.assertEqual(self.code(peer.ask(op=op, room=room)), "bad-room", (op, room))
                self.assertEqual(self.code(peer.ask(op="replay", room=room, after=0)), "bad-room")
                name = room.encode()[:255].decode(errors="ignore")
                if name:
                    error = self.refused(peer, publish_frame(name, (1, b"x")), "bad-room")
                    self.assertEqual(error["mid"], 1)
                    peer.ask(op="bye")
                    peer.client = secrets.token_hex(16)
                    peer.hello()
            for nick in [*FORBIDDEN, "", "n" * 33, long]:
                self.assertEqual(self.code(peer.hello(nick)), "bad-nick", nick)
                self.assertEqual(self.code(peer.ask(op="direct", to=nick, text="")), "bad-nick", nick)
            for key in [*FORBIDDEN, "", long]:
                self.assertEqual(self.code(peer.ask(op="publish", room="room", key=key)), "bad-key", key)
                self.assertEqual(self.code(peer.ask(op="state", room="room", key=key)), "bad-key", key)
            mid = 0
            for key in [*(key.encode() for key in FORBIDDEN), *NOT_UTF8, b"a\0b"]:
                mid += 1
                self.assertEqual(self.refused(peer, publish_frame("room", (mid, b"x", key)), "bad-key")["mid"], mid)
            for room in NOT_UTF8 + [b"a\0b"]:
                mid += 1
                frame = struct.pack(">BB", 1, len(room)) + room + publish_frame("", (mid, b"x"))[2:]
                self.assertEqual(self.refused(peer, frame, "bad-room")["mid"], mid)
            self.assertEqual(self.rooms(peer), [])
            # Names that only look odd are allowed.
            for name in ("*nick*", "{nick}", "\u00fc\u0308", "\u0627\u0628", "\U0001f600", "\u00a1"):
                self.assertEqual(peer.hello(name)["nick"], name)
                self.assertEqual(peer.ask(op="publish", room="ro{om", key=name)["op"], "ack")
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
