"""A relay is moved whole: export from one broker, import --keep into another."""
import json
import subprocess
import unittest

from harness import ZRELAYD, TestCase, wait_for

FAST = "server\n    heartbeat = 200\nauth\n    tokens = 1\n"
ALL = '    allow = "read write create state presence : *"\n'


class Move(TestCase):
    def setUp(self):
        super().setUp()
        hashed = subprocess.run([ZRELAYD, "--hash-token"], input=b"secret", capture_output=True, check=True).stdout.decode().strip()
        names = (("root", '    allow = "admin : *"\n' + ALL), ("ann", ALL))
        self.text = "".join(f'user\n    name = {name}\n    token = "{hashed}"\n{rules}' for name, rules in names)
        self.environment["ZRELAY_TOKEN"] = "secret"

    def source(self):
        """A broker with messages of two users, with values of keys, bytes that are no text, and a gap."""
        broker = self.broker(config="server\n    heartbeat = 200\n")
        for nick in ("ann", "bob"):
            self.run_zrelay(broker, "--nick", nick, "pub", "talk", stdin=b"one\ntwo\n" + nick.encode() + b"\n")
        self.run_zrelay(broker, "pub", "bytes", "-0", stdin=b"a\xff\0\0b\nc\0")
        for words in (("set", "title", "x"), ("set", "gone", "y"), ("delete", "gone"), ("set", "here", "z", "--ttl", "1d")):
            self.run_zrelay(broker, "state", "board", *words)
        return broker

    def target(self, name):
        return self.broker("--users", self.users(self.text), "--data", self.path(name), config=FAST)

    def root(self, broker, *arguments, **options):
        return self.run_zrelay(broker, "--user", "root", *arguments, **options)

    def test_history_is_the_same(self):
        source, target = self.source(), self.target("data")
        exported = self.run_zrelay(source, "export").text().encode()
        self.assertEqual({json.loads(line)["room"] for line in exported.splitlines()}, {"talk", "bytes", "board"})
        moved = self.root(target, "import", "--keep", stdin=exported)
        count = len(exported.splitlines())
        self.assertIn(f"{count} messages moved, 0 were there already", moved.errors())
        self.assertEqual(self.root(target, "export").text().encode(), exported)
        self.assertEqual(self.root(target, "state", "board", "get", "title").text(), "x\n")
        ends = [self.run_zrelay(source, "--json", "state", "board", "expiring"), self.root(target, "--json", "state", "board", "expiring")]
        self.assertEqual(ends[0].text(), ends[1].text())
        self.assertEqual([json.loads(line)["key"] for line in ends[0].lines()], ["here"])
        target.wait_err("audit root moves entries into talk, with their senders and times")
        # Again, and again after a crash: nothing comes twice.
        target = self.restart(target, "--users", self.path("users"), "--data", self.path("data"), config=FAST)
        again = self.root(target, "import", "--keep", stdin=exported)
        self.assertIn(f"0 messages moved, {count} were there already", again.errors())
        self.assertEqual(self.root(target, "export").text().encode(), exported)

    def test_it_goes_on_after_a_break(self):
        source, target = self.source(), self.target("data")
        lines = self.run_zrelay(source, "export").text().encode().splitlines(keepends=True)
        first = self.zrelay(target, "--user", "root", "import", "--keep")
        first.process.stdin.write(b"".join(lines[:4]))
        first.process.stdin.flush()
        wait_for(lambda: len(self.root(target, "export").lines()) == 4, "four to be moved")
        target = self.restart(target, "--users", self.path("users"), "--data", self.path("data"), config=FAST)
        first.process.stdin.write(b"".join(lines[4:6]))  # the same run goes on over a restart of the broker
        first.close_stdin()
        self.assertEqual(first.finish(), 0, first.errors())
        second = self.root(target, "import", "--keep", stdin=b"".join(lines))
        self.assertIn(f"{len(lines) - 6} messages moved, 6 were there already", second.errors())
        self.assertEqual(self.root(target, "export").text().encode(), b"".join(lines))

    def test_what_is_refused(self):
        target = self.target("data")
        line = {"room": "r", "seq": 5, "time": 1600000000000000, "sender": "eve", "body": "x"}
        refused = self.run_zrelay(target, "--user", "ann", "import", "--keep", stdin=json.dumps(line).encode(), code=3)
        self.assertIn("only an operator may keep sender and time", refused.errors())
        for member in ("seq", "time", "sender"):
            wrong = {name: value for name, value in line.items() if name != member}
            self.assertIn("line 1: ", self.root(target, "import", "--keep", stdin=json.dumps(wrong).encode(), code=1).errors())
        large = self.root(target, "import", "--keep", stdin=json.dumps({**line, "body": "x" * 70000}).encode(), code=1)
        self.assertIn("raise limits/max-control", large.errors())
        # The home of another user stops nothing: its lines are counted.
        lines = [{**line, "room": room, "seq": seq} for room, seq in (("~ann/read", 1), ("~ann/read", 2), ("s", 3))]
        homes = self.root(target, "import", "--keep", stdin="\n".join(map(json.dumps, lines)).encode(), code=3)
        self.assertEqual(homes.errors().count("forbidden"), 1, homes.errors())
        self.assertIn("1 messages moved, 0 were there already\n", homes.errors())
        self.assertIn("2 messages of homes were refused", homes.errors())
        self.root(target, "import", "--keep", "--progress-file", self.path("p"), code=1)
        self.assertEqual([json.loads(text)["room"] for text in self.root(target, "export").lines()], ["s"])


if __name__ == "__main__":
    unittest.main()
