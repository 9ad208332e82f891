"""Every limit of PROTOCOL.md, section 10, with a small value: what fits is taken, what is beyond it gets the answer that stands there."""
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import struct
import time
import unittest

import zmq

import test_auth
from harness import TestCase, deliver_entries, publish_frame, wait_for

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")
COVERED = {}


def covers(*limits):
    """Marks a test as one of these limits: a name of section 10, or of a limit without a name the column "bounds"."""
    def mark(test):
        for limit in limits:
            COVERED.setdefault(limit, []).append(test.__name__)
        return test
    return mark


def limits(**values):
    """A configuration with these limits; an underscore stands for a dash."""
    return "limits\n" + "".join(f"    {name.replace('_', '-')} = {value}\n" for name, value in values.items())


def log(**values):
    return limits(**values).replace("limits\n", "log\n")


def padded(size, **members):
    """A control frame of exactly `size` bytes."""
    frame = json.dumps({**members, "pad": ""})
    return (frame[:-2] + "x" * (size - len(frame)) + frame[-2:]).encode()


class LimitCase(TestCase):
    def code(self, answer):
        self.assertEqual(answer["op"], "error", answer)
        return answer["code"]

    def answer(self, peer):
        """The next ACK as ("ack", upto, seq), or the next control frame."""
        while True:
            frame = peer.receive()
            if frame[:1] == b"\x02":
                return ("ack", *struct.unpack(">QQ", frame[2:]))
            if frame[:1] == b"{":
                return json.loads(frame)

    def publish(self, peer, room, *entries):
        peer.send(publish_frame(room, *entries))
        return self.answer(peer)

    def publish_one_by_one(self, peer, room, count, body=b"x", first=1):
        """Each in a pass, hence in a frame, of its own."""
        for mid in range(first, first + count):
            self.assertEqual(self.publish(peer, room, (mid, body))[:2], ("ack", mid))

    def replay(self, peer, **request):
        """The answer, and the entries of each frame before it."""
        request = {"op": "replay", "id": secrets.token_hex(4), **request}
        peer.send(json.dumps(request).encode())
        frames = []
        while True:
            frame = peer.receive()
            if frame[:1] != b"{":
                frames.append(deliver_entries(frame)[3])
            elif json.loads(frame).get("re") == request["id"]:
                return json.loads(frame), frames


