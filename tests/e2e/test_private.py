"""Private rooms under attack. A user that may not read gets not a byte. A user that lost the right gets nothing from then on. A user that may read
gets everything, once."""
import json
import os
import re
import secrets
import subprocess
import sys
import unittest


import test_auth
from harness import DEADLINE, Program, TestCase, deliver_entries, wait_for
from private_case import ALL, CONFIG, NO_SECRET, ROOM, Member, PrivateCase, Thief, Worker, Writer

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")


class Theft(PrivateCase):
    COUNT = 10_000

    def page_client(self, server, keys):
        """The complete client of PROTOCOL.md, with `encrypt` as that page has it."""
        with open(PROTOCOL, encoding="utf-8") as file:
            text = file.read()
        encrypt, = re.findall(r"```python\n(def encrypt.*?)```", text, re.S)
        client = text[text.index("## 12."):].split("```python\n")[1].split("```")[0]
        values = "".join(f"{name} = {value!r}\n" for name, value in zip(("server_key", "public_key", "secret_key"), (self.public, *keys)))
        client, front = re.subn(r"(front = ctx\.socket\(zmq\.DEALER\);)", r"\1 encrypt(front);", client)
        client, sub = re.subn(r"(sub = ctx\.socket\(zmq\.SUB\);)", r"\1 encrypt(sub);", client)
        self.assertEqual((front, sub), (1, 1))
        program = Program([sys.executable, self.file("page.py", values + encrypt + client), server, ROOM, "page"], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        return program

    def steal(self, marker, broker, server, *thieves):
        """Ten thousand entries, keyed ones among them, pass in a private room, whose members are named by the marker too."""
        page = self.page_client(server, self.keys["carol"])
        watcher = self.keyed(broker, self.keys["operator"], server)
        hidden = Member(self.keyed(broker, self.keys["bob"], server))
        self.addCleanup(hidden.stop)
        wait_for(lambda: watcher.ask(op="who", room=ROOM)["count"] == 2, "the page's client")
        wait_for(lambda: all(thief.rounds or thief.failure for thief in thieves), "the thieves to have begun")
        keyed = watcher.ask(op="publish", room=ROOM, key=f"key-{marker}", text=marker)
        self.assertEqual(keyed["op"], "ack")
        rounds = [thief.rounds for thief in thieves]
        writer = Writer(self.keyed(broker, self.keys["alice"], server), prefix=marker.encode() + b"-", count=self.COUNT - 1, each=2)
        self.addCleanup(writer.stop)
        # Members come and go meanwhile, and open rooms go on too.
        while writer.is_alive():
            guest = self.keyed(broker, self.keys["dave"], server)
            self.assertTrue(guest.ask(op="join", room=ROOM)["private"])
            self.assertEqual(watcher.ask(op="publish", room="general", text="for all")["op"], "ack")
            guest.ask(op="bye")
            guest.close()
        writer.join(DEADLINE)
        wait_for(lambda: all(thief.failure or thief.rounds > before for thief, before in zip(thieves, rounds)), "more attempts")
        bodies = [marker.encode(), *writer.end()]
        self.everything([hidden], bodies)
        wait_for(lambda: len(page.lines()) >= len(bodies), "the page's client to have everything")
        self.assertEqual(page.lines(), bodies)
        self.assertEqual(page.errors(), "")
        for thief in thieves:
            got = thief.end()
            self.assertTrue(got)
            for frame in got:
                self.assertNotIn(marker.encode(), frame)
        return [thief.got for thief in thieves]

    def start(self, marker, anonymous):
        """A plain listener beside an encrypted one. The members' names reveal the room as well as its messages do."""
        users = test_auth.section("operator", self.keys["operator"], rules=test_auth.ADMIN)
        for name, key in (("alice", "alice"), (f"{marker}-bob", "bob"), (f"{marker}-carol", "carol"), (f"{marker}-dave", "dave")):
            users += test_auth.section(name, self.keys[key], rules=ALL)
        users += test_auth.section("thief", self.keys["thief"], rules='    allow = "all : general thief*"\n')
        users += anonymous
        broker = self.broker("--users", self.users(users), "--server-key", self.key, "--listen", "tcp://127.0.0.1:*", "--listen",
                             "tcp://0.0.0.0:*", config=CONFIG)
        fronts, backs = ([one.replace("0.0.0.0", "127.0.0.1") for one in some] for some in (broker.listen, broker.backs))
        victim = self.keyed(broker, self.keys["dave"], fronts[1])
        victim.ask(op="join", room=ROOM)
        tokens = [(victim.client, victim.welcome["resume"])]
        plain = Thief(self, fronts[0], backs[0], marker, tokens=tokens)
        keyed = Thief(self, fronts[1], backs[1], marker, curve=(self.public, *self.keys["thief"]), tokens=tokens)
        return broker, fronts[1], keyed, plain

    def test_not_a_byte(self):
        marker = "m" + secrets.token_hex(8)
        broker, server, keyed, plain = self.start(marker, test_auth.section("anonymous", rules='    allow = "read presence : general"\n'))
        for got in self.steal(marker, broker, server, keyed, plain):
            self.assertTrue([frame for frame in got if frame.startswith(b"general\0") and frame.endswith(b"for all")])  # it did listen

    def test_not_a_byte_of_any_room_to_who_is_nobody(self):
        """Beside a plain listener that lets in nobody no room is open, since its back can be read."""
        marker = "m" + secrets.token_hex(8)
        broker, server, keyed, plain = self.start(marker, "")
        _, got = self.steal(marker, broker, server, keyed, plain)
        for frame in got:
            self.assertNotIn(b"for all", frame)
            self.assertFalse(frame.startswith((b"general", b"secret")), frame)


class Revocation(PrivateCase):
    def setUp(self):
        super().setUp()
        self.rules = {"alice": ALL, "bob": ALL, "carol": ALL}

    def start(self, private):
        """A flood with carol, a reader all along, and the operator. With `private` there is another user that may not read."""
        if private:
            self.rules["dave"] = NO_SECRET
        broker = self.encrypted(self.text(**self.rules), head=CONFIG)
        operator, carol = self.of(broker, "operator"), self.member(broker, "carol")
        self.assertEqual(carol.joined["private"], private)
        return broker, operator, carol, self.writer(broker)

    def in_the_flood(self, broker):
        """Bob, while he reads what comes."""
        bob = self.member(broker, "bob")
        bob.wait(lambda: sum(bob.ways.values()) > 20, "bob to read along")
        return bob

    def seen_a_part(self, bob, upto, writer):
        """bob saw every entry up to a position at or before `upto`."""
        bob.end()
        self.assertLessEqual(bob.seen, upto)
        self.assertEqual([entry[0] for entry in bob.entries], list(range(1, bob.last + 1)))
        self.assertEqual(bob.bodies, [writer.body(number) for number in range(bob.last)])

    def a_right_is_taken(self, private):
        broker, operator, carol, writer = self.start(private)
        for _ in range(5):
            bob = self.in_the_flood(broker)
            self.reload(operator, **{**self.rules, "bob": NO_SECRET})
            left = bob.wait(lambda: bob.notices, "the notice")[0]
            self.assertEqual((left["op"], left["room"], left["reason"]), ("left", ROOM, "revoked"))
            writer.further(200)
            bob.wait(lambda: True, "nothing")
            self.seen_a_part(bob, left["seq"], writer)
            self.assertGreaterEqual(self.head(operator), left["seq"])
            # Frames still on the way to him are from before, too.
            while bob.peer.sub.poll(0):
                frame = bob.peer.sub.recv()
                if frame.startswith(ROOM.encode() + b"\0"):
                    self.assertLessEqual(deliver_entries(frame)[3][-1][0], left["seq"])
            for request in ({"op": "join"}, {"op": "replay", "after": 0}, {"op": "state"}, {"op": "who"}):
                self.assertEqual(bob.peer.ask(**request, room=ROOM)["code"], "forbidden")
            self.assertEqual(len(bob.notices), 1)
            bob.peer.ask(op="bye")
            bob.peer.close()
            self.reload(operator, **self.rules)
        self.everything([carol], writer.end())

    def test_a_right_is_taken_in_an_open_room(self):
        self.a_right_is_taken(False)

    def test_a_right_is_taken_in_a_private_room(self):
        self.a_right_is_taken(True)

    def is_sent_away(self, private, reason, away, back):
        """`away` ends bob's connections in the flood, `back` lets him in again."""
        broker, operator, carol, writer = self.start(private)
        for _ in range(3):
            bob = self.in_the_flood(broker)
            away(operator)
            head = self.head(operator)
            bob.wait(lambda: bob.notices, "the end of his session")
            self.assertEqual(bob.notices, [{"op": "bye", "reason": reason}])
            bob.peer.wait_gone(bob.peer.front)
            bob.peer.wait_gone(bob.peer.sub)
            writer.further(200)
            self.assertFalse(self.admitted(broker, self.keys["bob"]))
            self.seen_a_part(bob, head, writer)
            self.assertEqual(bob.notices, [{"op": "bye", "reason": reason}])
            bob.peer.close()
            back(operator)
        self.everything([carol], writer.end())

    def removed(self, private):
        def away(operator):
            self.reload(operator, **{name: rule for name, rule in self.rules.items() if name != "bob"})
        self.is_sent_away(private, "revoked", away, lambda operator: self.reload(operator, **self.rules))

    def test_a_user_is_removed_from_an_open_room(self):
        self.removed(False)

    def test_a_user_is_removed_from_a_private_room(self):
        self.removed(True)

    def banned(self, private):
        def ask(do):
            return lambda operator: self.assertEqual(operator.ask(op="admin", do=do, user="bob")["op"], "ok")
        self.is_sent_away(private, "banned", ask("ban"), ask("unban"))

    def test_a_user_is_banned_from_an_open_room(self):
        self.banned(False)

    def test_a_user_is_banned_from_a_private_room(self):
        self.banned(True)

    def test_a_room_turns_private_and_open_again(self):
        broker, operator, carol, writer = self.start(False)
        second = self.member(broker, "bob")
        for number in range(20):
            carol.wait(lambda: carol.last + 1000 > writer.acked, "carol to keep up")
            way = ("back", "front")[number % 2]
            before = carol.ways[way]
            carol.wait(lambda: carol.ways[way] > before + 5, f"entries that come by the {way}")
            # A user that may not read makes the room private; removing that user opens it.
            self.reload(operator, **self.rules, **({"dave": NO_SECRET} if number % 2 == 0 else {}))
            writer.further(100)
        self.everything([carol, second], writer.end())


class Presence(PrivateCase):
    def watch(self, broker, name):
        """A client that listens to everything at the back."""
        peer = self.of(broker, name)
        peer.subscribe(b"")
        return peer

    def heard(self, peer):
        """All that came on the back until now."""
        frames = []
        nonce = b"\xff" + secrets.token_hex(8).encode()
        peer.sub.subscribe(nonce)
        while not (frame := peer.live()).startswith(nonce):
            frames += [frame] if frame[:1] != b"\xff" else []
        return frames

    def come_and_go(self, broker, watching, room):
        """Bob comes and goes; returns what `watching`, a member, is told of it."""
        bob = self.of(broker, "bob")
        self.assertEqual(bob.ask(op="join", room=room)["count"], 2)
        watching.wait(lambda: any({"nick": "bob"} in frame["joined"] for frame in watching.presence), "bob to be there")
        bob.ask(op="leave", room=room)
        watching.wait(lambda: any({"nick": "bob", "reason": "leave"} in frame["left"] for frame in watching.presence), "bob to go")

    def test_of_a_private_room(self):
        broker = self.encrypted(self.text(alice=ALL, bob=ALL, thief='    allow = "all : general"\n'), head=CONFIG)
        thief, alice = self.watch(broker, "thief"), self.member(broker, "alice")
        thief.ask(op="join", room="general")
        self.come_and_go(broker, alice, ROOM)
        self.assertEqual(thief.ask(op="who", room=ROOM)["code"], "forbidden")
        self.assertEqual([one["room"] for one in thief.ask(op="rooms")["rooms"]], ["general"])
        pong = thief.ask(op="ping")
        self.assertNotIn(ROOM, json.dumps(pong))
        frames = self.heard(thief)
        self.assertTrue(any(frame.startswith(b"general\x01") for frame in frames))
        self.assertFalse(any(name in frame for frame in frames for name in (b"alice", b"bob", ROOM.encode())), frames)
        alice.end()

    def test_of_an_open_room_where_not_all_may_see_it(self):
        """The entries go by the back, to all. Presence goes only to users that may see it."""
        room = "general"
        broker = self.encrypted(self.text(alice=ALL, bob=ALL, thief=ALL + '    deny = "presence : *"\n'), head=CONFIG)
        thief, alice = self.watch(broker, "thief"), self.member(broker, "alice", room)
        joined = thief.ask(op="join", room=room)
        self.assertEqual((joined["private"], joined["version"], joined["count"]), (False, 0, 0))
        self.come_and_go(broker, alice, room)
        self.assertEqual(thief.ask(op="who", room=room)["code"], "forbidden")
        self.assertEqual(thief.ask(op="rooms")["rooms"], [{"room": room, "seq": 0, "count": 0}])
        self.assertEqual(thief.ask(op="ping")["versions"], {})
        self.assertEqual(self.of(broker, "bob").ask(op="publish", room=room, text="open")["op"], "ack")
        alice.wait(lambda: alice.bodies == [b"open"], "the entry")
        self.assertEqual(alice.ways, {"back": 1})
        frames = self.heard(thief)
        self.assertEqual([deliver_entries(frame)[3][0][5] for frame in frames], [b"open"])
        self.assertFalse(thief.front.poll(0))
        # And he is named to nobody.
        self.assertNotIn("thief", json.dumps(alice.presence))
        alice.end()


class SlowMember(PrivateCase):
    def test_who_does_not_read_costs_the_others_nothing(self):
        broker = self.encrypted(self.text(alice=ALL, bob=ALL, carol=ALL, dave=NO_SECRET), head=CONFIG.replace("60000", "1h"),
                                more="limits\n    route-queue = 16\n    replay-frames = 8\n")
        carol = self.member(broker, "carol")
        bob = self.member(broker, "bob", start=False, rcvhwm=1, rcvbuf=4096)
        self.assertTrue(bob.joined["private"])
        writer = self.writer(broker, count=1000, each=1, pad=bytes(20_000))
        writer.upto(1000)
        bodies = writer.end()
        self.everything([carol], bodies)
        # He reads again: his session is still there, and all of it comes, dropped entries by replay.
        bob.start()
        self.everything([bob], bodies)
        self.assertLess(bob.ways["front"], len(bodies))
        self.assertTrue(bob.peer.hello(resume=bob.peer.welcome["resume"])["resumed"])


class Ends(TestCase):
    def test_sockets_of_a_thread_are_closed_after_it_only(self):
        peer = self.peer("tcp://127.0.0.1:9", hello=False)
        peer.thread = Worker()
        peer.thread.run = peer.thread.stopping.wait
        peer.thread.start()
        peer.close()
        self.assertFalse(peer.context.closed)
        peer.thread.stop()
        peer.close()
        self.assertTrue(peer.context.closed)


if __name__ == "__main__":
    unittest.main()
