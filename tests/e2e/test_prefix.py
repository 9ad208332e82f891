"""Readers of all rooms with a prefix, however many those are."""
import json
import re
import signal
import unittest

import test_cli_auth
from harness import TestCase, publish_frame, wait_for
from limit_case import KEPT
from test_cli_auth import ALL, user

ROOMS = 20_000
# Of each room the reader remembers a position, of about 400 bytes with all that belongs to it. The program itself has the rest.
MEMORY_KIB = 40_000 + (KEPT >> 10)


def peak_kib(program):
    with open(f"/proc/{program.process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", file.read(), re.M).group(1))


class Prefix(TestCase):
    def publish(self, peer, first, count):
        """An entry in each of so many rooms."""
        for number in range(first, first + count):
            peer.send(publish_frame(f"r/{number:05}", (number + 1, b"in %d" % number)))
        peer.ask(op="publish", room="done", text="")  # all before it are answered, too

    def assert_each_once(self, reader, count):
        entries = [json.loads(line) for line in reader.lines()]
        self.assertEqual(sorted((entry["room"], entry["body"]) for entry in entries),
                         [(f"r/{number:05}", f"in {number}") for number in range(count)])

    def test_twenty_thousand_rooms_that_appear(self):
        broker = self.broker(config="server\n    heartbeat = 500\nlimits\n    rate-ops = 100000\n")
        reader = self.zrelay(broker, "-v", "--json", "sub", "r/*", "--count", str(ROOMS))
        reader.wait_err(r"r/\*: live")
        peer = self.peer(broker)
        self.publish(peer, 0, ROOMS // 4)
        wait_for(lambda: len(reader.lines()) == ROOMS // 4, "a quarter of the rooms")
        reader.signal(signal.SIGSTOP)  # the rest is more than its queues hold, and longer than a session lives
        self.publish(peer, ROOMS // 4, ROOMS - ROOMS // 4)
        wait_for(lambda: peer.ask(op="who", room="r/00000")["count"] == 0, "an answer")
        reader.signal(signal.SIGCONT)
        self.assertEqual(reader.finish(), 0, reader.errors()[-2000:])
        self.assert_each_once(reader, ROOMS)

    def test_what_it_costs(self):
        broker = self.broker()
        reader = self.zrelay(broker, "-v", "--json", "sub", "r/*")
        reader.wait_err(r"r/\*: live")
        self.publish(self.peer(broker), 0, ROOMS)
        wait_for(lambda: len(reader.lines()) == ROOMS, "all rooms")
        self.assertLess(peak_kib(reader), MEMORY_KIB)
        self.assert_each_once(reader, ROOMS)

    def test_what_was_said_before(self):
        """A replay for each room, as fast as the rates allow."""
        broker = self.broker(config="limits\n    rate-ops = 100000\n")
        self.publish(self.peer(broker), 0, ROOMS)
        late = self.zrelay(broker, "--json", "sub", "r/*", "--all", "--count", str(ROOMS))
        self.assertEqual(late.finish(), 0, late.errors()[-2000:])
        self.assert_each_once(late, ROOMS)


class Names(TestCase):
    def live(self, broker, *arguments):
        """A reader of these rooms that is there and listening."""
        reader = self.zrelay(broker, "-v", "--json", "sub", *arguments)
        for name in arguments:
            reader.wait_err("^zrelay: " + re.escape(name) + ": live")
        return reader

    def entries(self, reader, last):
        """What it printed until the body `last`."""
        reader.wait_out(f'"body":"{last}"')
        return [(entry["room"], entry["body"]) for entry in map(json.loads, reader.lines())]

    def say(self, peer, *rooms):
        for room in rooms:
            self.assertEqual(peer.ask(op="publish", room=room, text=f"in {room}")["op"], "ack")

    def test_all_rooms(self):
        broker = self.broker()
        reader = self.live(broker, "*")
        self.say(self.peer(broker), "a", "b/c", "caf\u00e9")
        self.assertEqual(self.entries(reader, "in caf\u00e9"), [(room, f"in {room}") for room in ("a", "b/c", "caf\u00e9")])

    def test_prefixes_and_rooms_that_meet(self):
        broker = self.broker()
        reader = self.live(broker, "a*", "ab*", "abc")
        self.say(self.peer(broker), "a", "ab", "abc", "abcd", "b", "a/end")
        self.assertEqual(sorted(self.entries(reader, "in a/end")), [(room, f"in {room}") for room in ("a", "a/end", "ab", "abc", "abcd")])

    def test_the_longest_prefix(self):
        broker = self.broker()
        name = "n" * 127
        reader = self.live(broker, name + "*")
        self.say(self.peer(broker), "n" * 126, name, name + "x")
        self.assertEqual(self.entries(reader, "in " + name + "x"), [(room, f"in {room}") for room in (name, name + "x")])

    def test_a_broker_that_begins_anew(self):
        broker = self.broker(config="server\n    heartbeat = 500\n")
        reader = self.live(broker, "r/*")
        self.say(self.peer(broker), "r/1", "r/2")
        self.entries(reader, "in r/2")
        broker = self.restart(broker, config="server\n    heartbeat = 500\n")
        self.say(self.peer(broker), "r/2", "r/3")
        reader.wait_out("in r/3")
        self.assertEqual(sorted(self.entries(reader, "in r/3")), [(room, f"in {room}") for room in ("r/1", "r/2", "r/2", "r/3")])
        self.assertIsNone(reader.process.poll())

    def test_no_more_prefixes_than_a_session_may_have(self):
        broker = self.broker(config="limits\n    max-joins = 2\n")
        self.live(broker, "a*", "b*")
        refused = self.run_zrelay(broker, "sub", "a*", "b*", "c*", code=1)
        self.assertIn("c*", refused.errors())


class Rights(test_cli_auth.Case):
    """alice publishes, bob reads all rooms with a prefix, as far as he may; carol makes some of them private."""
    SECRET = ALL + '    deny = "read : r/s*"\n'

    def allowed(self, bob):
        return (user("alice", self.alice), user("bob", self.bob, bob), user("carol", self.carol, self.SECRET))

    def setUp(self):
        super().setUp()
        self.alice, self.bob, self.carol = (self.keygen(name) for name in ("alice", "bob", "carol"))

    def say(self, broker, room, text):
        self.run_zrelay(broker, *self.keyed("alice"), "pub", room, text)

    def test_rights_that_come_and_go(self):
        broker = self.encrypted(*self.allowed(ALL))
        reader = self.zrelay(broker, *self.keyed("bob"), "-v", "sub", "r/*")
        reader.wait_err(r"r/\*: live")
        self.say(broker, "r/secret", "one")
        self.say(broker, "r/open", "two")
        reader.wait_out("^one$")
        reader.wait_out("^two$")
        self.reload(broker, *self.allowed(self.SECRET))
        self.say(broker, "r/secret", "three")
        self.say(broker, "r/such", "four")
        self.say(broker, "r/open", "five")
        reader.wait_out("^five$")
        self.assertEqual(sorted(reader.lines()), [b"five", b"one", b"two"])
        self.reload(broker, *self.allowed(ALL))  # what he missed meanwhile, without another message there
        reader.wait_out("^four$")
        reader.wait_out("^three$")
        self.assertEqual(sorted(reader.lines()), [b"five", b"four", b"one", b"three", b"two"])
        self.say(broker, "r/secret", "six")
        reader.wait_out("^six$")
        self.assertIsNone(reader.process.poll())


if __name__ == "__main__":
    unittest.main()
