"""Trunks: a gateway carries the sessions of many peers over one connection."""
import json
import secrets
import signal
import struct
import subprocess
import unittest

import zmq

from harness import ZRELAYD, TestCase, deliver_entries, publish_frame, wait_for
from limit_case import limits
from test_auth import FAST, AuthCase, section
from trunk_client import Gateway

GATEWAY = '    allow = "gateway : *"\n'
LOBBY = '    allow = "read write presence create : lobby"\n'


class TrunkCase(TestCase):
    def gateway(self, broker, nick=None, **options):
        gateway = Gateway(broker if isinstance(broker, str) else broker.server, nick, **options)
        self.addCleanup(gateway.close)
        return gateway

    def ack(self, channel, upto, seq):
        frame = channel.receive()
        self.assertEqual((frame[0], *struct.unpack(">QQ", frame[2:])), (2, upto, seq))

    def entries(self, channel, count):
        """The next so many entries that come to the channel; presence is passed over."""
        found = []
        while len(found) < count:
            frame = channel.receive()
            if b"\1{" not in frame[:9]:
                found += deliver_entries(frame)[3]
        return found

    def refused(self, answer, code, channel=None):
        self.assertEqual((answer["op"], answer.get("code"), answer.get("channel")), ("error", code, channel), answer)


