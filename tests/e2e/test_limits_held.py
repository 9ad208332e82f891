"""Limits on what is held for peers and for users: sessions, rooms, keys, client ids, bans; each is tried on both sides."""
import json
import os
import signal
import unittest

import zmq

import test_auth
from harness import wait_for
from limit_case import LimitCase, covers, limits


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
        # Of the clients that are gone, the last two are remembered.
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


if __name__ == "__main__":
    unittest.main()