class Raw(LimitCase):
    """What only a peer does that speaks ZMTP by hand."""
    HIGHEST = 128 << 20  # bytes that nobody gets to send

    def connect(self, endpoint, kind):
        one = socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1])))
        self.addCleanup(one.close)
        self.assertTrue(test_auth.talk(one, test_auth.GREETING, b"READY"))
        one.sendall(test_auth.ready(kind=kind))
        return one

    def memory(self, broker):
        with open(f"/proc/{broker.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) << 10

    def is_open(self, one):
        try:
            return one.recv(1 << 20, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def parts(self, one, size, total):
        """Sends a message of `total` bytes in parts, of which more are to come, or as much of it as the broker lets come."""
        part = b"\x03" + size.to_bytes(8, "big") + bytes(size)
        with contextlib.suppress(OSError):
            for _ in range(total // len(part)):
                one.sendall(part)

    def assert_cut_off(self, broker, one, size, fits, beyond, honest):
        """A message of `fits` bytes is waited for, one of `beyond` is not."""
        self.parts(one, size, fits)
        for _ in range(100):  # some looks at who is ahead fall into it
            self.assertEqual(honest.ask(op="ping")["op"], "pong")
        self.assertTrue(self.is_open(one))
        before = self.memory(broker)
        self.parts(one, size, beyond - fits)
        wait_for(lambda: not self.is_open(one), "the end of the connection")
        self.assertLess(self.memory(broker) - before, 4 * beyond + (64 << 20))
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        broker.wait_err("sent more than could be taken in")

    @covers("bytes that a DEALER sent since its last whole message, on TCP")
    def test_a_message_without_end(self):
        broker = self.broker()
        honest = self.peer(broker)
        for size in (100, 1 << 20):
            self.assert_cut_off(broker, self.connect(broker.server, b"DEALER"), size, 4 << 20, 8 << 20, honest)

    @covers("bytes that a SUB sent since its last whole message, on TCP")
    def test_a_subscription_without_end(self):
        broker = self.broker()
        self.assert_cut_off(broker, self.connect(broker.back, b"SUB"), 1000, 60000, 200000, self.peer(broker))

    def test_many_whole_messages_are_no_message_without_end(self):
        broker = self.broker()
        peer = self.peer(broker)
        for mid in range(1, 101):  # 10 MB, each answered
            self.assertEqual(self.publish(peer, "room", (mid, bytes(100000)))[:2], ("ack", mid))
        for mid in range(101, 201):  # and all at once
            peer.send(publish_frame("room", (mid, bytes(100000))))
        while self.answer(peer)[1] < 200:
            pass
        broker.signal(signal.SIGTERM)
        broker.finish()
        self.assertIn("too far ahead 0", broker.errors())

    @covers("bytes of one DEALER that the broker, busy as it is, did not take in yet, on TCP")
    def test_a_broker_that_takes_nothing_in(self):
        config = limits(window="4k", max_frame="4k", max_control="4k")
        broker = self.broker(config=config)
        fits, beyond = self.connect(broker.server, b"DEALER"), self.connect(broker.server, b"DEALER")
        honest = self.peer(broker)
        # Parts are what waits here; as many bytes of whole messages come to the same.
        self.parts(fits, 1000, 8000)
        self.parts(beyond, 1000, 1 << 20)
        wait_for(lambda: not self.is_open(beyond), "the end of the connection")
        self.assertTrue(self.is_open(fits))
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    SUBSCRIBED, GIVEN_BACK = b"\x00\x02\x01a", b"\x00\x02\x00a"

    def synced(self, one, number):
        """Whether the broker still listens: it answers a subscription to a nonce, once all before it is taken in."""
        nonce = b"\xff" + b"%032x" % number
        return test_auth.talk(one, bytes([0, 1 + len(nonce)]) + b"\x01" + nonce, b"synced")

    @covers("rate-subscriptions")
    def test_subscriptions_in_a_second(self):
        few = self.broker(config=limits(rate_subscriptions=10, max_joins=1))
        one = self.connect(few.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 9)
        self.assertTrue(self.synced(one, 1))
        honest = self.peer(few)
        try:
            one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 100000)
        except OSError:
            pass
        wait_for(lambda: not self.is_open(one), "the end of the connection")
        few.wait_err("too many, or is too fast")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        # The rooms that may be joined are more than the seconds give.
        rooms = self.broker(config=limits(rate_subscriptions=1, max_joins=1000))
        one = self.connect(rooms.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 1999)
        self.assertTrue(self.synced(one, 2))
        # And none means none.
        free = self.broker(config=limits(rate_subscriptions=0, max_joins=1))
        one = self.connect(free.back, b"SUB")
        one.sendall((self.SUBSCRIBED + self.GIVEN_BACK) * 1000)
        self.assertTrue(self.synced(one, 3))

    @covers("bytes of one SUB that the broker, busy as it is, did not take in yet, on TCP")
    def test_a_broker_that_takes_no_subscriptions_in(self):
        broker = self.broker(config=limits(rate_subscriptions=1, max_joins=100))  # 400 at once
        fits, beyond = self.connect(broker.back, b"SUB"), self.connect(broker.back, b"SUB")
        honest = self.peer(broker)
        # Parts are what waits here; as many bytes of whole messages come to the same.
        self.parts(fits, 1000, 60000)
        self.parts(beyond, 1000, 1 << 20)
        wait_for(lambda: not self.is_open(beyond), "the end of the connection")
        self.assertTrue(self.is_open(fits))
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    def test_a_flood_of_subscriptions(self):
        broker = self.broker()
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        one = self.connect(broker.back, b"SUB")
        before = self.memory(broker)
        flood = (self.SUBSCRIBED + self.GIVEN_BACK) * 10000
        with self.assertRaises(OSError):
            for _ in range(self.HIGHEST // len(flood)):
                one.sendall(flood)
        self.assertLess(self.memory(broker) - before, 256 << 20)
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")


class Frames(LimitCase):
    @covers("max-frame")
    def test_max_frame(self):
        broker = self.broker(config=limits(max_frame="4k", max_control="1k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["frame"], 4096)
        head = len(publish_frame("room", (1, b"")))
        self.assertEqual(self.publish(peer, "room", (1, bytes(4096 - head))), ("ack", 1, 1))
        error = self.publish(peer, "room", (2, bytes(4097 - head)))
        self.assertEqual((self.code(error), error["mid"], error["room"]), ("too-large", 2, "room"))
        error = self.publish(peer, "room", (3, bytes(2000)), (4, b""), (5, bytes(3000)))
        self.assertEqual((self.code(error), error["mid"], error["upto"]), ("too-large", 3, 5))
        frame = publish_frame("room", (6, b""))
        error = self.publish(peer, "room", (6, bytes(8192 - len(frame))))
        self.assertEqual(self.code(error), "too-large")
        self.assertEqual(self.publish(peer, "room", (7, b"fits")), ("ack", 7, 2))
        # Beyond twice that the connection is closed; the session waits for the resume.
        events = peer.front.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        peer.send(publish_frame("room", (8, bytes(8193 - len(frame)))))
        self.assertTrue(events.poll(60_000), "the connection stays open")
        peer.front.disable_monitor()
        events.close()
        self.assertEqual(self.code(peer.ask(op="ping")), "no-session")
        self.assertTrue(peer.hello(resume=peer.welcome["resume"])["resumed"])
        self.assertEqual(self.publish(peer, "room", (9, b"again")), ("ack", 9, 3))

    @covers("max-frame")
    def test_body_that_welcome_promises_fits(self):
        broker = self.broker(config=limits(max_frame="4k"))
        peer = self.peer(broker)
        body = bytes(peer.welcome["limits"]["body"])
        self.assertEqual(self.publish(peer, "r" * 128, (1, body, b"k" * 255, 2, 0)), ("ack", 1, 1))

    @covers("max-frame")
    def test_what_one_broker_takes_every_reader_gets(self):
        """Entries beyond 64 MiB, with the command line for a reader: live, and by replay."""
        size = 70 << 20
        broker = self.broker(config=limits(max_frame="128M") + log(bytes="1G", room_bytes="1G"))
        reader = self.zrelay(broker, "sub", "room", "--count", "1", "--timeout", "20")
        peer = self.peer(broker)
        self.wait_members(broker, "room", 1)
        self.assertEqual(self.publish(peer, "room", (1, b"x" * size)), ("ack", 1, 1))
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(len(reader.out), size + 1)
        self.assertEqual(len(self.run_zrelay(broker, "history", "room").out), size + 1)

    @covers("window")
    def test_window(self):
        """The client keeps to it (test_library.py); one that does not is answered all the same."""
        broker = self.broker(config=limits(window="4k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["window"], 4096)
        broker.signal(signal.SIGSTOP)
        for mid in range(1, 101):
            peer.send(publish_frame("room", (mid, bytes(4000))))
        broker.signal(signal.SIGCONT)
        while self.answer(peer) != ("ack", 100, 100):
            pass

    @covers("max-control")
    def test_max_control(self):
        broker = self.broker(config=limits(max_frame="4k", max_control="1k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["control"], 1024)
        peer.send(padded(1024, op="ping"))
        self.assertEqual(peer.control()["op"], "pong")
        peer.send(padded(1025, op="ping"))
        self.assertEqual(self.code(peer.control()), "too-large")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")

    @covers("max-control")
    def test_max_control_default(self):
        peer = self.peer(self.broker())
        self.assertEqual(peer.welcome["limits"]["control"], 65536)
        peer.send(padded(65536, op="ping"))
        self.assertEqual(peer.control()["op"], "pong")
        peer.send(padded(65537, op="ping"))
        self.assertEqual(self.code(peer.control()), "too-large")

    @covers("nesting of JSON")
    def test_nesting(self):
        peer = self.peer(self.broker())
        for depth, opened, closed in ((7, "[", "]"), (7, '{"a":', "}")):
            inner = "1" if opened != "[" else ""
            peer.send(f'{{"op":"ping","x":{opened * depth}{inner}{closed * depth}}}'.encode())
            self.assertEqual(peer.control()["op"], "pong")
            peer.send(f'{{"op":"ping","x":{opened * (depth + 1)}{inner}{closed * (depth + 1)}}}'.encode())
            self.assertEqual(self.code(peer.control()), "bad-json")

    @covers("max-entries")
    def test_max_entries(self):
        peer = self.peer(self.broker(config=limits(max_entries=3)))
        self.assertEqual(peer.welcome["limits"]["entries"], 3)
        self.assertEqual(self.publish(peer, "room", *((mid, b"") for mid in (1, 2, 3))), ("ack", 3, 3))
        error = self.publish(peer, "room", *((mid, b"") for mid in (4, 5, 6, 7)))
        self.assertEqual((self.code(error), error["mid"], error["upto"]), ("too-many-entries", 4, 7))
        self.assertEqual(self.publish(peer, "room", (8, b"")), ("ack", 8, 4))

    @covers("bytes of room / nick / key")
    def test_names(self):
        broker = self.broker()
        peer = self.peer(broker, "n" * 32)
        self.assertEqual(self.code(peer.hello("n" * 33)), "bad-nick")
        for room in ("r" * 128, "\u00e4" * 64):
            self.assertEqual(peer.ask(op="join", room=room)["op"], "joined")
        for room in ("r" * 129, "\u00e4" * 64 + "r", ""):
            self.assertEqual(self.code(peer.ask(op="join", room=room)), "bad-room")
        self.assertEqual(peer.ask(op="publish", room="room", key="k" * 255, text="")["op"], "ack")
        self.assertEqual(self.code(peer.ask(op="publish", room="room", key="k" * 256, text="")), "bad-key")
        self.assertEqual(self.code(peer.ask(op="publish", room="room", key="", text="")), "bad-key")
        self.assertEqual(self.code(self.publish(peer, "r" * 129, (1, b""))), "bad-room")
        self.assertEqual(self.publish(peer, "room", (2, b"", b"k" * 255, 0, 0)), ("ack", 2, 2))

    @covers("bytes of id, of agent")
    def test_id_and_agent(self):
        broker = self.broker()
        peer = self.peer(broker)
        self.assertEqual(peer.ask(op="ping", id="i" * 64)["op"], "pong")
        peer.send(json.dumps({"op": "ping", "id": "i" * 65}).encode())
        error = peer.control()
        self.assertEqual((self.code(error), "re" in error), ("bad-member", False))
        for size, op in ((64, "welcome"), (65, "error")):
            other = self.peer(broker, hello=False)
            self.assertEqual(other.ask(op="hello", proto=1, client=other.client, agent="a" * size)["op"], op)


class Holdings(LimitCase):
    @covers("max-sessions")
    def test_max_sessions(self):
        broker = self.broker(config=limits(max_sessions=2))
        first, second, third = self.peer(broker), self.peer(broker), self.peer(broker, hello=False)
        self.assertEqual(self.code(third.hello()), "too-many-sessions")
        # Known ones come back all the same: by resuming and by replacing.
        again = self.peer(broker, client=first.client, resume=first.welcome["resume"])
        self.assertTrue(again.welcome["resumed"])
        self.assertEqual(self.peer(broker, client=first.client).welcome["op"], "welcome")
        self.assertEqual(self.code(third.hello()), "too-many-sessions")
        self.assertEqual(second.ask(op="bye")["op"], "ok")
        self.assertEqual(third.hello()["op"], "welcome")

    @covers("max-sessions")
    def test_detached_sessions_count_until_they_expire(self):
        broker = self.broker(config=limits(max_sessions=1) + "server\n    heartbeat = 200\n")
        self.peer(broker).close()
        other = self.peer(broker, hello=False)
        self.assertEqual(self.code(other.hello()), "too-many-sessions")
        wait_for(lambda: other.hello()["op"] == "welcome", "the session that is gone to expire")

    @covers("max-rooms")
    def test_max_rooms(self):
        peer = self.peer(self.broker(config=limits(max_rooms=2)))
        self.assertEqual(peer.ask(op="join", room="a")["op"], "joined")
        self.assertEqual(self.publish(peer, "b", (1, b"")), ("ack", 1, 1))
        self.assertEqual(self.code(peer.ask(op="join", room="c")), "too-many-rooms")
        error = self.publish(peer, "c", (2, b""), (3, b""))
        self.assertEqual((self.code(error), error["mid"], error["upto"], error["room"]), ("too-many-rooms", 2, 3, "c"))
        self.assertEqual(self.code(peer.ask(op="publish", room="c", text="")), "too-many-rooms")
        # Looking makes no room, and a room that nobody used and everybody left is gone.
        for op in ("who", "state", "leave"):
            self.assertNotEqual(peer.ask(op=op, room="c")["op"], "error")
        self.assertEqual(peer.ask(op="replay", room="c", after=0)["op"], "replayed")
        peer.ask(op="leave", room="a")
        wait_for(lambda: peer.ask(op="join", room="c")["op"] == "joined", "the empty room to be forgotten")

    @covers("max-rooms")
    def test_refused_entries_leave_no_room_behind(self):
        peer = self.peer(self.broker(config=limits(max_rooms=2)))
        for number in range(5):
            error = self.publish(peer, f"binary-{number}", (number + 1, b"", b"key", 2, 99))
            self.assertEqual(self.code(error), "conflict")
            error = peer.ask(op="publish", room=f"text-{number}", key="key", expect=99)
            self.assertEqual(self.code(error), "conflict")
        self.assertEqual(peer.ask(op="join", room="a")["op"], "joined")
        self.assertEqual(peer.ask(op="join", room="b")["op"], "joined")

    @covers("max-joins")
    def test_max_joins(self):
        peer = self.peer(self.broker(config=limits(max_joins=2)))
        self.assertEqual(peer.welcome["limits"]["rooms"], 2)
        for room in ("a", "b", "a"):
            self.assertEqual(peer.ask(op="join", room=room)["op"], "joined")
        self.assertEqual(self.code(peer.ask(op="join", room="c")), "too-many-joins")
        peer.ask(op="leave", room="a")
        self.assertEqual(peer.ask(op="join", room="c")["op"], "joined")

    @covers("presence-names")
    def test_presence_names(self):
        """With one member more nobody is named, until half as many are left."""
        broker = self.broker(config=limits(presence_names=4))
        peers = [self.peer(broker, f"n{number}") for number in range(5)]
        peers[0].subscribe(b"room\1")

        def told(done):
            while True:
                frame = json.loads(peers[0].live().partition(b"\1")[2])
                if done(frame):
                    return frame
        for peer in peers[:4]:
            self.assertNotIn("crowded", peer.ask(op="join", room="room"))
        self.assertNotIn("crowded", told(lambda frame: frame["count"] == 4))
        self.assertNotIn("crowded", peers[0].ask(op="who", room="room"))
        joined = peers[4].ask(op="join", room="room")
        self.assertEqual((joined["crowded"], joined["count"]), (True, 5))
        frame = told(lambda frame: frame["count"] == 5)
        self.assertEqual((frame["joined"], frame["left"], frame["crowded"]), ([], [], True))
        who = peers[0].ask(op="who", room="room")
        self.assertEqual((len(who["users"]), who["crowded"]), (5, True))
        for peer in peers[3:]:
            peer.ask(op="leave", room="room")
        self.assertTrue(told(lambda frame: frame["count"] == 3)["crowded"])
        peers[2].ask(op="leave", room="room")
        frame = told(lambda frame: frame["count"] == 2)
        self.assertEqual((frame["joined"], frame["left"], frame["crowded"]), ([], [], False))
        self.assertNotIn("crowded", peers[0].ask(op="who", room="room"))
        peers[2].ask(op="join", room="room")
        frame = told(lambda frame: frame["count"] == 3)
        self.assertEqual((frame["joined"], "crowded" in frame), ([{"nick": "n2"}], False))

    @covers("max-keys")
    def test_max_keys(self):
        peer = self.peer(self.broker(config=limits(max_keys=2)))
        self.assertEqual(self.publish(peer, "room", (1, b"", b"a"), (2, b"", b"b")), ("ack", 2, 2))
        error = self.publish(peer, "room", (3, b"", b"c"))
        self.assertEqual((self.code(error), error["mid"], error["key"]), ("too-many-keys", 3, "c"))
        self.assertEqual(self.code(peer.ask(op="publish", room="room", key="c")), "too-many-keys")
        self.assertEqual(self.publish(peer, "room", (4, b"new", b"b")), ("ack", 4, 3))
        self.assertEqual(self.publish(peer, "other", (5, b"", b"c")), ("ack", 5, 1))
        self.assertEqual(self.publish(peer, "room", (6, b"", b"a", 1)), ("ack", 6, 4))
        self.assertEqual(self.publish(peer, "room", (7, b"", b"c")), ("ack", 7, 5))

    @covers("max-state-bytes")
    def test_max_state_bytes(self):
        peer = self.peer(self.broker(config=limits(max_state_bytes="1k")))
        self.assertEqual(self.publish(peer, "a", (1, bytes(400), b"key")), ("ack", 1, 1))
        self.assertEqual(self.publish(peer, "b", (2, bytes(400), b"key")), ("ack", 2, 1))
        error = self.publish(peer, "c", (3, bytes(400), b"key"))
        self.assertEqual((self.code(error), error["mid"]), ("state-full", 3))
        self.assertEqual(self.code(peer.ask(op="publish", room="c", key="key", text="x" * 400)), "state-full")
        self.assertEqual(self.publish(peer, "c", (4, bytes(400)))[:2], ("ack", 4))  # without a key it is no state
        self.assertEqual(self.publish(peer, "a", (5, bytes(300), b"key"))[:2], ("ack", 5))  # a value in place of another
        self.assertEqual(self.publish(peer, "a", (6, b"", b"key", 1))[:2], ("ack", 6))
        self.assertEqual(self.publish(peer, "c", (7, bytes(400), b"key"))[:2], ("ack", 7))

    @covers("max-clients")
    def test_max_clients(self):
        broker = self.broker(config=limits(max_clients=2))
        writers = [self.peer(broker) for _ in range(3)]
        for number, writer in enumerate(writers, 1):
            self.assertEqual(self.publish(writer, "room", (1, b"")), ("ack", 1, number))
        # As long as its session lives, each is remembered, however many there are.
        for writer in writers:
            self.assertEqual(self.publish(writer, "room", (1, b"")), ("ack", 1, 0))
        for writer in writers:
            writer.ask(op="bye")
        # Of those who are gone, the last two are remembered.
        for writer, seq in ((writers[1], 0), (writers[2], 0), (writers[0], 4)):
            again = self.peer(broker, client=writer.client)
            self.assertEqual(self.publish(again, "room", (1, b"")), ("ack", 1, seq))

    @covers("refusals remembered of a client id")
    def test_refusals(self):
        peer = self.peer(self.broker())
        refused = range(1, 2 * 66, 2)  # with an entry that is stored between them: adjoining ones would count as one
        for mid in refused:
            self.assertEqual(self.code(self.publish(peer, "room", (mid, b"", b"key", 2, 99))), "conflict")
            self.assertEqual(self.publish(peer, "room", (mid + 1, b"")), ("ack", mid + 1, mid // 2 + 1))
        for mid in refused:
            error = self.publish(peer, "room", (mid, b"", b"key", 2, 99))
            self.assertEqual((self.code(error), error["mid"]), ("conflict" if mid in refused[-64:] else "outcome-unknown", mid))


class Replays(LimitCase):
    @covers("max-replays")
    def test_max_replays(self):
        broker = self.broker(config=limits(max_replays=2))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["replays"], 2)
        self.publish_one_by_one(peer, "room", 3)
        broker.signal(signal.SIGSTOP)  # so that all of them are there when it wakes up
        for number in range(10):
            peer.send(json.dumps({"op": "replay", "room": "room", "after": 0, "id": number}).encode())
        broker.signal(signal.SIGCONT)
        answers = [self.answer(peer) for _ in range(10)]
        codes = [answer.get("code", "replayed") for answer in answers]
        self.assertLessEqual(set(codes), {"replayed", "too-many-replays"})
        self.assertGreaterEqual(codes.count("replayed"), 2)
        self.assertGreaterEqual(codes.count("too-many-replays"), 1)
        self.assertEqual(sorted(answer["re"] for answer in answers), list(range(10)))
        self.assertEqual(self.replay(peer, room="room", after=0)[0]["count"], 3)

    def slices(self, peer, room, entries, **request):
        """Replays it all in slices; each as its frames' numbers of entries."""
        found, seqs, after = [], [], 0
        while True:
            answer, frames = self.replay(peer, room=room, after=after, **request)
            self.assertTrue(answer["complete"])
            self.assertEqual(answer["count"], sum(map(len, frames)))
            found.append([len(frame) for frame in frames])
            seqs += [entry[0] for frame in frames for entry in frame]
            after = answer["seq"]
            self.assertEqual(after, seqs[-1])
            if not answer["more"]:
                self.assertEqual(seqs, list(range(1, entries + 1)))
                return found

    @covers("replay-entries")
    def test_replay_entries(self):
        peer = self.peer(self.broker(config=limits(replay_entries=3)))
        self.publish(peer, "room", *((mid, b"") for mid in range(1, 8)))  # all in one frame, which must be cut
        self.assertEqual(self.slices(peer, "room", 7), [[3], [3], [1]])
        self.assertEqual(self.slices(peer, "room", 7, limit=2), [[2], [2], [2], [1]])
        self.assertEqual(self.slices(peer, "room", 7, limit=100), [[3], [3], [1]])
        for key in range(7):
            peer.ask(op="publish", room="state", key=f"k{key}")
        self.assertEqual(self.snapshot(peer), [3, 3, 1])

    def snapshot(self, peer):
        counts, seqs, after = [], [], 0
        while True:
            request = {"op": "state", "room": "state", "after": after, "id": secrets.token_hex(4)}
            peer.send(json.dumps(request).encode())
            count = 0
            while (frame := peer.receive())[:1] != b"{":
                _, flags, prev, entries = deliver_entries(frame)
                self.assertEqual((flags & 2, prev), (2, after))
                seqs += [entry[0] for entry in entries]
                count += len(entries)
            answer = json.loads(frame)
            self.assertEqual((answer["op"], answer["count"]), ("ok", count))
            counts.append(count)
            after = answer["next"]
            if not answer["more"]:
                self.assertEqual(seqs, sorted(set(seqs)))
                return counts

    @covers("replay-frames")
    def test_replay_frames(self):
        peer = self.peer(self.broker(config=limits(replay_frames=2)))
        self.publish_one_by_one(peer, "room", 5)
        self.assertEqual(self.slices(peer, "room", 5), [[1, 1], [1, 1], [1]])

    @covers("replay-bytes")
    def test_replay_bytes(self):
        peer = self.peer(self.broker(config=limits(replay_bytes="1k")))
        self.publish_one_by_one(peer, "room", 4, bytes(400))
        self.publish_one_by_one(peer, "room", 1, bytes(4000), first=5)  # never before one frame
        self.assertEqual(self.slices(peer, "room", 5), [[1, 1], [1, 1], [1]])
        for key in range(4):
            peer.ask(op="publish", room="state", key=f"k{key}", text="x" * 400)
        self.assertEqual(self.snapshot(peer), [2, 2])


class Queues(LimitCase):
    @covers("batch-bytes")
    def test_batch_bytes(self):
        broker = self.broker(config=limits(batch_bytes="1k"))
        peer = self.peer(broker)
        peer.subscribe(b"room\0")
        sizes = [300] * 10 + [4000] + [300] * 2
        self.publish(peer, "room", *((mid, bytes(size)) for mid, size in enumerate(sizes, 1)))
        last, frames = 0, []
        while last < len(sizes):
            frame = peer.live()
            _, _, prev, entries = deliver_entries(frame)
            self.assertEqual(prev, last)
            self.assertTrue(len(frame) <= 1024 or len(entries) == 1, "a frame is too large")
            last = entries[-1][0]
            frames.append(len(entries))
        self.assertLess(len(frames), len(sizes))  # and yet they are gathered

    @covers("route-queue")
    def test_route_queue(self):
        broker = self.broker(config=limits(route_queue=16, replay_frames=8, replay_bytes="4M") + "server\n    heartbeat = 60000\n")
        other = self.peer(broker, "other")
        self.publish_one_by_one(other, "room", 8, bytes(500_000))
        # Somebody who asks and does not read: what the operating system takes for it is some megabytes, then the queue fills.
        deaf = self.peer(broker, "deaf", hello=False, rcvhwm=1, rcvbuf=4096)
        deaf.hello("deaf")
        for _ in range(40):
            deaf.send(b'{"op":"replay","room":"room","after":0}')
        wait_for(lambda: other.ask(op="direct", to="deaf", text="").get("code") == "no-such-user", "the session to be detached")
        # It is still there, nobody else can have its name, and it comes back.

        def no_session():
            while deaf.front.poll(0):
                frame = deaf.front.recv()
                if frame[:1] == b"{" and json.loads(frame).get("code") == "no-session":
                    return True
            deaf.send(b'{"op":"ping"}')
            return deaf.front.poll(50) and False
        wait_for(no_session, "no-session")
        self.assertEqual(self.code(other.ask(op="hello", proto=1, client=other.client, nick="deaf")), "nick-in-use")
        while deaf.hello(resume=deaf.welcome["resume"])["op"] != "welcome":
            pass
        self.assertTrue(deaf.welcome["resumed"])
        self.assertEqual(other.ask(op="direct", to="deaf", text="")["op"], "ok")
        self.assertEqual(self.replay(deaf, room="room", after=0)[0]["count"], 8)

    @covers("reader-queue")
    def test_reader_queue(self):
        broker = self.broker(config=limits(reader_queue=16, batch_bytes="1k"))
        writer, reader = self.peer(broker), self.peer(broker)
        reader.sub = reader.context.socket(zmq.SUB)
        reader.sub.linger, reader.sub.rcvhwm, reader.sub.rcvbuf = 0, 1, 4096
        reader.sub.connect(reader.welcome["back"])
        reader.sub.subscribe(b"room\0")
        reader.sub.subscribe(b"\xffaaaaaaaa")
        self.assertTrue(reader.live().startswith(b"\xff"))
        self.publish_one_by_one(writer, "room", 60, bytes(500_000))
        self.publish_one_by_one(writer, "room", 1, b"tail", first=61)
        # All of it is in the log, and what the reader gets says where something is missing.
        self.assertEqual(reader.ask(op="join", room="room")["seq"], 61)
        last, gaps = 0, 0

        def read():
            nonlocal last, gaps
            _, _, prev, entries = deliver_entries(reader.live())
            gaps += prev != last
            self.assertGreaterEqual(prev, last)
            last = entries[-1][0]
            if entries[-1][5] == b"end":
                return True
        # What fits into its queue again comes; the next one shows the gap in its `prev`.
        mid = 61

        def drain():
            nonlocal mid
            while reader.sub.poll(20):
                if read():
                    return True
            mid += 1
            return self.publish(writer, "room", (mid, b"end")) and False
        wait_for(drain, "the reader to have read all that was kept for it")
        self.assertGreater(gaps, 0)


class Subscriptions(LimitCase):
    TOPIC = 1000  # bytes; the prefix below and enough that no two are the same

    def subscribe(self, sub, first, count):
        for number in range(first, first + count):
            sub.subscribe(b"t%09d" % number + b"x" * (self.TOPIC - 10))

    @covers("bytes of topics that one SUB is subscribed to")
    def test_a_reader_with_too_many_is_cut_off(self):
        broker = self.broker(config=limits(rate_subscriptions=0))
        honest = self.peer(broker)
        honest.subscribe(b"room\0")
        greedy = self.peer(broker)
        greedy.subscribe()
        fits = 2097152 // self.TOPIC - 1
        events = greedy.sub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.addCleanup(greedy.sub.disable_monitor)
        self.subscribe(greedy.sub, 0, fits)
        nonce = b"\xff0123456789abcdef"
        greedy.sub.subscribe(nonce)
        self.assertTrue(greedy.live().startswith(nonce))  # all of it was taken
        for number in range(fits):  # what is given back does not count
            greedy.sub.unsubscribe(b"t%09d" % number + b"x" * (self.TOPIC - 10))
        self.subscribe(greedy.sub, fits, fits)
        greedy.sub.unsubscribe(nonce)
        greedy.sub.subscribe(nonce)
        self.assertTrue(greedy.live().startswith(nonce))
        self.assertFalse(events.poll(0))
        self.subscribe(greedy.sub, 0, 10)
        self.assertTrue(events.poll(60000), "it is still connected")
        self.publish(honest, "room", (1, b"x"))
        self.assertEqual(deliver_entries(honest.live())[3][0][-1], b"x")


class Pages(LimitCase):
    PRESENCE = "users in who, rooms in rooms and in pong, changes in a presence frame"

    @covers(PRESENCE)
    def test_users_and_presence_frames(self):
        broker = self.broker(config="server\n    tick = 3000\n    heartbeat = 60000\nlimits\n    presence-names = 1000\n")
        watcher = self.peer(broker)
        watcher.subscribe(b"crowd\x01")
        crowd = self.crowd(broker, 520, {"op": "join", "room": "crowd"})
        wait_for(lambda: watcher.ask(op="who", room="crowd", limit=1)["count"] == 520, "the crowd to be there")
        who = watcher.ask(op="who", room="crowd")
        nicks = [user["nick"] for user in who["users"]]
        self.assertEqual((len(nicks), who["more"], who["count"]), (500, True, 520))
        more = watcher.ask(op="who", room="crowd", after=nicks[-1])
        self.assertFalse(more["more"])
        self.assertEqual(nicks + [user["nick"] for user in more["users"]], [f"n{number:04}" for number in range(520)])
        self.assertEqual(len(watcher.ask(op="who", room="crowd", limit=10_000)["users"]), 500)
        self.assertEqual([user["nick"] for user in watcher.ask(op="who", room="crowd", limit=2)["users"]], ["n0000", "n0001"])

        def changes(version):
            frame = json.loads(watcher.live()[len(b"crowd\x01"):])
            self.assertEqual(frame["version"], version)
            self.assertLessEqual(len(frame["joined"]) + len(frame["left"]), 500)
            return len(frame["joined"]), len(frame["left"])
        joined, version = 0, 0
        while joined < 520:
            version += 1
            joined += changes(version)[0]
        # All of them go at once, between two ticks: a storm takes several frames.
        broker.signal(signal.SIGSTOP)
        for front in crowd:
            front.send(b'{"op":"leave","room":"crowd"}')
        broker.signal(signal.SIGCONT)
        sizes = []
        while sum(sizes) < 520:
            sizes.append(changes(version + 1 + len(sizes))[1])
        self.assertGreaterEqual(len(sizes), 2)

    @covers(PRESENCE)
    def test_rooms_and_heads(self):
        peer = self.peer(self.broker())
        names = [f"room-{number:04}" for number in range(520)]
        for name in names:
            peer.send(json.dumps({"op": "join", "room": name, "presence": False}).encode())
        for name in names:
            self.assertEqual(peer.control()["room"], name)
        rooms = peer.ask(op="rooms")
        self.assertEqual(([room["room"] for room in rooms["rooms"]], rooms["more"]), (names[:500], True))
        rooms = peer.ask(op="rooms", after=names[499])
        self.assertEqual(([room["room"] for room in rooms["rooms"]], rooms["more"]), (names[500:], False))
        rooms = peer.ask(op="rooms", prefix="room-00", limit=10, after="room-0005")
        self.assertEqual(([room["room"] for room in rooms["rooms"]], rooms["more"]), (names[6:16], True))
        first, second = peer.ask(op="ping")["heads"], peer.ask(op="ping")["heads"]
        self.assertEqual((len(first), len(second)), (500, 20))
        self.assertEqual(sorted([*first, *second]), names)
        self.assertEqual(peer.ask(op="ping")["heads"], {})

    @covers("heartbeat")
    def test_heartbeat(self):
        broker = self.broker(config="server\n    heartbeat = 200\n")
        peer, other = self.peer(broker), self.peer(broker)
        self.assertEqual(peer.welcome["heartbeat"], 200)
        start = peer.welcome["time"]

        def gone():
            other.ask(op="ping")
            return peer.front.poll(20)
        wait_for(gone, "a bye")
        self.assertEqual(peer.control(), {"op": "bye", "reason": "expired"})
        self.assertGreaterEqual(other.ask(op="ping")["time"] - start, 600_000)

    @covers("tick")
    def test_tick(self):
        broker = self.broker(config="server\n    tick = 1000\n")
        watcher, ann = self.peer(broker), self.peer(broker, "ann")
        watcher.subscribe(b"room\x01")
        start = ann.ask(op="ping")["time"]
        for _ in range(100):
            ann.ask(op="join", room="room")
            ann.ask(op="leave", room="room")
        ann.ask(op="join", room="room")
        ticks = (ann.ask(op="ping")["time"] - start) // 1_000_000 + 1
        frames = [json.loads(watcher.live()[len(b"room\x01"):])]
        while frames[-1]["count"] == 0:
            frames.append(json.loads(watcher.live()[len(b"room\x01"):]))
        self.assertLessEqual(len(frames), ticks + 1)
        self.assertEqual([frame["version"] for frame in frames], list(range(1, len(frames) + 1)))


class Log(LimitCase):
    def assert_kept(self, peer, room, oldest, head):
        """The log reaches back to `oldest` and says so wherever it matters."""
        joined = peer.ask(op="join", room=room, after=0)
        self.assertEqual((joined["seq"], joined["oldest"], joined["recovered"]), (head, oldest, oldest == 0))
        self.assertTrue(peer.ask(op="join", room=room, after=oldest)["recovered"])
        self.assertFalse(peer.ask(op="join", room=room, after=head + 1)["recovered"])
        answer, frames = self.replay(peer, room=room, after=0)
        self.assertEqual((answer["complete"], answer["seq"], answer["count"]), (oldest == 0, head, head - oldest))
        self.assertEqual([entry[0] for frame in frames for entry in frame], list(range(oldest + 1, head + 1)))
        answer, _ = self.replay(peer, room=room, after=oldest)
        self.assertTrue(answer["complete"])
        answer, _ = self.replay(peer, room=room, last=head)
        self.assertEqual((answer["complete"], answer["count"]), (oldest == 0, head - oldest))

    @covers("room-entries")
    def test_room_entries(self):
        peer = self.peer(self.broker(config=log(room_entries=5)))
        self.publish_one_by_one(peer, "room", 5)
        self.assert_kept(peer, "room", 0, 5)
        self.publish_one_by_one(peer, "room", 7, first=6)
        self.publish_one_by_one(peer, "other", 3, first=20)
        self.assert_kept(peer, "room", 7, 12)
        self.assert_kept(peer, "other", 0, 3)

    @covers("room-bytes")
    def test_room_bytes(self):
        peer = self.peer(self.broker(config=log(room_bytes="4k")))
        self.publish_one_by_one(peer, "other", 1)
        self.publish_one_by_one(peer, "room", 10, bytes(900), first=2)
        oldest = peer.ask(op="join", room="room")["oldest"]
        self.assertIn(oldest, range(6, 9))  # a little is added for the bookkeeping
        self.assert_kept(peer, "room", oldest, 10)
        self.assert_kept(peer, "other", 0, 1)

    @covers("entries")
    def test_entries_of_all_rooms(self):
        peer = self.peer(self.broker(config=log(entries=5)))
        self.publish_one_by_one(peer, "a", 3)
        self.publish_one_by_one(peer, "b", 4, first=4)
        self.assert_kept(peer, "a", 2, 3)
        self.assert_kept(peer, "b", 0, 4)
        self.publish_one_by_one(peer, "b", 2, first=8)
        self.assert_kept(peer, "a", 3, 3)
        self.assert_kept(peer, "b", 1, 6)

    @covers("bytes")
    def test_bytes_of_all_rooms(self):
        peer = self.peer(self.broker(config=log(bytes="4k")))
        self.publish_one_by_one(peer, "a", 2, bytes(900))
        self.publish_one_by_one(peer, "b", 3, bytes(900), first=3)
        oldest = peer.ask(op="join", room="a")["oldest"]
        self.assertIn(oldest, (1, 2))
        self.assert_kept(peer, "a", oldest, 2)
        self.assert_kept(peer, "b", 0, 3)

    @covers("room-entries")
    def test_state_outlives_the_log(self):
        peer = self.peer(self.broker(config=log(room_entries=2)))
        peer.ask(op="publish", room="room", key="key", text="value")
        self.publish_one_by_one(peer, "room", 5)
        peer.send(b'{"op":"state","room":"room","id":1}')
        self.assertEqual(deliver_entries(peer.receive())[3][0][4:], (b"key", b"value"))


class OnDisk(LimitCase):
    """The limits of the log on disk; the first of a test's publishers has message ids from 1 on."""

    def durable(self, config=""):
        return self.broker("--data", self.path("data"), config=config)

    def database(self):
        connection = sqlite3.connect(self.path("data/zrelay.db"), isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def stop(self, broker):
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

    def wait_oldest(self, peer, room, oldest):
        wait_for(lambda: peer.ask(op="join", room=room)["oldest"] == oldest, f"everything up to {oldest} to be deleted")

    @covers("queue-bytes")
    def test_what_may_wait_for_the_disk(self):
        broker = self.durable(log(queue_bytes="64k"))
        peer, other = self.peer(broker), self.peer(broker)
        database = self.database()
        database.execute("BEGIN IMMEDIATE")  # nothing can be written
        peer.send(publish_frame("room", (1, bytes(60000))))
        self.assertEqual(other.ask(op="ping")["op"], "pong")
        peer.send(publish_frame("room", (2, bytes(60000))))

        def deaf():
            other.send(b'{"op":"ping","id":1}')
            return not other.front.poll(200) or not other.receive()
        wait_for(deaf, "the broker to read nothing any more")
        database.execute("ROLLBACK")
        self.assertEqual(other.control()["re"], 1)
        answer = self.answer(peer)
        if answer == ("ack", 1, 1):  # or one ack speaks of both
            answer = self.answer(peer)
        self.assertEqual(answer, ("ack", 2, 2))

    @covers("mark-age")
    def test_client_ids_are_forgotten(self):
        broker = self.durable()
        one, two = self.peer(broker), self.peer(broker)
        self.assertEqual(self.publish(one, "room", (1, b"")), ("ack", 1, 1))
        self.assertEqual(self.publish(two, "room", (1, b"")), ("ack", 1, 2))
        self.stop(broker)
        self.database().execute("UPDATE marks SET used = used - 120000000 WHERE client = ?", (one.client.encode(),))
        self.stop(self.durable(log(mark_age="1h")))
        broker = self.durable(log(mark_age="1m"))
        wait_for(lambda: self.database().execute("SELECT count(*) FROM marks").fetchone() == (1,), "a mark to be forgotten")
        self.stop(broker)
        broker = self.durable()
        self.assertEqual(self.publish(self.peer(broker, client=two.client), "room", (1, b"")), ("ack", 1, 0))
        self.assertEqual(self.publish(self.peer(broker, client=one.client), "room", (1, b"")), ("ack", 1, 3))

    @covers("max-age")
    def test_age_of_entries_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = room\n    max-age = 1s\n"))
        self.publish_one_by_one(peer, "room", 3)
        self.publish_one_by_one(peer, "other", 3, first=4)
        self.wait_oldest(peer, "room", 2)  # the newest stays
        self.assertEqual(peer.ask(op="join", room="other")["oldest"], 0)

    @covers("forget-after")
    def test_rooms_are_forgotten(self):
        aged = "room\n    pattern = room*\n    max-age = 1s\n"
        broker = self.durable(log(forget_after="1s") + aged)
        peer = self.peer(broker)
        self.publish_one_by_one(peer, "room1", 3)
        self.publish_one_by_one(peer, "other", 1, first=4)  # is kept for ever
        peer.ask(op="join", room="room2")
        self.publish_one_by_one(peer, "room2", 1, first=5)
        names = lambda: [room["room"] for room in peer.ask(op="rooms")["rooms"]]
        wait_for(lambda: "room1" not in names(), "the room to be forgotten")
        self.assertEqual(names(), ["other", "room2"])  # somebody is in it
        self.assertEqual(self.publish(peer, "room1", (6, b"")), ("ack", 6, 4))
        self.stop(broker)
        peer = self.peer(self.durable(log(forget_after="1h") + aged))
        self.wait_oldest(peer, "room2", 0)
        self.assertEqual(names(), ["other", "room1", "room2"])

    @covers("max-entries")
    def test_entries_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = ro*\n    max-entries = 5\n"))
        self.publish_one_by_one(peer, "room", 8)
        self.wait_oldest(peer, "room", 3)

    @covers("max-bytes")
    def test_bytes_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = *\n    max-bytes = 4k\n"))
        self.publish_one_by_one(peer, "room", 10, bytes(900))
        self.wait_oldest(peer, "room", 5)  # frames are a little more than their bodies; the one that passes the limit stays


class Rates(LimitCase):
    """What a session may do in a second; a broker that counts slowly enough that no machine is too slow for the test."""

    def sent_away(self, broker, peer, honest):
        """Waits until the flooder's session and connection are ended; `honest` notices nothing."""
        while (answer := self.answer(peer)) != {"op": "bye", "reason": "flooding"}:
            self.assertNotEqual(answer, None)
        peer.wait_gone(peer.front)
        broker.wait_err("audit the session of flooder ends: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    @covers("rate-ops")
    def test_rate_ops(self):
        broker = self.broker(config=limits(rate_ops=20))  # 80 at once
        peer, honest = self.peer(broker), self.peer(broker)
        for _ in range(3):  # hello was the fourth
            self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        error = wait_for(lambda: (lambda answer: answer["op"] == "error" and answer)(peer.ask(op="who", room="room")), "rate-limited")
        self.assertEqual(error["code"], "rate-limited")
        self.assertIn(error["wait"], range(1, 1051))
        self.assertEqual(peer.ask(op="ping")["op"], "pong")
        self.assertEqual(honest.ask(op="who", room="room")["op"], "who")
        time.sleep((error["wait"] + 50) / 1000)  # which the broker asks for, and the ping cost
        self.assertEqual(peer.ask(op="who", room="room")["op"], "who")
        # Another session on the same connection owes what the one before did.
        wait_for(lambda: peer.ask(op="who", room="room")["op"] == "error", "rate-limited")
        self.assertEqual(peer.ask(op="bye")["op"], "ok")
        self.assertEqual(self.code(peer.hello()), "rate-limited")

    @covers("rate-ops")
    def test_flood_of_requests(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, "flooder", watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        self.sent_away(broker, flooder, honest)

    @covers("rate-ops")
    def test_flood_without_a_session(self):
        broker = self.broker(config=limits(rate_ops=20))
        flooder, honest = self.peer(broker, hello=False, watch=True), self.peer(broker)
        for _ in range(1000):
            flooder.send(b'{"op":"ping"}')
        flooder.wait_gone(flooder.front)
        broker.wait_err("audit a connection from .* without a session is ended: flooding")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")

    def publish_rate(self, config, frame, fits, flood):
        """`frame(first, size)` is a PUBLISH of which `fits` is the largest size that fits, and `flood` the smallest that is a flood."""
        broker = self.broker(config=config)
        honest = self.peer(broker)
        peer = self.peer(broker)
        peer.send(frame(1, fits))
        self.assertEqual(self.answer(peer)[0], "ack")
        peer = self.peer(broker)
        peer.send(frame(1, fits + 1))
        error = self.answer(peer)
        self.assertEqual((self.code(error), "re" in error, "mid" in error), ("rate-limited", False, False))
        self.assertGreaterEqual(error["wait"], 1)
        self.assertEqual(self.answer(peer)[0], "ack")  # and it was taken all the same
        peer = self.peer(broker)
        peer.send(frame(1, flood - 1))
        self.assertEqual(self.code(self.answer(peer)), "rate-limited")
        self.assertEqual(self.answer(peer)[0], "ack")
        flooder = self.peer(broker, "flooder", watch=True)
        flooder.send(frame(1, flood))
        self.sent_away(broker, flooder, honest)

    @covers("rate-entries")
    def test_rate_entries(self):
        self.publish_rate(limits(rate_entries=100, window="4k"),
                          lambda first, size: publish_frame("room", *((first + number, b"") for number in range(size))), 200, 1201)

    @covers("rate-entries")
    def test_window_is_no_flood(self):
        """What a client may have sent before it hears anything, in the smallest entries."""
        peer = self.peer(self.broker(config=limits(rate_entries=1, rate_bytes=1, window="4k", max_entries=10)))
        frames = [publish_frame("r", *((mid + number, b"") for number in range(10))) for mid in range(1, 4096 // 14 - 30, 10)]
        self.assertLessEqual(sum(map(len, frames)), 4096)
        for frame in frames:
            peer.send(frame)
        while [*self.answer(peer)][:2] != ["ack", 10 * len(frames)]:
            pass

    @covers("rate-bytes")
    def test_rate_bytes(self):
        head = len(publish_frame("room", (1, b"")))
        self.publish_rate(limits(rate_bytes="10k", window="4k"),
                          lambda first, size: publish_frame("room", (first, bytes(size - head))), 20 << 10, 12 * (10 << 10) + 1)

    @covers("rate-ops", "rate-entries", "rate-bytes")
    def test_no_limit(self):
        peer = self.peer(self.broker(config=limits(rate_ops=0, rate_entries=0, rate_bytes=0)))
        for _ in range(3):
            for number in range(400):  # and not more at a time than fit into the queue for the answers
                peer.send(json.dumps({"op": "rooms", "id": number}).encode())
            for _ in range(400):
                self.assertEqual(peer.control()["op"], "rooms")


class Users(test_auth.AuthCase, LimitCase):
    def of(self, broker, keys, **options):
        return self.peer(broker, curve=(self.public, *keys), **options)

    def users_broker(self, **values):
        return self.encrypted(test_auth.section("alice", self.alice, rules=test_auth.ADMIN) + test_auth.section("bob", self.bob),
                              more=limits(**values))

    @covers("max-user-sessions")
    def test_max_user_sessions(self):
        broker = self.users_broker(max_user_sessions=2)
        first, second = self.of(broker, self.alice), self.of(broker, self.alice)
        third = self.of(broker, self.alice, hello=False)
        self.assertEqual(self.code(third.hello()), "too-many-sessions")
        self.assertEqual(self.of(broker, self.bob).welcome["user"], "bob")
        again = self.of(broker, self.alice, client=first.client, resume=first.welcome["resume"])
        self.assertTrue(again.welcome["resumed"])
        self.assertEqual(second.ask(op="bye")["op"], "ok")
        self.assertEqual(third.hello()["op"], "welcome")

    @covers("max-user-rooms")
    def test_max_user_rooms(self):
        broker = self.users_broker(max_user_rooms=2)
        alice, other, bob = self.of(broker, self.alice), self.of(broker, self.alice), self.of(broker, self.bob)
        self.assertEqual(alice.ask(op="join", room="a")["op"], "joined")
        self.assertEqual(self.publish(other, "b", (1, b"")), ("ack", 1, 1))
        self.assertEqual(self.code(alice.ask(op="join", room="c")), "too-many-rooms")
        error = self.publish(other, "c", (2, b""), (3, b""))
        self.assertEqual((self.code(error), error["mid"], error["upto"]), ("too-many-rooms", 2, 3))
        self.assertEqual(bob.ask(op="join", room="c")["op"], "joined")
        self.assertEqual(alice.ask(op="join", room="c")["op"], "joined")
        alice.ask(op="leave", room="a")
        wait_for(lambda: alice.ask(op="join", room="d")["op"] == "joined", "the empty room to be forgotten")

    @covers("max-user-rooms")
    def test_rooms_of_those_who_did_not_log_in(self):
        users = self.users(test_auth.section("anonymous"))
        broker = self.broker("--users", users, config=limits(max_user_rooms=2))
        for room in ("a", "b"):
            self.assertEqual(self.peer(broker).ask(op="join", room=room)["op"], "joined")
        self.assertEqual(self.code(self.peer(broker).ask(op="join", room="c")), "too-many-rooms")
        open_to_all = self.broker(config=limits(max_user_rooms=1))
        for room in ("a", "b"):
            self.assertEqual(self.peer(open_to_all).ask(op="join", room=room)["op"], "joined")

    @covers("bytes of token")
    def test_token(self):
        peer = self.peer(self.broker(), hello=False)
        self.assertEqual(self.code(peer.hello(user="alice", token="t" * 256)), "login-failed")
        self.assertEqual(self.code(peer.hello(user="alice", token="t" * 257)), "bad-member")

    @covers("bytes of reason")
    def test_reason(self):
        alice = self.of(self.users_broker(), self.alice)
        self.assertEqual(self.code(alice.ask(op="admin", do="kick", user="nobody", reason="r" * 200)), "no-such-user")
        self.assertEqual(self.code(alice.ask(op="admin", do="kick", user="nobody", reason="r" * 201)), "bad-member")

    @covers("users who are banned")
    def test_bans(self):
        alice = zmq.curve_keypair()
        users = "".join(test_auth.section(name) for name in ("bob", "carol"))
        with open(self.path("users.bans"), "w", opener=lambda path, flags: os.open(path, flags, 0o600), encoding="ascii") as file:
            file.write("".join(f"user{number} alice 2026-01-31T23:59:59Z \n" for number in range(9999)))
        broker = self.encrypted(test_auth.section("alice", alice, rules=test_auth.ADMIN) + users)
        alice = self.keyed(broker, alice)
        self.assertEqual(alice.ask(op="admin", do="ban", user="bob")["op"], "ok")
        self.assertEqual(self.code(alice.ask(op="admin", do="ban", user="carol")), "admin-failed")
        self.assertEqual(alice.ask(op="admin", do="unban", user="user7")["op"], "ok")
        self.assertEqual(alice.ask(op="admin", do="ban", user="carol")["op"], "ok")

    @covers("logins under way; one of a connection")
    def test_logins_under_way(self):
        broker = self.broker("--users", self.users(test_auth.section("alice")), config="auth\n    tokens = 1\n")
        peers = [self.peer(broker, hello=False, watch=True) for _ in range(96)]
        for peer in peers:
            self.assertEqual(peer.event(peer.front)[0], "handshake_succeeded")

        def guess(number, peer, times):
            for each in range(times):
                peer.send(json.dumps({"op": "hello", "proto": 1, "client": peer.client, "user": f"u{number}", "token": "guess",
                                      "id": each}).encode())
        broker.signal(signal.SIGSTOP)  # so that both are there when it wakes up
        twice = peers.pop()
        guess(0, twice, 2)
        broker.signal(signal.SIGCONT)
        second, first = twice.control(), twice.control()
        self.assertEqual((self.code(second), second["re"]), ("rate-limited", 1))
        self.assertEqual((self.code(first), first["re"]), ("login-failed", 0))
        broker.signal(signal.SIGSTOP)
        for number, peer in enumerate(peers):
            guess(number + 1, peer, 1)
        broker.signal(signal.SIGCONT)
        codes = [self.code(peer.control()) for peer in peers]
        self.assertLessEqual(set(codes), {"login-failed", "rate-limited"})
        self.assertGreaterEqual(codes.count("login-failed"), 63)
        self.assertGreaterEqual(codes.count("rate-limited"), 1)


# These are tested where connections and tokens are.
covers("max-address-connections")(test_auth.Addresses.test_connections_at_a_time)
covers("rate-handshakes")(test_auth.Addresses.test_connections_a_second)
covers("time to wait after a failed login of a user")(test_auth.Tokens.test_guesses_are_slowed)


class Table(unittest.TestCase):
    def test_every_limit_of_the_specification_is_covered(self):
        with open(PROTOCOL, encoding="utf-8") as file:
            section = re.search(r"^## 10\. Limits$(.*?)^## ", file.read(), re.M | re.S).group(1)
        rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\|.*\|$", section, re.M)][2:]
        self.assertGreater(len(rows), 20)
        found = set()
        for name, _, bounds, _ in rows:
            # A limit has one or more names, or none: then it is known by what it bounds.
            found |= set(re.findall(r"`([a-z-]+)`", re.sub(r"\(.*?\)", "", name))) or {bounds.replace("`", "")}
        self.assertEqual(found - set(COVERED), set(), "limits without a test")
        self.assertEqual(set(COVERED) - found, set(), "tests of limits that the specification does not name")


if __name__ == "__main__":
    unittest.main()
