"""Leaves: brokers that carry their clients to another broker (zrelayd --upstream)."""
import json
import signal
import subprocess
import unittest

import zmq

from harness import ZRELAYD, TestCase, deliver_entries, publish_frame, wait_for
from test_auth import AuthCase, section
from trunk_client import Gateway

FAST = "server\n    heartbeat = 60000\n    tick = 20\n"
SHORT = "server\n    heartbeat = 1000\n    tick = 20\n"
NUMBERS, KILLS = 6000, 3
LEAF = '    allow = "leaf : *"\n'
ADMIN = '    allow = "all : *"\n    allow = "admin : *"\n'
JOINED = "a leaf of the broker at"


class LeafCase(TestCase):
    def leaf(self, upstream, *arguments, config=FAST, live=True):
        leaf = self.broker("--upstream", upstream.server, *arguments, config=config)
        if live:
            leaf.wait_err(JOINED)
        return leaf

    def again(self, leaf, upstream, *arguments):
        """kill -9, and the next one on the same ports."""
        return self.restart(leaf, "--upstream", upstream.server, *arguments, config=FAST)

    def bodies(self, peer, count, receive=None):
        """So many next entries that come to the peer's SUB, or by `receive`."""
        found = []
        while len(found) < count:
            frame = (receive or peer.live)()
            if b"\1{" not in frame[:20] and frame[:1] not in b"{\2\xff":
                found += [entry[5] for entry in deliver_entries(frame)[3]]
        return found

    def join(self, peer, room="room", **members):
        peer.subscribe(room.encode() + b"\0", room.encode() + b"\1")
        return peer.ask(op="join", room=room, **members)


