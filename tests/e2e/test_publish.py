"""Publishing from the command line: what is refused is told, runs that were cut off go on, messages of any shape and size."""
import fcntl
import os
import re
import signal
import subprocess
import termios
import unittest

from harness import DEADLINE, ZRELAY, ZRELAYD, wait_for
from test_cli import CliCase

SMALL = "limits\n    max-frame = 4k\n    max-control = 1k\n"
LIMIT = 3681  # what SMALL leaves for a body


def keyed(*keys):
    return b"".join(b'{"room":"room","key":"%s","body":"%d"}\n' % (key.encode(), line) for line, key in enumerate(keys, 1))


class PublishCase(CliCase):
    def bodies(self, broker, room="room"):
        return [entry["body"] for entry in self.json_lines(self.run_zrelay(broker, "--json", "history", room))]

    def numbers(self, count):
        return b"".join(b"%d\n" % number for number in range(1, count + 1))

    def progress(self, name="progress"):
        """What the file says."""
        with open(self.path(name), encoding="utf-8") as file:
            return dict(line.rstrip("\n").partition(" ")[::2] for line in file)


class Refused(PublishCase):
    def test_each_line_is_told_and_what_became_of_the_others(self):
        broker = self.broker(config="limits\n    max-keys = 2\n")
        program = self.run_zrelay(broker, "import", stdin=keyed("a", "b", "c", "c", "d", "a", "e", "b"), code=3)
        lines = program.errors().splitlines()
        self.assertEqual(len(lines), 3, lines)
        self.assertRegex(lines[0], r"^zrelay: lines 3-5: room: refused: .* \[too-many-keys\]$")
        self.assertRegex(lines[1], r"^zrelay: line 7: room: refused: .* \[too-many-keys\]$")
        self.assertRegex(lines[2], r"^zrelay: all other lines up to 8 are acked")
        self.assertEqual(self.bodies(broker), ["1", "2", "6", "8"])

    def test_no_more_is_told_than_a_screen_holds(self):
        broker = self.broker(config="limits\n    max-keys = 1\n")
        program = self.run_zrelay(broker, "import", stdin=keyed(*["a", "b"] * 500), code=3)
        lines = program.errors().splitlines()
        self.assertLess(len(lines), 30)
        told = [int(found[1]) for line in lines if (found := re.match(r"zrelay: line (\d+): ", line))]
        self.assertEqual(told, list(range(2, 2 * len(told) + 1, 2)))
        self.assertEqual(lines[len(told)], f"zrelay: and {500 - len(told)} more lines")
        self.assertRegex(lines[-1], "all other lines up to 1000 are acked")

    def test_what_was_not_tried_is_told(self):
        broker = self.broker(config="limits\n    max-rooms = 1\n")
        self.run_zrelay(broker, "pub", "room", "x")
        program = self.zrelay(broker, "pub", "other")
        program.write(b"one\n")
        self.assertEqual(program.finish(), 3)  # stdin is open still
        lines = program.errors().splitlines()
        self.assertRegex(lines[0], r"^zrelay: line 1: other: refused: .* \[too-many-rooms\]$")
        self.assertEqual(lines[1:], ["zrelay: nothing after line 1 was published"])

    def test_refused_lines_are_tried_again_and_no_others(self):
        store = ["--data", self.path("data")]
        broker = self.broker(*store, config="limits\n    max-keys = 2\n")
        lines = keyed("a", "b", "c", "c", "d", "a", "e", "b", "f")
        arguments = ["import", "--progress-file", self.path("progress")]
        program = self.run_zrelay(broker, *arguments, stdin=lines, code=3)
        self.assertRegex(program.errors(), r"(?m)^zrelay: .*/progress: the next run begins with lines 3-5,7,9-$")
        self.assertEqual(self.progress()["todo"], "3-5,7,9-")
        for keys, todo, bodies in ((3, "5,7,9-", "3 4"), (3, "5,7,9-", ""), (9, "10-", "5 7 9")):
            had = self.bodies(broker)
            broker = self.restart(broker, *store, config=f"limits\n    max-keys = {keys}\n")
            program = self.run_zrelay(broker, *arguments, stdin=lines, code=0 if todo == "10-" else 3)
            self.assertEqual(self.progress()["todo"], todo, program.errors())
            self.assertEqual(self.bodies(broker), had + bodies.split())
        self.run_zrelay(broker, *arguments, stdin=lines + keyed("z"))
        self.assertEqual(sorted(self.bodies(broker)), sorted("123456789" + "1"))


