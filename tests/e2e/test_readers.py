"""Readers that go on where they stopped: sub --durable (the broker remembers) and sub --cursor (a file does)."""
import os
import signal
import unittest

from harness import TestCase, wait_for

FAST = "server\n    heartbeat = 200\n"


class ReaderCase(TestCase):
    def numbers(self, broker, first, last, room="r"):
        self.run_zrelay(broker, "pub", room, stdin="".join(f"{n}\n" for n in range(first, last + 1)).encode())

    def read(self, broker, *options, count, code=0):
        """Reads so many messages; returns them."""
        return [int(line) for line in self.run_zrelay(broker, "sub", "r", "-c", str(count), "-t", "20", *options, code=code).lines()]


class Durable(ReaderCase):
    def test_the_next_reader_goes_on(self):
        data = self.path("data")
        broker = self.broker("--data", data, config=FAST)
        self.numbers(broker, 1, 30)
        self.assertEqual(self.read(broker, "--durable", "ann", count=10), list(range(1, 11)))
        self.assertEqual(self.read(broker, "--durable", "ann", count=5), list(range(11, 16)))
        broker = self.restart(broker, "--data", data, config=FAST)
        self.assertEqual(self.read(broker, "--durable", "ann", count=15), list(range(16, 31)))
        self.assertEqual(self.read(broker, "--durable", "bob", count=2), [1, 2])
        self.run_zrelay(broker, "groups", "r", "ann", "delete")
        self.assertEqual(self.read(broker, "--durable", "ann", count=1), [1])

    def test_a_reader_that_is_killed(self):
        """Its message comes again, and no message after it comes before it."""
        broker = self.broker(config=FAST)
        self.numbers(broker, 1, 20)
        out, gate = self.path("out"), self.path("gate")
        command = f"read n; echo $n >> {out}; test $n != 7 || test -e {gate} || sleep 60"
        first = self.zrelay(broker, "sub", "r", "--durable", "ann", "--exec", command)
        wait_for(lambda: self.ran(out)[-1:] == [7], "the seventh")
        first.signal(signal.SIGKILL)
        self.file("gate", "")
        self.zrelay(broker, "sub", "r", "--durable", "ann", "--exec", command)
        wait_for(lambda: self.ran(out)[-1:] == [20], "the last")
        self.assertEqual(self.ran(out), [*range(1, 8), *range(7, 21)])

    def test_a_command_that_fails_holds_up_the_rest(self):
        broker = self.broker(config=FAST)
        self.numbers(broker, 1, 5)
        out, gate = self.path("out"), self.path("gate")
        program = self.zrelay(broker, "sub", "r", "--durable", "ann", "--exec", f"read n; echo $n >> {out}; test $n != 3 || test -e {gate}")
        program.wait_err("exit status 1")
        self.assertEqual(self.ran(out), [1, 2, 3])
        self.file("gate", "")
        wait_for(lambda: self.ran(out)[-1:] == [5], "the last")
        self.assertEqual(sorted(set(self.ran(out))), [1, 2, 3, 4, 5])
        self.assertEqual(self.ran(out), sorted(self.ran(out)))

    def test_a_group_of_workers_is_none(self):
        broker = self.broker(config=FAST)
        self.numbers(broker, 1, 2)
        self.read(broker, "--group", "g", count=1)
        program = self.run_zrelay(broker, "sub", "r", "--durable", "g", code=3)
        self.assertIn("g is a group of workers there", program.errors())
        for options in (["--durable", "a", "--group", "b"], ["--durable", "a", "--exec", "cat", "--jobs", "2"], ["--durable", "a", "--last", "1"],
                        ["--durable", "a", "--ordered-by-key"], ["--cursor", "f", "--durable", "a"], ["--cursor", "f", "--group", "a"],
                        ["--cursor", "f", "r*"]):
            with self.subTest(options):
                self.run_zrelay(broker, "sub", "r", *options, code=1)

    @staticmethod
    def ran(path):
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [int(line) for line in file.read().split("\n")[:-1]]


class Cursor(ReaderCase):
    def test_the_next_reader_goes_on(self):
        data, cursor = self.path("data"), self.path("cursor")
        broker = self.broker("--data", data, config=FAST)
        self.numbers(broker, 1, 30)
        self.assertEqual(self.read(broker, "--cursor", cursor, "--all", count=10), list(range(1, 11)))
        self.assertEqual(self.read(broker, "--cursor", cursor, "--all", count=5), list(range(11, 16)))
        broker = self.restart(broker, "--data", data, config=FAST)
        self.assertEqual(self.read(broker, "--cursor", cursor, count=15), list(range(16, 31)))
        with open(cursor, encoding="utf-8") as file:
            self.assertRegex(file.read(), r"\Azrelay-cursor 1\nepoch [0-9a-f]{16}\nroom 30 r\n\Z")

    def test_a_reader_that_is_killed(self):
        """What it saved is behind it; messages from then on come again, and none is left out."""
        broker = self.broker(config=FAST)
        cursor = self.path("cursor")
        first = self.zrelay(broker, "sub", "r", "--cursor", cursor, "--verbose")
        wait_for(lambda: os.path.exists(cursor) and "room" in open_text(cursor), "the position of the start")
        self.numbers(broker, 1, 5)
        wait_for(lambda: "room 5 r" in open_text(cursor), "the position")
        first.signal(signal.SIGKILL)
        first.finish()
        self.assertEqual(first.text(), "1\n2\n3\n4\n5\n")
        self.numbers(broker, 6, 8)
        self.assertEqual(self.read(broker, "--cursor", cursor, count=3), [6, 7, 8])

    def test_another_log(self):
        broker = self.broker(config=FAST)
        cursor = self.path("cursor")
        self.numbers(broker, 1, 5)
        self.assertEqual(self.read(broker, "--cursor", cursor, "--all", count=5), [1, 2, 3, 4, 5])
        broker = self.restart(broker, config=FAST)  # in memory: a new epoch
        self.numbers(broker, 11, 12)
        program = self.run_zrelay(broker, "sub", "r", "-c", "2", "--cursor", cursor, "--all")
        self.assertEqual(program.text(), "11\n12\n")
        self.assertIn("the broker has another log than that of these positions", program.errors())
        self.assertIn("room 2 r", open_text(cursor))

    def test_commands(self):
        broker = self.broker(config=FAST)
        cursor, out = self.path("cursor"), self.path("out")
        self.numbers(broker, 1, 4)
        command = f"read n; echo $n >> {out}; test $n != 2"
        self.run_zrelay(broker, "sub", "r", "-c", "3", "--all", "--cursor", cursor, "--exec", command, code=4)
        self.run_zrelay(broker, "sub", "r", "-c", "1", "--all", "--cursor", cursor, "--exec", command)
        self.assertEqual(open_text(out), "1\n2\n3\n4\n")

    def test_files_that_cannot_be_used(self):
        broker = self.broker(config=FAST)
        self.file("wrong", "oops\n")
        os.chmod(self.path("wrong"), 0o600)
        for path, words in ((self.path("wrong"), "no file of 'zrelay sub --cursor'"), (self.path("no/such"), "No such file")):
            self.assertIn(words, self.run_zrelay(broker, "sub", "r", "--cursor", path, code=1).errors())


def open_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    unittest.main()