class Open(LeafCase):
    """Without users: a leaf of this machine."""

    def test_clients_of_two_leaves_and_of_the_upstream_are_in_one_room(self):
        upstream = self.broker(config=FAST)
        one, two = self.leaf(upstream), self.leaf(upstream)
        ann, bob, eve = self.peer(one, "ann"), self.peer(two, "bob"), self.peer(upstream, "eve")
        self.assertEqual(ann.welcome["back"], one.back)
        self.assertEqual(ann.welcome["epoch"], upstream.epoch)
        for peer in (ann, bob, eve):
            self.assertEqual(self.join(peer)["op"], "joined")
        for number, peer in enumerate((ann, bob, eve), 1):
            peer.send(publish_frame("room", (1, b"%d" % number)))
            self.assertEqual(peer.receive()[:1], b"\2")
        for peer in (ann, bob, eve):
            self.assertEqual(self.bodies(peer, 3), [b"1", b"2", b"3"])
        self.assertEqual({user["nick"] for user in bob.ask(op="who", room="room")["users"]}, {"ann", "bob", "eve"})
        self.assertEqual(ann.ask(op="direct", to="bob", text="psst")["op"], "ok")
        self.assertEqual(bob.control()["text"], "psst")
        self.assertEqual(self.peer(two, hello=False).hello("ann")["code"], "nick-in-use")

    def test_presence_and_prefixes_and_replays(self):
        upstream = self.broker(config=FAST)
        leaf = self.leaf(upstream)
        ann, reader = self.peer(leaf, "ann"), self.peer(leaf, "reader")
        reader.subscribe(b"news/")
        ann.ask(op="join", room="news/a")
        joined = json.loads(reader.live().partition(b"\1")[2])
        self.assertEqual([user["nick"] for user in joined["joined"]], ["ann"])
        ann.send(publish_frame("news/b", (1, b"x"), (2, b"y")))
        self.assertEqual(self.bodies(reader, 2), [b"x", b"y"])
        reader.ask(op="join", room="news/b")
        reader.send(b'{"op":"replay","id":5,"room":"news/b","after":0}')
        self.assertEqual(self.bodies(reader, 2, reader.receive), [b"x", b"y"])
        self.assertEqual(reader.control()["op"], "replayed")

    def test_many_rooms_are_one_subscription(self):
        """Beyond a thousand topics a leaf subscribes to everything, and nobody misses an entry over the change, or back."""
        upstream = self.broker(config=FAST + "limits\n    max-user-topics = 1M\n    rate-ops = 0\n")
        leaf = self.leaf(upstream, config=FAST + "limits\n    max-user-topics = 1M\n")
        writer, reader = self.peer(upstream), self.peer(leaf)
        rooms = [f"r{number}" for number in range(1400)]
        reader.subscribe(*(room.encode() + b"\0" for room in rooms[:900]))
        writer.send(publish_frame("r1", (1, b"each")))
        self.assertEqual(self.bodies(reader, 1), [b"each"])
        other = self.peer(leaf)
        other.subscribe(*(room.encode() + b"\0" for room in rooms[700:]))
        for mid, room in enumerate(("r1", "r800", "r1399"), 2):
            writer.send(publish_frame(room, (mid, room.encode())))
        self.assertEqual(sorted(self.bodies(reader, 2)), [b"r1", b"r800"])
        self.assertEqual(sorted(self.bodies(other, 2)), [b"r1399", b"r800"])
        for number in range(1300):
            other.sub.unsubscribe(b"r%d\0" % number)
        reader.sub.close(0)
        writer.send(publish_frame("r1399", (9, b"few")))
        self.assertEqual(self.bodies(other, 1), [b"few"])

    def test_a_leaf_of_a_leaf_and_a_gateway_behind_it(self):
        upstream = self.broker(config=FAST)
        middle = self.leaf(upstream)
        last = self.leaf(middle)
        ann, eve = self.peer(last, "ann"), self.peer(upstream, "eve")
        gateway = Gateway(last.server, "gate")
        self.addCleanup(gateway.close)
        carl = gateway.open("203.0.113.1")
        self.assertEqual(carl.hello("carl")["nick"], "carl")
        self.assertEqual(ann.welcome["back"], last.back)
        for peer in (ann, eve):
            self.join(peer)
        carl.ask(op="join", room="room")
        carl.send(publish_frame("room", (1, b"from afar")))
        self.assertEqual(carl.receive()[:1], b"\2")
        for peer in (ann, eve):
            self.assertEqual(self.bodies(peer, 1), [b"from afar"])
        self.assertEqual(ann.ask(op="who", room="room")["count"], 3)
        again = gateway.ask(op="open", channel=carl.number)
        self.assertEqual((again["code"], again["channel"]), ("bad-member", carl.number))
        gateway.close_channel(carl)
        carl.send(b'{"op":"ping"}')
        self.assertEqual(gateway.control()["code"], "no-channel")
        fresh = gateway.open()
        self.assertEqual(fresh.ask(op="ping")["code"], "no-session")

    def test_every_number_once_over_kills_of_both(self):
        upstream = self.broker("--data", self.path("data"), config=FAST)
        writes, reads = self.leaf(upstream), self.leaf(upstream)
        expected = b"".join(b"%d\n" % number for number in range(1, NUMBERS + 1))
        sub = self.zrelay(reads, "sub", "n", "--all", "--count", str(NUMBERS))
        pub = self.zrelay(writes, "pub", "n")
        step = NUMBERS // (KILLS + 1)
        for kill in range(KILLS + 1):
            pub.write(b"".join(b"%d\n" % number for number in range(kill * step + 1, (kill + 1) * step + 1)))
            wait_for(lambda: bytes(sub.out).count(b"\n") >= kill * step + step // 2, f"half of part {kill}: {bytes(sub.out).count(10)} "
                     f"{pub.errors()} {sub.errors()} {writes.errors()} {upstream.errors()}")
            if kill == 0:
                writes = self.again(writes, upstream)
            elif kill == 1:
                upstream = self.restart(upstream, "--data", self.path("data"), config=FAST)
            elif kill == 2:
                reads = self.again(reads, upstream)
        pub.close_stdin()
        self.assertEqual(pub.finish(), 0, pub.errors())
        self.assertEqual(sub.finish(), 0, sub.errors())
        self.assertTrue(bytes(sub.out) == expected, "the reader saw something else")
        self.assertTrue(bytes(self.run_zrelay(upstream, "history", "n").out) == expected, "the log holds something else")

    def test_clients_are_told_that_the_upstream_is_away_and_stay(self):
        upstream = self.broker(config=FAST)
        leaf = self.leaf(upstream)
        ann = self.peer(leaf, "ann", watch=True)
        self.assertEqual(ann.event(ann.front)[0], "handshake_succeeded")
        upstream.signal(signal.SIGKILL)
        upstream.finish()
        self.assertEqual(ann.control()["code"], "no-session")  # unasked
        ann.send(publish_frame("room", (1, b"lost")))  # gets no second answer
        answer = ann.ask(op="hello", proto=1, client=ann.client, nick="ann")
        self.assertEqual(answer["code"], "rate-limited")
        self.assertTrue(100 <= answer["wait"] < 200, answer)
        self.assertEqual(ann.ask(op="ping")["code"], "no-session")
        told = self.run_zrelay(leaf, "rooms", "--connect-timeout", "1", code=2).errors()
        self.assertIn("this broker is a leaf, and its upstream is away", told)
        self.broker("--listen", upstream.server, "--back", upstream.back, config=FAST)
        wait_for(lambda: ann.hello("ann").get("op") == "welcome", "a welcome")
        self.assertFalse(ann.monitors[ann.front].poll(0))  # the connection is the same

    def test_a_leaf_that_ends_says_bye(self):
        upstream = self.broker(config=FAST)
        leaf = self.leaf(upstream)
        ann = self.peer(leaf, "ann")
        leaf.signal(signal.SIGTERM)
        self.assertEqual(ann.control(), {"op": "bye", "reason": "shutdown"})
        self.assertEqual(leaf.finish(), 0, leaf.errors())

    def test_the_session_of_a_silent_client_ends(self):
        upstream = self.broker(config=SHORT)
        leaf = self.leaf(upstream)
        ann = self.peer(leaf, "ann")
        self.assertEqual(ann.control(), {"op": "bye", "reason": "expired"})
        self.assertEqual(ann.ask(op="ping")["code"], "no-session")
        self.assertEqual(ann.hello("ann")["op"], "welcome")

    def test_a_leaf_has_as_many_clients_as_it_may(self):
        upstream = self.broker(config=FAST)
        leaf = self.leaf(upstream, config=FAST + "limits\n    max-sessions = 2\n")
        for nick in ("ann", "bob"):
            self.assertEqual(self.peer(leaf, nick).welcome["op"], "welcome")
        carl = self.peer(leaf, hello=False)
        carl.send(json.dumps({"op": "hello", "proto": 1, "client": carl.client}).encode())
        self.assertEqual(carl.control()["code"], "too-many-sessions")

    def test_settings_that_a_leaf_cannot_have(self):
        def refused(*arguments, config=""):
            made = subprocess.run([ZRELAYD, *arguments, "--config", self.file("c.conf", config), "--check-config"], capture_output=True, text=True)
            self.assertEqual(made.returncode, 1, made.stdout)
            return made.stderr

        upstream = ("--upstream", "tcp://127.0.0.1:5599", "--listen", "tcp://127.0.0.1:5598")
        self.assertIn("keeps no messages", refused(*upstream, "--data", self.path("data")))
        self.assertIn("go together", refused(*upstream, config="upstream\n    user = ann\n"))
        self.assertIn("go together", refused(*upstream, "--certificate", self.path("none")))
        self.assertIn("no public key", refused(*upstream, "--upstream-key", "short"))
        self.assertIn("name it with", refused(config="upstream\n    user = ann\n    token-file = x\n"))
        self.assertIn("cannot use", refused("--upstream", "tcp://*:5599"))