class GoingOn(PublishCase):
    def run_on(self, broker, stdin, code=0, options=(), room="room"):
        return self.run_zrelay(broker, "pub", room, "--progress-file", self.path("progress"), *options, stdin=stdin, code=code)

    def test_a_file_that_grows(self):
        broker = self.broker()
        for count in (3, 3, 10, 2000):
            self.run_on(broker, self.numbers(count))
            self.assertEqual(self.bodies(broker), self.numbers(count).decode().split())
        self.assertEqual(os.stat(self.path("progress")).st_mode & 0o777, 0o600)

    def test_killed_with_messages_under_way(self):
        """The broker takes them after their client's death. The next client sends them again, as it cannot know."""
        store = ["--data", self.path("data")]
        broker = self.broker(*store)
        total = 4000
        for turn in range(6):
            until = (turn + 1) * 500
            publisher = self.zrelay(broker, "pub", "room", "--progress-file", self.path("progress"))
            publisher.write(self.numbers(until - 250))
            wait_for(lambda: len(self.bodies(broker)) >= until - 250, "the first half to be stored")
            broker.signal(signal.SIGSTOP)
            publisher.write(b"".join(b"%d\n" % number for number in range(until - 249, until + 1)))
            self.wait_taken(publisher)
            publisher.signal(signal.SIGKILL)
            publisher.finish()
            broker.signal(signal.SIGCONT)
            if turn % 3 == 2:
                broker = self.restart(broker, *store)
        self.run_on(broker, self.numbers(total))
        self.assertEqual(self.bodies(broker), self.numbers(total).decode().split())

    def wait_taken(self, program):
        """Waits until the program has read all that was written, and sleeps: what it could send is sent."""

        def taken():
            left = fcntl.ioctl(program.process.stdin, termios.FIONREAD, bytes(4))
            with open(f"/proc/{program.process.pid}/stat", encoding="ascii") as file:
                return left == bytes(4) and file.read().rpartition(")")[2].split()[0] == "S"
        wait_for(taken, "stdin to be read")

    def test_killed_at_any_moment(self):
        broker = self.broker("--data", self.path("data"))
        lines = self.numbers(60000)
        for _ in range(8):
            before = self.head(broker)
            with open(self.file("in", lines), "rb") as source:
                publisher = self.zrelay(broker, "pub", "room", "--progress-file", self.path("progress"), stdin=source)
            wait_for(lambda: self.head(broker) > before or publisher.process.poll() is not None, "progress")
            publisher.signal(signal.SIGKILL)
            publisher.finish()
        self.run_on(broker, lines)
        self.assertTrue(self.bodies(broker) == lines.decode().split())

    def head(self, broker, room="room"):
        return self.peer(broker).ask(op="join", room=room)["seq"]

    def test_killed_and_gone_on_with_other_options(self):
        """What was left out stays out as long as lines behind it were under way, and is told: its id is void."""
        broker = self.broker(config=SMALL)
        large = b"x" * 5000 + b"\n"
        publisher = self.zrelay(broker, "pub", "room", "--progress-file", self.path("progress"), "--oversize", "skip")
        publisher.write(b"1\n")
        wait_for(lambda: self.bodies(broker) == ["1"], "the first line")
        broker.signal(signal.SIGSTOP)
        publisher.write(large + b"3\n")
        self.wait_taken(publisher)
        publisher.signal(signal.SIGKILL)
        publisher.finish()
        broker.signal(signal.SIGCONT)
        program = self.run_on(broker, b"1\n" + large + b"3\n" + b"4\n", options=["--oversize", "truncate"])
        self.assertRegex(program.errors(), r"\Azrelay: line 2: .* left out, as in the run before\n\Z")
        self.assertEqual(self.bodies(broker), ["1", "3", "4"])
        self.run_on(broker, b"1\n" + large + b"3\n4\n" + large, options=["--oversize", "truncate"])
        self.assertEqual(self.bodies(broker), ["1", "3", "4", "x" * LIMIT])

    def test_killed_with_lines_under_way_that_are_refused(self):
        """They are sent again under their ids first, and only then under new ones."""
        store = ["--data", self.path("data")]
        arguments = ["import", "--progress-file", self.path("progress")]
        broker = self.broker(*store, config="limits\n    max-keys = 2\n")
        lines = keyed("a", "b", "c", "a", "d", "b", "a", "e").splitlines(keepends=True)
        publisher = self.zrelay(broker, *arguments)
        publisher.write(b"".join(lines[:2]))
        wait_for(lambda: len(self.bodies(broker)) == 2, "the first lines")
        broker.signal(signal.SIGSTOP)
        publisher.write(b"".join(lines[2:6]))
        self.wait_taken(publisher)
        publisher.signal(signal.SIGKILL)
        publisher.finish()
        broker.signal(signal.SIGCONT)

        publisher = self.zrelay(broker, *arguments)
        publisher.write(b"".join(lines[:3]))
        publisher.wait_err("refused: line 3")
        publisher.write(b"".join(lines[3:6]))
        publisher.close_stdin()
        self.assertEqual(publisher.finish(), 3)
        self.assertEqual(self.progress()["todo"], "3,5,7-", publisher.errors())
        self.assertEqual(self.bodies(broker), ["1", "2", "4", "6"])
        broker = self.restart(broker, *store, config="limits\n    max-keys = 9\n")
        self.run_zrelay(broker, *arguments, stdin=b"".join(lines))
        self.assertEqual(self.bodies(broker), ["1", "2", "4", "6", "3", "5", "7", "8"])

    def test_interrupted(self):
        broker = self.broker("--data", self.path("data"))
        publisher = self.zrelay(broker, "pub", "room", "--progress-file", self.path("progress"))
        publisher.write(self.numbers(5))
        wait_for(lambda: len(self.bodies(broker)) == 5, "the first lines")
        broker.signal(signal.SIGSTOP)
        publisher.write(b"6\n7\n")
        self.wait_taken(publisher)
        publisher.signal(signal.SIGINT)
        self.assertEqual(publisher.finish(), 2)
        broker.signal(signal.SIGCONT)
        self.run_on(broker, self.numbers(8))
        self.assertEqual(self.bodies(broker), self.numbers(8).decode().split())

    def test_another_log(self):
        broker = self.broker()
        self.run_on(broker, self.numbers(3))
        broker = self.restart(broker)
        self.assertRegex(self.run_on(broker, self.numbers(5)).errors(), r"\Azrelay: .*another log.*\n\Z")
        self.assertEqual(self.bodies(broker), ["4", "5"])

    def test_lines_that_were_left_out_stay_out(self):
        broker = self.broker(config=SMALL)
        lines = b"one\n" + b"x" * 5000 + b"\nthree\n"
        for _ in range(2):
            self.run_on(broker, lines, options=["--oversize", "skip"])
            self.assertEqual(self.bodies(broker), ["one", "three"])
        self.assertEqual(self.progress()["todo"], "4-")

    def test_mistakes(self):
        broker = self.broker()
        self.run_on(broker, self.numbers(10))
        had = self.bodies(broker)
        for stdin, words in ((self.numbers(9), "another input"), (b"0\n" + self.numbers(20), "another input"), (b"", "another input")):
            self.assertIn(words, self.run_on(broker, stdin, code=1).errors())
        self.assertIn("'zrelay pub room'", self.run_on(broker, self.numbers(11), code=1, room="other").errors())
        self.assertIn("'zrelay pub room'", self.run_on(broker, self.numbers(11), code=1, options=["-0"]).errors())
        self.assertIn("'zrelay pub room'", self.run_on(broker, self.numbers(11), code=1, options=["--key", "k"]).errors())
        self.assertEqual(self.bodies(broker), had)
        running = self.zrelay(broker, "pub", "room", "--progress-file", self.path("progress"))
        running.write(self.numbers(11))
        wait_for(lambda: len(self.bodies(broker)) == 11, "the line that is new")
        self.assertIn("another process", self.run_on(broker, self.numbers(12), code=1).errors())
        running.close_stdin()
        self.assertEqual(running.finish(), 0)
        for content, words in ((b"hello\n", "no progress file"), (b"zrelay-progress 1\nfor pub room\n", "cannot be read")):
            os.chmod(self.file("progress", content), 0o600)
            self.assertIn(words, self.run_on(broker, self.numbers(12), code=1).errors())
        for arguments in (["text"], ["--file", "-"]):
            self.fails(broker, "pub", "room", "--progress-file", self.path("progress"), *arguments, words="--progress-file")
        self.fails(broker, "pub", "room", "--progress-file", self.path("no/folder"), words="no/folder")

    def test_a_full_disk(self):
        broker = self.broker()
        program = subprocess.run(["prlimit", "--fsize=10", ZRELAY, "-s", broker.server, "pub", "room", "--progress-file", self.path("progress")],
                                 input=b"one\n", stderr=subprocess.PIPE, env=self.environment, timeout=DEADLINE,
                                 preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        self.assertEqual(program.returncode, 1, program.stderr)
        self.assertIn(b"progress", program.stderr)
        self.assertEqual(self.bodies(broker), [])  # nothing is published that a later run would not know of

    def test_another_user(self):
        token = subprocess.run([ZRELAYD, "--hash-token"], input=b"secret", capture_output=True, check=True).stdout.decode().strip()
        users = self.users('user\n    name = ann\n    token = "%s"\n    allow = "all : *"\nuser\n    name = anonymous\n    allow = "all : *"\n'
                           % token)
        broker = self.broker("--users", users, config="auth\n    tokens = 1\n")
        self.run_on(broker, self.numbers(3))
        self.file("token", "secret")
        os.chmod(self.path("token"), 0o600)
        program = self.run_on(broker, self.numbers(4), code=1, options=["--user", "ann", "--token-file", self.path("token")])
        self.assertIn("nobody", program.errors())
        self.assertEqual(len(self.bodies(broker)), 3)


class Oversize(PublishCase):
    def test_whatever_is_wanted(self):
        broker = self.broker(config=SMALL)
        lines = b"one\n" + b"x" * 5000 + b"\n" + "\u00e9".encode() * 3000 + b"\n" + b"\xbf" * 5000 + b"\nlast\n"
        for room, options in (("a", []), ("b", ["--oversize", "fail"])):
            self.fails(broker, "pub", room, *options, stdin=lines, words=["line 2: ", f"{LIMIT} bytes", "after it are not published"])
            self.assertEqual(self.bodies(broker, room), ["one"])
        program = self.run_zrelay(broker, "pub", "c", "--oversize", "skip", stdin=lines)
        self.assertEqual([f"zrelay: line {line}: it is larger than the {LIMIT} bytes that the broker takes, and is left out" for line in (2, 3, 4)],
                         program.errors().splitlines())
        self.assertEqual(self.bodies(broker, "c"), ["one", "last"])
        program = self.run_zrelay(broker, "pub", "d", "--oversize=truncate", stdin=lines)
        self.assertEqual(program.errors().count(", and is cut\n"), 3)
        found = self.run_zrelay(broker, "history", "d").lines()
        self.assertEqual(found, [b"one", b"x" * LIMIT, "\u00e9".encode() * (LIMIT // 2), b"\xbf" * LIMIT, b"last"])
        self.fails(broker, "pub", "a", "--oversize", "ignore", words="'ignore'")

    def test_the_stream_goes_on(self):
        """And takes no memory for a line without end."""
        broker = self.broker(config=SMALL)
        publisher = self.zrelay(broker, "pub", "room", "--oversize", "skip")
        for _ in range(100):
            publisher.write(b"x" * 1_000_000)
        with open(f"/proc/{publisher.process.pid}/status", encoding="ascii") as status:
            self.assertLess(int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]), 80_000)
        publisher.write(b"\nshort\n")
        wait_for(lambda: self.bodies(broker) == ["short"], "the line behind it")
        publisher.close_stdin()
        self.assertEqual(publisher.finish(), 0)
        self.assertRegex(publisher.errors(), r"\Azrelay: line 1: .*left out\n\Z")

    def test_single_messages(self):
        broker = self.broker(config=SMALL)
        large = "x" * 5000
        for arguments, stdin in ((["pub", "room", large], b""), (["pub", "room", "--file", "-"], large.encode())):
            self.fails(broker, *arguments, stdin=stdin, words=f"{LIMIT} bytes")
            self.assertIn("left out", self.run_zrelay(broker, *arguments, "--oversize", "skip", stdin=stdin).errors())
            self.assertEqual(self.bodies(broker), [])
        self.run_zrelay(broker, "pub", "room", large, "--oversize", "truncate")
        self.assertEqual(self.bodies(broker), ["x" * LIMIT])
        self.run_zrelay(broker, "pub", "key", "--key", "k" * 100, large, "--oversize", "truncate")
        self.assertLessEqual(len(self.bodies(broker, "key")[0]), LIMIT)

    def test_values(self):
        broker = self.broker(config=SMALL)
        self.fails(broker, "state", "room", "set", "key", "x" * 5000, words="bytes that the broker takes")

    def test_import(self):
        broker = self.broker(config=SMALL)
        lines = b"".join(b'{"room":"%%s","body":"%s"}\n' % body for body in (b"one", b"x" * 5000, b"\\u0001" * 5000, b"last"))
        lines += b'{"room":"%s","body":"' + b"x" * 1_000_000 + b'"}\n'
        self.fails(broker, "import", stdin=lines.replace(b"%s", b"a"), words=["line 2: ", str(LIMIT)])
        self.run_zrelay(broker, "import", "--oversize", "skip", stdin=lines.replace(b"%s", b"b"))
        self.assertEqual(self.bodies(broker, "b"), ["one", "last"])
        program = self.run_zrelay(broker, "import", "--oversize", "truncate", stdin=lines.replace(b"%s", b"c"))
        self.assertEqual(self.bodies(broker, "c"), ["one", "x" * LIMIT, "\1" * LIMIT, "last"])
        self.assertRegex(program.errors(), r"line 5: .*left out")  # it is too long to be read


class Shapes(PublishCase):
    def test_a_file_is_a_message(self):
        broker = self.broker()
        content = b"two\nlines\0\xff\n"
        for arguments, stdin in ((["--file", self.file("body", content)], b""), (["-f", "-"], content), (["-f", self.file("none", b"")], b"")):
            self.run_zrelay(broker, "pub", "room", *arguments, stdin=stdin)
        self.run_zrelay(broker, "pub", "room", "-k", "key", "--file", self.path("body"))
        self.assertEqual(bytes(self.run_zrelay(broker, "history", "room").out), content + b"\n" + content + b"\n\n" + content + b"\n")
        self.assertEqual(bytes(self.run_zrelay(broker, "state", "room", "get", "key").out), content + b"\n")
        os.mkfifo(self.path("fifo"))
        waiting = self.zrelay(broker, "pub", "room", "--file", self.path("fifo"), "-v")
        waiting.wait_err("connected")
        waiting.signal(signal.SIGINT)
        self.assertEqual(waiting.finish(), 2)
        late = self.zrelay(broker, "pub", "fifo", "--file", self.path("fifo"), "-v")
        late.wait_err("connected")
        with open(self.path("fifo"), "wb") as fifo:
            fifo.write(b"from afar\n")
        self.assertEqual(late.finish(), 0)
        self.assertEqual(self.bodies(broker, "fifo"), ["from afar\n"])
        self.fails(broker, "pub", "room", "--file", self.path("nosuch"), words="nosuch")
        self.fails(broker, "pub", "room", "--file", self.folder, words="directory")
        self.fails(broker, "pub", "room", "--file", "-", "text", words="text")
        self.fails(broker, "pub", "room", "--file", "-", "-0", words="--null")

    def test_delimiters(self):
        broker = self.broker()
        for options, stdin in ((["-0"], b"a\nb\0\0c"), (["--null"], b"a\nb\0\0c\0"), (["--delimiter", ";"], b"a\nb;;c"),
                               (["-d", "\\0"], b"a\nb\0\0c\0"), (["-d", "\\x3b"], b"a\nb;;c;"), (["-d", "\\t"], b"a\nb\t\tc\t")):
            room = f"room{options[-1].encode().hex()}"
            self.run_zrelay(broker, "pub", room, *options, stdin=stdin)
            self.assertEqual(self.bodies(broker, room), ["a\nb", "", "c"], options)
        for bad in ("", "ab", "\\q", "\\x1", "\\xgg", "\u00e9"):
            self.fails(broker, "pub", "room", "--delimiter", bad, words="--delimiter")
        self.fails(broker, "pub", "room", "-0", "--delimiter", ";", words="exclude")

    def test_import_takes_blank_lines(self):
        broker = self.broker()
        entry = b'{"room":"room","body":"x"}\n'
        self.assertEqual(self.run_zrelay(broker, "import", stdin=b"\n" + entry + b"\n \t\r\n" + entry + b"\n\n").errors(), "")
        self.assertEqual(self.bodies(broker), ["x", "x"])
        self.fails(broker, "import", stdin=b"\n" + entry + b"\nwrong\n", words="line 4: ")  # they count

    def test_acks_in_json(self):
        broker = self.broker("--data", self.path("data"))
        self.publish(broker, "room", b"other", b"other")
        acks = self.json_lines(self.run_zrelay(broker, "pub", "--json", "room", stdin=b"a\n\nc\n"))
        self.assertEqual(acks, [{"room": "room", "line": line, "seq": line + 2, "level": "disk"} for line in (1, 2, 3)])
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "--json", "pub", "room", "-k", "key", "text")),
                         [{"room": "room", "key": "key", "seq": 6, "level": "disk"}])
        lines = b'{"room":"a","body":"x"}\n\n{"room":"b","key":"k","body":"x"}\n{"room":"b","key":"k","deleted":true}\n'
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "import", "--json", stdin=lines)),
                         [{"room": "a", "line": 1, "seq": 1, "level": "disk"}, {"room": "b", "key": "k", "line": 3, "seq": 1, "level": "disk"},
                          {"room": "b", "key": "k", "line": 4, "seq": 2, "level": "disk"}])

    def test_acks_in_json_of_what_is_not_refused(self):
        broker = self.broker(config="limits\n    max-keys = 1\n")
        program = self.run_zrelay(broker, "import", "--json", stdin=keyed("a", "b", "a"), code=3)
        self.assertEqual([ack["line"] for ack in self.json_lines(program)], [1])
        self.assertRegex(program.errors(), r"line 2: .*\n.*nothing after line 2 was published")

    def test_acks_on_a_full_disk(self):
        broker = self.broker()
        with open("/dev/full", "wb") as disk:
            program = subprocess.run([ZRELAY, "-s", broker.server, "pub", "--json", "room"], input=b"one\n", stdout=disk, stderr=subprocess.PIPE,
                                     env=self.environment, timeout=DEADLINE)
        self.assertEqual(program.returncode, 1)
        self.assertIn(b"space", program.stderr)

    def test_timeout(self):
        broker = self.broker(config="server\n    heartbeat = 60000\n")
        publisher = self.zrelay(broker, "pub", "room", "--timeout", "0.3")
        publisher.write(b"one\n")
        wait_for(lambda: self.bodies(broker) == ["one"], "the first message")
        publisher.write(b"two\n")
        wait_for(lambda: self.bodies(broker) == ["one", "two"], "the second")  # between them it waited for stdin
        broker.signal(signal.SIGSTOP)
        publisher.write(b"three\n")
        self.assertEqual(publisher.finish(), 2)
        broker.signal(signal.SIGCONT)
        self.assertRegex(publisher.errors(), r"(?m)^zrelay: no answer for 0.3 seconds; messages not acked: 1; up to line 2 all are answered")


if __name__ == "__main__":
    unittest.main()
