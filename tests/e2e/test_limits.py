"""Every limit of PROTOCOL.md, section 10, with a small value. A request within the limit is taken; one beyond it gets the specified answer.
Here are the limits of frames and pages, and the table of all; the others are in test_limits_*.py."""
import json
import os
import re
import signal
import unittest

import zmq

import test_auth
import test_limits_flow  # these four for the limits that their tests cover
import test_limits_held
import test_limits_log
import test_limits_raw
from harness import publish_frame, wait_for
from limit_case import COVERED, LimitCase, covers, limits, log

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")


def padded(size, **members):
    """A control frame of exactly `size` bytes."""
    frame = json.dumps({**members, "pad": ""})
    return (frame[:-2] + "x" * (size - len(frame)) + frame[-2:]).encode()


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
        broker = self.broker(config=limits(max_frame="128M", route_bytes="256M", all_route_bytes="1G") + log(bytes="1G", room_bytes="1G"))
        reader = self.zrelay(broker, "sub", "room", "--count", "1", "--timeout", "20")
        peer = self.peer(broker)
        self.wait_members(broker, "room", 1)
        self.assertEqual(self.publish(peer, "room", (1, b"x" * size)), ("ack", 1, 1))
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(len(reader.out), size + 1)
        self.assertEqual(len(self.run_zrelay(broker, "history", "room").out), size + 1)

    @covers("values in a control frame from a client: members and elements, however deep")
    def test_values(self):
        peer = self.peer(self.broker())
        self.assertEqual(peer.ask(op="ping", more=[0] * 997)["op"], "pong")  # op, id and more are three
        peer.send(json.dumps({"op": "ping", "more": [0] * 1001}).encode())
        self.assertEqual(self.code(peer.control()), "bad-json")

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

        versions = []

        def changes():
            frame = json.loads(watcher.live()[len(b"crowd\x01"):])
            versions.append(frame["version"])
            self.assertEqual(versions[-1], versions[0] + len(versions) - 1)
            self.assertLessEqual(len(frame["joined"]) + len(frame["left"]), 500)
            return len(frame["joined"]), len(frame["left"])
        joined = 0
        while joined < 520:
            joined += changes()[0]
        # All of them go at once, between two ticks: a storm takes several frames.
        broker.signal(signal.SIGSTOP)
        for front in crowd:
            front.send(b'{"op":"leave","room":"crowd"}')
        broker.signal(signal.SIGCONT)
        sizes = []
        while sum(sizes) < 520:
            sizes.append(changes()[1])
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
        first = frames[0]["version"]
        self.assertEqual([frame["version"] for frame in frames], list(range(first, first + len(frames))))


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
            # A limit has one or more names, or none: then the thing that it bounds is its name.
            found |= set(re.findall(r"`([a-z-]+)`", re.sub(r"\(.*?\)", "", name))) or {bounds.replace("`", "")}
        self.assertEqual(found - set(COVERED), set(), "limits without a test")
        self.assertEqual(set(COVERED) - found, set(), "tests of limits that the specification does not name")


if __name__ == "__main__":
    unittest.main()