class Open(TrunkCase):
    """Without users: a gateway of this machine."""

    def test_two_channels_and_a_client_chat(self):
        broker = self.broker()
        gateway = self.gateway(broker, "gate")
        ann, bob = gateway.open("203.0.113.1"), gateway.open("2001:db8::1")
        self.assertEqual(ann.hello("ann")["nick"], "ann")
        self.assertEqual(bob.hello("bob")["resumed"], False)
        gateway.subscribe(b"room\0", b"room\1")
        for channel in (ann, bob):
            self.assertEqual(channel.ask(op="join", room="room")["private"], False)
        other = self.peer(broker, "eve")
        other.ask(op="join", room="room")
        ann.send(publish_frame("room", (1, b"from ann")))
        self.ack(ann, 1, 1)
        other.send(publish_frame("room", (1, b"from eve")))
        self.ack(other, 1, 2)
        bob.send(publish_frame("room", (7, b"x" * 100_000)))
        self.ack(bob, 7, 3)
        entries = []
        while len(entries) < 3:  # once for both of its peers
            frame = gateway.live()
            if b"\0" in frame[:6]:
                entries += deliver_entries(frame)[3]
        self.assertEqual([(entry[0], entry[3], entry[5][:8]) for entry in entries], [(1, "ann", b"from ann"), (2, "eve", b"from eve"), (3, "bob", b"x" * 8)])
        self.assertEqual([user["nick"] for user in bob.ask(op="who", room="room")["users"]], ["ann", "bob", "eve"])
        self.assertEqual(ann.ask(op="direct", to="bob", text="psst")["op"], "ok")
        self.assertEqual(bob.control()["text"], "psst")

        bob.send(json.dumps({"op": "replay", "room": "room", "after": 0}).encode())
        replayed, frame = [], bob.receive()
        while frame[:1] != b"{":
            replayed += deliver_entries(frame)[3]
            frame = bob.receive()
        self.assertEqual([(entry[0], len(entry[5])) for entry in replayed], [(1, 8), (2, 8), (3, 100_000)])

        gateway.close_channel(ann)  # its browser is gone; for now it is still a member
        self.assertEqual(bob.ask(op="who", room="room")["count"], 3)
        again = gateway.open("203.0.113.1")
        again.client = ann.client
        self.assertTrue(again.hello("ann", resume=ann.welcome["resume"])["resumed"])
        self.assertEqual(again.ask(op="bye")["op"], "ok")
        self.assertEqual([user["nick"] for user in bob.ask(op="who", room="room")["users"]], ["bob", "eve"])
        gateway.drain()
        self.assertEqual(gateway.own, [])

    def test_the_broker_is_killed(self):
        """With a log on disk: every channel's entries are stored once, and readers miss nothing."""
        arguments = ("--data", self.path("data"))
        broker = self.broker(*arguments)
        gateway = self.gateway(broker, "gate")
        channels = [gateway.open() for _ in range(3)]
        for number, channel in enumerate(channels):
            channel.hello(f"n{number}")
            channel.send(publish_frame("room", (1, b"%d" % number)))
            self.assertEqual(channel.receive()[:2], b"\x02\x02")
        broker = self.restart(broker, *arguments)
        gateway.wait_no_session()
        gateway.own.clear()
        gateway.hello("gate")
        gateway.last = 0
        for number, channel in enumerate(channels):
            self.assertEqual(gateway.ask(op="open", channel=channel.number)["op"], "ok")
            self.assertFalse(channel.hello(f"n{number}", resume=channel.welcome["resume"])["resumed"])
            channel.send(publish_frame("room", (1, b"%d" % number), (2, b"again")))
        for channel in channels:
            frame = channel.receive()
            self.assertEqual(struct.unpack(">Q", frame[2:10])[0], 2)
        self.assertEqual(channels[0].ask(op="replay", room="room", after=0)["count"], 6)

    def test_the_gateway_is_killed(self):
        broker = self.broker(config="server\n    heartbeat = 200\n")
        gateway = self.gateway(broker, "gate")
        ann = gateway.open()
        ann.hello("ann")
        ann.ask(op="join", room="room")
        watcher = self.peer(broker, "watcher")
        gateway.close()
        other = self.gateway(broker, "gate2")
        again = other.open()
        again.client = ann.client
        self.assertTrue(again.hello("ann", resume=ann.welcome["resume"])["resumed"])  # nobody saw it leave
        wait_for(lambda: again.ask(op="ping") and other.ask(op="ping") and
                 watcher.ask(op="direct", to="gate", text="x").get("code") == "no-such-user", "the end of the old trunk")
        self.assertEqual(watcher.ask(op="who", room="room")["count"], 1)

    def test_shutdown(self):
        broker = self.broker()
        gateway = self.gateway(broker, "gate")
        ann = gateway.open()
        ann.hello("ann")
        broker.signal(signal.SIGTERM)
        self.assertEqual(ann.control(), {"op": "bye", "reason": "shutdown"})
        self.assertEqual(gateway.control(), {"op": "bye", "reason": "shutdown"})
        self.assertEqual(broker.finish(), 0, broker.errors())

    def test_limits(self):
        broker = self.broker(config=limits(max_trunk_channels=3, max_channels=4, max_address_connections=2))
        gateway, other = self.gateway(broker, "gate"), self.gateway(broker, "gate2")
        ann = gateway.open("203.0.113.1")
        ann.hello("ann")
        other.open("203.0.113.1")
        self.refused(gateway.ask(op="open", channel=9, address="203.0.113.1"), "too-many-channels", 9)
        gateway.open("203.0.113.2")
        gateway.open("127.0.0.1")
        self.refused(gateway.ask(op="open", channel=9), "too-many-channels", 9)
        self.refused(other.ask(op="open", channel=9), "too-many-channels", 9)
        gateway.close_channel(ann)
        self.assertEqual(other.ask(op="open", channel=9, address="203.0.113.1")["op"], "ok")

    def test_channels_that_an_address_opens(self):
        broker = self.broker(config=limits(rate_handshakes=1))
        gateway = self.gateway(broker, "gate")
        answers = [gateway.ask(op="open", channel=number, address="203.0.113.1") for number in range(1, 50)]
        limited = [answer for answer in answers if answer["op"] == "error"]
        self.assertGreater(len(limited), 20)
        for answer in limited:
            self.refused(answer, "rate-limited", answer["channel"])
            self.assertLessEqual(answer["wait"], 1000)
        self.assertEqual(gateway.ask(op="open", channel=99, address="203.0.113.2")["op"], "ok")

    def test_silent_channels(self):
        broker = self.broker(config="server\n    login-timeout = 1s\n")
        gateway = self.gateway(broker, "gate")
        ann, silent = gateway.open(), gateway.open()
        ann.hello("ann")
        self.assertEqual(gateway.control(), {"op": "close", "channel": silent.number, "reason": "silent"})
        self.refused(gateway.ask(op="open", channel=silent.number), "bad-member", silent.number)
        gateway.send(json.dumps({"op": "close", "channel": silent.number}).encode())
        self.assertEqual(gateway.ask(op="open", channel=silent.number)["op"], "ok")
        self.assertEqual(ann.ask(op="ping")["op"], "pong")

    def test_hostile_trunks(self):
        """Whatever a gateway sends, a client beside it notices nothing."""
        broker = self.broker()
        honest = self.peer(broker, "honest")
        frames = [b"\x03", b"\x03\0\0\0", b"\x03\0\0\0\0{}", b"\x03\xff\xff\xff\xff{\"op\":\"ping\"}", b"\x03\0\0\0\1", b"\x03\0\0\0\1\x03\0\0\0\1\x03",
                  b"\x03\0\0\0\1" + publish_frame("room", (1, b"x")), b"\x03\0\0\0\1{\"op\":\"open\",\"channel\":1}", b"\x03\0\0\0\1\xff"]
        frames += [json.dumps({"op": op, "channel": channel}).encode() for op in ("open", "close") for channel in (0, 1, 1, 2**32, 2**53, -1, 1.5, "1", None)]
        stranger = self.gateway(broker, hello=False)
        for frame in frames:  # without a session
            stranger.send(frame)
        self.assertEqual(stranger.hello("mal")["op"], "welcome")
        for _ in range(3):
            for frame in frames + [secrets.token_bytes(40), b"\x03\0\0\0\1" + secrets.token_bytes(40)]:
                stranger.send(frame)
        self.assertEqual(stranger.ask(op="ping")["op"], "pong")
        bye = b'{"op":"bye","reason":"flooding"}'

        def sent_away():
            for _ in range(50):
                stranger.send(b"\x03\0\0\0\7{\"op\":\"ping\"}")
                stranger.send(b"{\"op\":\"close\",\"channel\":3}")
            return any(stranger.receive() == bye for _ in range(100))
        self.assertTrue(any(sent_away() for _ in range(1000)), "it is still there")
        self.assertEqual(honest.ask(op="ping")["op"], "pong")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())