class Users(AuthCase, LeafCase):
    """Encrypted, with users, on both sides."""

    def setUp(self):
        super().setUp()
        self.leaf_key, self.leaf_public = self.server_key()  # the leaf's own pair: for its clients and for its upstream
        self.upstream = None

    def text(self, *more, **rules):
        text = f'user\n    name = web\n    key = "{self.leaf_public.decode()}"\n' + rules.get("leaf", LEAF)
        text += section("alice", self.alice, rules=rules.get("alice", ADMIN))
        return text + section("bob", self.bob, rules='    allow = "all : *"\n    deny = "all : secret"\n') + "".join(more)

    def start(self, users=None, head=FAST):
        self.upstream = self.encrypted(users or self.text(), head=head)
        return self.carried(live=users is None)

    def carried(self, live=True):
        leaf = self.broker("--upstream", self.upstream.server, "--upstream-key", self.public.decode(), "--certificate", self.leaf_key,
                           "--users", self.file("leaf-users", section("alice", self.alice) + section("bob", self.bob)),
                           "--server-key", self.leaf_key, config=FAST + "auth\n    encrypt = all\n")
        if live:
            leaf.wait_err(JOINED)
        return leaf

    def client(self, leaf, keys, **options):
        return self.peer(leaf.server, curve=(self.leaf_public, *keys), watch=True, **options)

    def test_private_rooms_come_only_to_users_that_may_read_them(self):
        leaf = self.start()
        alice, bob = self.client(leaf, self.alice), self.client(leaf, self.bob)
        self.assertEqual((alice.welcome["user"], bob.welcome["user"]), ("alice", "bob"))
        direct = self.keyed(self.upstream, self.alice)
        alice.subscribe(b"secret\0", b"open\0")
        bob.subscribe(b"")
        self.assertEqual(bob.ask(op="join", room="secret")["code"], "forbidden")
        self.assertTrue(alice.ask(op="join", room="secret")["private"])
        for peer in (alice, bob):
            peer.ask(op="join", room="open")
        direct.send(publish_frame("secret", (1, b"hidden")))
        direct.send(publish_frame("open", (2, b"seen")))
        self.assertEqual(self.bodies(alice, 1, alice.receive), [b"hidden"])
        self.assertEqual(self.bodies(alice, 1), [b"seen"])
        self.assertEqual(self.bodies(bob, 1), [b"seen"])
        self.assertNotIn("hidden", repr(bob.ask(op="ping")))
        self.assertEqual(self.keyed(self.upstream, self.bob).ask(op="who", room="open")["count"], 2)

    def test_a_banned_user_is_gone_at_the_leaf_front_and_back(self):
        leaf = self.start()
        alice, bob = self.client(leaf, self.alice), self.client(leaf, self.bob)
        bob.subscribe(b"open\0")
        self.assertEqual(alice.ask(op="admin", do="ban", user="bob")["op"], "ok")
        self.assertEqual(bob.control(), {"op": "bye", "reason": "banned"})
        bob.wait_gone(bob.front)
        bob.wait_gone(bob.sub)
        # Its key is still in the leaf's file, so the leaf lets it in; the upstream does not, and it gets nothing from the back.
        again = self.client(leaf, self.bob, hello=False)
        again.send(json.dumps({"op": "hello", "proto": 1, "client": again.client}).encode())
        self.assertEqual(again.control()["code"], "no-such-user")
        again.wait_gone(again.front)
        reader = self.peer(leaf.back, curve=(self.leaf_public, *self.bob), hello=False, kind=zmq.SUB, watch=True)
        reader.front.subscribe(b"")
        reader.wait_gone(reader.front)

    def test_a_leaf_without_the_right_is_not_taken(self):
        for rules, why in (('    allow = "all : *"\n', "forbidden"), ('    allow = "gateway : *"\n', "forbidden")):
            leaf = self.start(self.text(leaf=rules), head=FAST)
            leaf.wait_err(JOINED)  # its session is a client's
            alice = self.client(leaf, self.alice, hello=False)
            alice.send(json.dumps({"op": "hello", "proto": 1, "client": alice.client}).encode())
            self.assertEqual(alice.control()["code"], why)
            leaf.end()

    def test_a_plain_leaf_needs_a_plain_upstream(self):
        self.start()
        leaf = self.broker(
            "--upstream", self.upstream.server, "--upstream-key", self.public.decode(), "--certificate", self.leaf_key, config=FAST)
        leaf.wait_err("is away: a leaf with a listener that is not encrypted needs a broker that has one too")

    def test_a_user_whose_right_changes_meanwhile(self):
        leaf = self.start()
        alice = self.client(leaf, self.alice)
        alice.subscribe(b"secret\0")
        alice.ask(op="join", room="secret")
        self.users(self.text(alice='    allow = "all : *"\n    allow = "admin : *"\n    deny = "read : secret"\n'))
        self.upstream.signal(signal.SIGHUP)
        self.assertEqual(alice.control()["op"], "left")
        self.assertEqual(alice.ask(op="join", room="secret")["code"], "forbidden")


if __name__ == "__main__":
    unittest.main()
