"""zrelayd-search: finds words in the log of zrelayd --data, while the log grows."""
import glob
import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess

from harness import ZRELAYD, Program, TestCase, wait_for

SEARCH = os.path.join(os.path.dirname(ZRELAYD), "zrelayd-search")
FAST = "server\n    heartbeat = 300\n    tick = 20\n"
KEEP_TWO = FAST + "room\n    pattern = short\n    max-entries = 2\n"


class SearchCase(TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.path("data")
        self.index = os.path.join(self.data, "search.db")

    def durable(self, config=FAST):
        return self.broker("--data", self.data, config=config)

    def stop(self, broker):
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

    def start(self, *arguments):
        program = Program([SEARCH, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        return program

    def search(self, *arguments):
        """The lines found, as (room, seq, sender, text)."""
        program = self.start("--data", self.data, *arguments)
        self.assertEqual(program.finish(), 0, program.errors())
        self.assertEqual(program.errors(), "")
        found = []
        for line in program.text().splitlines():
            room, seq, when, sender, text = line.split(" ", 4)
            self.assertRegex(when, r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
            found.append((room, int(seq), sender, text))
        return found

    def refused(self, *arguments, code=1):
        """It must end with 1 and one line on stderr; returns the line."""
        program = self.start(*arguments)
        self.assertEqual(program.finish(), code, program.errors())
        self.assertEqual(program.text(), "")
        self.assertRegex(program.errors(), r"\Azrelayd-search: [^\n]+\n\Z")
        return program.errors()


class Searching(SearchCase):
    def test_while_the_broker_writes(self):
        broker = self.durable()
        self.run_zrelay(broker, "--nick", "ann", "pub", "general", stdin=b"the disk is full\nall is well\n")
        self.run_zrelay(broker, "--nick", "bob", "pub", "metrics/cpu", stdin=b"disk 97 %\n")
        first, second = ("general", 1, "ann", "the disk is full"), ("metrics/cpu", 1, "bob", "disk 97 %")
        self.assertEqual(self.search("disk"), [second, first])
        self.assertEqual(stat.S_IMODE(os.stat(self.index).st_mode), 0o600)
        self.assertEqual(self.search("disk", "full"), [first])
        self.assertEqual(self.search("--room", "general", "disk"), [first])
        self.assertEqual(self.search("--room", "general", "--room", "metrics/cpu", "--limit", "1", "disk"), [second])
        self.assertEqual(self.search("sender:", "bob"), [second])
        self.assertEqual(self.search('room: "metrics/cpu"'), [second])
        self.assertEqual(self.search("nothing"), [])

        self.run_zrelay(broker, "--nick", "bob", "pub", "general", stdin=b"a new disk\n")
        self.run_zrelay(broker, "--nick", "bob", "state", "config", "set", "colour", "green")
        self.assertEqual(self.search("disk"), [("general", 3, "bob", "a new disk"), second, first])
        self.assertEqual(self.search("key: colour"), [("config", 1, "bob", "colour=green")])
        self.run_zrelay(broker, "--nick", "bob", "state", "config", "delete", "colour")
        self.assertEqual(self.search("colour"), [("config", 2, "bob", "colour"), ("config", 1, "bob", "colour=green")])

        self.stop(broker)  # without a broker as well
        self.assertEqual(len(self.search("disk")), 3)
        self.assertEqual(len(self.search("--index", self.path("other.db"), "disk")), 3)

    def test_the_log_is_not_written(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"one\ntwo\n")
        broker.signal(signal.SIGKILL)  # what it wrote is in the write-ahead log
        broker.finish()

        def sums():
            found = []
            for name in ("zrelay.db", "zrelay.db-wal"):
                with open(os.path.join(self.data, name), "rb") as file:
                    found.append(hashlib.sha256(file.read()).hexdigest())
            return found
        before = sums()
        self.assertEqual([hit[3] for hit in self.search("one OR two")], ["two", "one"])
        self.refused("--data", self.data, "--index", os.path.join(self.data, "zrelay.db"), "one")
        self.assertEqual(sums(), before)

    def test_terminals_and_json(self):
        broker = self.durable()
        body = "red \x1b[31m \x9b bell\x07 \u202e tfel caf".encode() + b"\xe9\n"
        self.run_zrelay(broker, "--nick", "eve", "pub", "r", stdin=body)
        self.assertEqual(self.search("red"), [("r", 1, "eve", "red \\x1b[31m \\u{009b} bell\\x07 \\u{202e} tfel caf\ufffd")])
        program = self.start("--data", self.data, "--json", "caf")
        self.assertEqual(program.finish(), 0, program.errors())
        self.assertRegex(program.text(), r"\A[\x20-\x7e]+\n\Z")
        hit = json.loads(program.text())
        self.assertEqual(hit.pop("snippet"), "red \x1b[31m \x9b bell\x07 \u202e tfel caf\ufffd")
        self.assertGreater(hit.pop("time"), 1_500_000_000_000_000)
        self.assertEqual(hit, {"room": "r", "seq": 1, "sender": "eve"})

    def test_what_retention_drops_is_not_found(self):
        broker = self.durable(KEEP_TWO)
        self.run_zrelay(broker, "pub", "short", stdin=b"first word\n")
        self.assertEqual([hit[1] for hit in self.search("word")], [1])
        for word in (b"second word\n", b"third word\n", b"fourth word\n"):
            self.run_zrelay(broker, "pub", "short", stdin=word)
        wait_for(lambda: [hit[1] for hit in self.search("word")] == [4, 3], "the first words to be dropped")
        self.assertEqual(self.search("first"), [])

    def test_another_log(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"old word\n")
        self.assertEqual(len(self.search("word")), 1)
        self.stop(broker)
        for name in glob.glob(os.path.join(self.data, "zrelay.db*")):
            os.remove(name)
        broker = self.durable()
        self.run_zrelay(broker, "pub", "s", stdin=b"new word\n")
        self.assertEqual([hit[0] for hit in self.search("word")], ["s"])


class Killed(SearchCase):
    def test_an_indexer_that_is_killed(self):
        broker = self.durable()
        count = 100_000
        self.run_zrelay(broker, "pub", "n", stdin=b"".join(b"word%d and something that makes it longer\n" % number
                                                          for number in range(1, count + 1)))

        def indexed():
            try:
                with sqlite3.connect(f"file:{self.index}?mode=ro", uri=True) as index:
                    return index.execute("SELECT sum(seq) FROM rooms").fetchone()[0] or 0
            except sqlite3.Error:
                return 0  # not made yet
        kills, before = 0, 0
        while True:
            program = self.start("--data", self.data, "word1")
            wait_for(lambda: program.process.poll() is not None or indexed() > before, "a chunk, or the end")
            before = indexed()
            program.signal(signal.SIGKILL)
            if program.finish() == 0:
                break
            kills += 1
        self.assertGreater(kills, 0)
        self.assertEqual([(hit[1], hit[3]) for hit in self.search("word1")],
                         [(1, "word1 and something that makes it longer")])
        found = self.start("--data", self.data, "--limit", str(count + 1), "longer")
        self.assertEqual(found.finish(), 0, found.errors())
        self.assertEqual([int(line.split()[1]) for line in found.lines()], list(range(count, 0, -1)))
        with sqlite3.connect(self.index) as index:  # an exception if words and texts differ
            index.execute("INSERT INTO entries (entries) VALUES ('integrity-check')")


class Refused(SearchCase):
    def test_command_lines(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"word\n")
        data = ("--data", self.data)
        for arguments, expected in [
                ((), "--data DIR (see 'zrelayd-search --help')"), (data, "say what to search for"), (("--nix",), "unknown option --nix"),
                (("--data",), "--data needs a value"), ((*data, "--limit", "x", "w"), "a number from 1 to 1000000"),
                ((*data, "--limit", "0", "w"), "takes a number"), ((*data, "--limit", "1000001", "w"), "takes a number"),
                ((*data, "--limit", "-1", "w"), "takes a number"), ((*data, "--room", "nix", "w"), 'no room "nix"'),
                ((*data, "a-b"), "bad query: no such column: b; put what has signs"),
                ((*data, '"\x1b\n'), "bad query: unterminated string"), ((*data, "a/\x1bb"), 'near "/"'),
                ((*data, "\x1b: b"), "bad query"), (("--data", self.path("nix"), "w"), "No such file"),
                (("--data", self.folder, "w"), "there is no log in"),
                ((*data, "--index", self.path("nix/index"), "w"), "cannot make the index"),
                ((*data, "--index", os.path.join(self.data, "zrelay.db"), "w"), "is not an index of zrelayd-search")]:
            with self.subTest(arguments=arguments):
                line = self.refused(*arguments)
                self.assertIn(expected, line)
                self.assertNotIn("\x1b", line)
        self.assertEqual(len(self.search("--limit", "1000000", "word")), 1)
        for flag, expected in (("--help", "usage: zrelayd-search"), ("--version", "zrelayd-search ")):
            program = self.start(flag)
            self.assertEqual(program.finish(), 0)
            self.assertIn(expected, program.text())

    def test_stdout_is_full(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"word\n")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SEARCH, "--data", self.data, "word"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, b"zrelayd-search: cannot write to stdout: No space left on device\n"))

    def test_an_index_of_a_newer_version(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"word\n")
        self.assertEqual(len(self.search("word")), 1)
        with sqlite3.connect(self.index) as index:
            index.execute("PRAGMA user_version = 2")
        self.assertIn("made by a newer zrelayd-search", self.refused("--data", self.data, "word"))