class Users(TrunkCase, AuthCase):
    def hash(self, token):
        return subprocess.run([ZRELAYD, "--hash-token"], input=token.encode(), capture_output=True, check=True).stdout.decode().strip()

    def keyed_gateway(self, broker, keys):
        return self.gateway(broker, curve=(self.public, *keys))

    def started(self, more=""):
        """A broker that encrypts, and a gateway of the user web."""
        self.web, self.token = zmq.curve_keypair(), secrets.token_hex(16)
        self.rules = (section("web", self.web, rules=GATEWAY) + section("bob", self.bob, rules='    allow = "all : *"\n    allow = "admin : *"\n')
                      + section("ann", tokens=[self.hash(self.token)], rules='    allow = "all : *"\n') + section("anonymous", rules=LOBBY))
        broker = self.broker("--users", self.users(self.rules), "--server-key", self.key,
                             config=FAST + "auth\n    encrypt = all\n    tokens = 1\n" + more)
        return broker, self.keyed_gateway(broker, self.web)

    def test_only_a_gateway_opens(self):
        broker, gateway = self.started()
        self.assertEqual(gateway.welcome["user"], "web")
        bob = self.keyed_gateway(broker, self.bob)
        self.refused(bob.ask(op="open", channel=1), "forbidden", 1)
        bob.send(b"\x03\0\0\0\1{\"op\":\"ping\"}")
        self.refused(bob.control(), "bad-frame")

    def test_login(self):
        broker, gateway = self.started()
        secure, insecure = gateway.open("203.0.113.1", secure=True), gateway.open("203.0.113.2")
        self.assertEqual(insecure.hello(user="ann", token=self.token)["code"], "login-failed")
        self.assertEqual(insecure.hello("guest")["nick"], "guest")
        self.assertEqual(secure.hello(user="ann", token="wrong")["code"], "login-failed")
        self.assertEqual(secure.hello(user="ann", token=self.token)["code"], "rate-limited")  # so soon after a guess,
        other = gateway.open("203.0.113.3", secure=True)
        self.assertEqual(other.hello(user="ann", token=self.token)["user"], "ann")  # but not from another address
        broker.wait_err(r"login of ann from 203\.0\.113\.1: refused, wrong token")
        broker.wait_err(r"login of ann from 203\.0\.113\.3: ok")
        self.assertEqual(insecure.ask(op="join", room="staff")["code"], "forbidden")
        self.assertEqual(other.ask(op="join", room="staff")["private"], True)
        self.assertEqual(insecure.ask(op="join", room="lobby")["op"], "joined")

    def test_a_private_room_over_a_trunk(self):
        broker, gateway = self.started()
        ann = gateway.open(secure=True)
        ann.hello(user="ann", token=self.token)
        ann.ask(op="join", room="staff")
        guest = gateway.open()
        guest.hello("guest")
        bob = self.keyed(broker, self.bob)
        for mid in range(1, 101):
            bob.send(publish_frame("staff", (mid, b"%d" % mid)))
        self.assertEqual([entry[5] for entry in self.entries(ann, 100)], [b"%d" % mid for mid in range(1, 101)])
        guest.ask(op="ping")
        self.assertEqual(gateway.channels[guest.number], [])

    def test_more_frames_at_once_than_a_queue_of_libzmq_holds(self):
        """An entry of a private room goes to 300 channels of one trunk."""
        broker, gateway = self.started(limits(route_queue=16, replay_frames=8))
        readers = []
        for _ in range(300):
            reader = gateway.open(secure=True)
            reader.hello(user="ann", token=self.token)
            reader.ask(op="join", room="staff")
            readers.append(reader)
        bob = self.keyed(broker, self.bob)
        for mid, body in ((1, b"small"), (2, b"x" * 1000), (3, b"small")):
            bob.send(publish_frame("staff", (mid, body)))
        for reader in readers:
            self.assertEqual([entry[0] for entry in self.entries(reader, 3)], [1, 2, 3])
        self.assertEqual(gateway.ask(op="ping")["op"], "pong")

    def test_kick_and_ban(self):
        broker, gateway = self.started()
        guest, ann = gateway.open(), gateway.open(secure=True)
        guest.hello("guest")
        ann.hello(user="ann", token=self.token)
        bob = self.keyed(broker, self.bob)
        self.assertEqual(bob.ask(op="admin", do="kick", user="guest")["op"], "ok")
        self.assertEqual(guest.bye(), ("kicked", "kicked"))
        self.assertEqual(bob.ask(op="admin", do="ban", user="ann")["op"], "ok")
        self.assertEqual(ann.bye(), ("banned", "banned"))
        self.assertEqual(gateway.ask(op="ping")["op"], "pong")
        other = gateway.open(secure=True)
        self.assertEqual(other.hello(user="ann", token=self.token)["code"], "login-failed")

    def test_the_right_is_taken(self):
        broker, gateway = self.started()
        guest = gateway.open()
        guest.hello("guest")
        self.users(self.rules.replace(GATEWAY, LOBBY))
        broker.signal(signal.SIGHUP)
        self.assertEqual(gateway.control(), {"op": "bye", "reason": "revoked"})
        again = self.keyed_gateway(broker, self.web)
        self.refused(again.ask(op="open", channel=1), "forbidden", 1)


if __name__ == "__main__":
    unittest.main()
