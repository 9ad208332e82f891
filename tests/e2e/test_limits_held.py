"""Limits on what is held for peers and for users: sessions, rooms, keys, client ids, bans."""
import json
import os
import unittest

import zmq

import test_auth
from limit_case import LimitCase, covers, limits


class Holdings(LimitCase):
    @covers("max-sessions")
    def test_max_sessions(self):
        broker = self.broker(config=limits(max_sessions=2))
        first, second = self.peer(broker), self.peer(broker)
        self.assertEqual(self.code(self.peer(broker, hello=False).hello()), "too-many-sessions")
        second.ask(op="bye")
        self.assertEqual(self.peer(broker).welcome["op"], "welcome")
        self.assertEqual(first.ask(op="ping")["op"], "pong")

    @covers("max-rooms", "max-user-rooms", "max-joins", "max-keys", "max-state-bytes")
    def test_one_too_many(self):
        """Each setting for itself, of an anonymous client; what else the limits mean stands in the core's limits_test.c."""
        join = {"op": "join"}, "room"
        key = {"op": "publish", "room": "room", "text": "x" * 400}, "key"
        users = self.users("user\n    name = anonymous\n    allow = \"all : *\"\n")
        for name, value, (request, member), code in (
                ("max-rooms", 2, join, "too-many-rooms"), ("max-user-rooms", 2, join, "too-many-rooms"),
                ("max-joins", 2, join, "too-many-joins"), ("max-keys", 2, key, "too-many-keys"), ("max-state-bytes", "1k", key, "state-full")):
            with self.subTest(name):
                peer = self.peer(self.broker("--users", users, config=f"limits\n    {name} = {value}\n"))
                for number in range(2):
                    self.assertNotEqual(peer.ask(**request, **{member: f"n{number}"})["op"], "error")
                self.assertEqual(self.code(peer.ask(**request, **{member: "n2"})), code)

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

    @covers("max-clients")
    def test_max_clients(self):
        broker = self.broker(config=limits(max_clients=2))
        writers = [self.peer(broker) for _ in range(3)]
        for number, writer in enumerate(writers, 1):
            self.assertEqual(self.publish(writer, "room", (1, b"")), ("ack", 1, number))
            writer.ask(op="bye")
        for writer, seq in ((writers[1], 0), (writers[2], 0), (writers[0], 4)):  # the first is forgotten
            self.assertEqual(self.publish(self.peer(broker, client=writer.client), "room", (1, b"")), ("ack", 1, seq))


class Users(test_auth.AuthCase, LimitCase):
    @covers("max-user-sessions")
    def test_max_user_sessions(self):
        broker = self.encrypted(test_auth.section("alice", self.alice) + test_auth.section("bob", self.bob), more=limits(max_user_sessions=2))
        for _ in range(2):
            self.assertEqual(self.keyed(broker, self.alice).welcome["user"], "alice")
        self.assertEqual(self.code(self.keyed(broker, self.alice, hello=False).hello()), "too-many-sessions")
        self.assertEqual(self.keyed(broker, self.bob).welcome["user"], "bob")

    @covers("banned users")
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


if __name__ == "__main__":
    unittest.main()
