"""The command line reads rooms: the forms of its output, on a terminal too, and a command for each message."""
import base64
import fcntl
import os
import re
import select
import signal
import subprocess
import tempfile
import unittest

from harness import DEADLINE, ZRELAY, Program, publish_frame, wait_for
from test_cli import CliCase, ONE_LINE


class Reading(CliCase):
    def test_history(self):
        broker = self.broker()
        self.assertEqual(bytes(self.run_zrelay(broker, "history", "room").out), b"")
        self.publish(broker, "room", *(b"%d" % number for number in range(1, 11)))
        for arguments, expected in (([], range(1, 11)), (["--last", "3"], range(8, 11)), (["-n3"], range(8, 11)),
                                    (["--last", "99"], range(1, 11)), (["--after", "7"], range(8, 11)),
                                    (["--after", "0"], range(1, 11)), (["--after", "10"], [])):
            with self.subTest(arguments):
                program = self.run_zrelay(broker, "history", "room", *arguments)
                self.assertEqual(program.lines(), [b"%d" % number for number in expected])
                self.assertEqual(program.errors(), "")

    def test_history_of_which_the_beginning_is_gone(self):
        broker = self.broker(config="log\n    room-entries = 3\n")
        self.publish(broker, "room", *(b"%d" % number for number in range(1, 7)))
        program = self.run_zrelay(broker, "history", "room", "--after", "1")
        self.assertEqual(program.lines(), [b"4", b"5", b"6"])
        self.assertRegex(program.errors(), ONE_LINE)
        self.assertEqual(self.run_zrelay(broker, "history", "room").errors(), "")

    def test_where_sub_begins(self):
        broker = self.broker()
        self.publish(broker, "room", *(b"%d" % number for number in range(1, 6)))
        for arguments, expected in ((["--all"], b"12345"), (["-a"], b"12345"), (["--last", "2"], b"45"), (["--after", "3"], b"45"),
                                    (["-n", "9"], b"12345")):
            with self.subTest(arguments):
                program = self.run_zrelay(broker, "sub", "room", "--count", str(len(expected)), *arguments)
                self.assertEqual(b"".join(program.lines()), expected)
        reader = self.zrelay(broker, "sub", "room", "--count", "1")
        self.wait_members(broker, "room", 1)
        self.publish(broker, "room", b"from now")
        self.assertEqual(reader.finish(), 0)
        self.assertEqual(reader.lines(), [b"from now"])

    def test_json(self):
        broker = self.broker()
        self.publish(broker, "room", b"plain", b"\xff\x00", (b"value", b"key"), (b"", b"key", 1), "\u2603 \x1b".encode(), b"", nick="ann")
        expected = [{"body": "plain"}, {"body_base64": base64.b64encode(b"\xff\x00").decode()}, {"key": "key", "body": "value"},
                    {"key": "key", "deleted": True}, {"body": "\u2603 \x1b"}, {"body": ""}]
        for command in (["history", "room"], ["sub", "room", "--all", "--count", "6"]):
            for arguments in (["--json", *command], [*command, "--json"]):
                program = self.run_zrelay(broker, *arguments)
                found = self.json_lines(program)
                self.assertNotIn(b"\x1b", program.out)
                for seq, entry in enumerate(found, 1):
                    self.assertEqual((entry.pop("room"), entry.pop("seq"), entry.pop("sender")), ("room", seq, "ann"))
                    self.assertGreater(entry.pop("time"), 1_600_000_000_000_000)
                self.assertEqual(found, expected)
        # Text does not show the deletion.
        self.assertEqual(bytes(self.run_zrelay(broker, "history", "room").out),
                         b"plain\n\xff\0\nvalue\n" + "\u2603 \x1b\n\n".encode())

    def test_count_and_timeout(self):
        broker = self.broker()
        self.fails(broker, "sub", "room", "--timeout", "0.1", code=2, words="0.1")
        self.publish(broker, "room", b"one", b"two")
        program = self.fails(broker, "sub", "room", "--all", "--count", "3", "--timeout", ".1", code=2)
        self.assertEqual(program.lines(), [b"one", b"two"])

    def test_several_rooms(self):
        broker = self.broker()
        for number, room in enumerate(("a", "b", "c")):
            self.publish(broker, room, b"%d" % number)
        program = self.run_zrelay(broker, "sub", "a", "c", "--all", "--count", "2")
        self.assertEqual(sorted(program.lines()), [b"0", b"2"])
        self.assertEqual(sorted(self.on_terminal(broker, "sub", "a", "c", "--all", "--count", "2").splitlines()), [b"a: 0", b"c: 2"])
        self.assertEqual(self.on_terminal(broker, "sub", "a", "--all", "--count", "1"), b"0\n")

    def test_prefix(self):
        broker = self.broker()
        self.publish(broker, "metrics/cpu", b"old")
        self.publish(broker, "metric", b"other")
        reader = self.zrelay(broker, "--json", "sub", "metrics/*", "--all")
        reader.wait_out("old")
        self.publish(broker, "metrics/memory", b"a room that is new")
        self.publish(broker, "metrics", b"not this one")
        reader.wait_out("a room that is new")
        self.publish(broker, "metrics/cpu", b"live")
        reader.wait_out("live")
        reader.signal(signal.SIGINT)
        self.assertEqual(reader.finish(), 0)
        self.assertEqual([(entry["room"], entry["body"]) for entry in self.json_lines(reader)],
                         [("metrics/cpu", "old"), ("metrics/memory", "a room that is new"), ("metrics/cpu", "live")])

    def test_raw_on_a_terminal(self):
        broker = self.broker()
        self.publish(broker, "room", b"\x1b[31mred", (b"\x1b[31mred", b"key"))
        for command in (["history", "room", "-n1"], ["sub", "room", "-n1", "-c1"], ["state", "room", "get", "key"]):
            with self.subTest(command):
                self.assertEqual(self.on_terminal(broker, *command), b"\\x1b[31mred\n")
                self.assertEqual(self.on_terminal(broker, *command, "--raw"), b"\x1b[31mred\n")
                self.assertEqual(bytes(self.run_zrelay(broker, *command).out), b"\x1b[31mred\n")

    def test_format(self):
        broker = self.broker()
        self.publish(broker, "room", b"\x1b[31mred", ("value".encode(), b"key"), "two\nlines".encode(), nick="ann")
        for command in (["history", "room"], ["sub", "room", "--all", "--count", "3"], ["history", "room", "--last", "3", "--since", "1h"]):
            with self.subTest(command):
                program = self.run_zrelay(broker, *command, "--format", "%r %s %t %n %k %l: %b")
                self.assertRegex(program.text(), r"\Aroom 1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ann  8: \x1b\[31mred\n"
                                                 r"room 2 \S+ ann key 5: value\nroom 3 \S+ ann  9: two\nlines\n\Z")
                self.assertEqual(self.on_terminal(broker, *command, "-F", "%n: %b"), b"ann: \\x1b[31mred\nann: value\nann: two\\x0alines\n")
                self.assertEqual(bytes(self.run_zrelay(broker, *command, "-F%s\\t%%", "-0").out), b"1\t%\x002\t%\x003\t%\0")
        # The time is one that history takes.
        when = self.run_zrelay(broker, "history", "room", "--format", "%t").lines()[2].decode()
        self.assertEqual(self.run_zrelay(broker, "history", "room", "--since", when, "--last", "1").lines(), [b"two", b"lines"])
        self.assertEqual(self.run_zrelay(broker, "history", "room", "--until", when, "--format", "%T").text().count("\n"), 2)
        # Bodies with newlines go through a pipe.
        self.run_zrelay(broker, "pub", "copy", "--null", stdin=bytes(self.run_zrelay(broker, "sub", "room", "-a", "-c", "3", "--null").out))
        self.assertEqual(bytes(self.run_zrelay(broker, "history", "copy", "-d", ";").out), b"\x1b[31mred;value;two\nlines;")

    def test_format_mistakes(self):
        for command in ("sub", "history"):
            for arguments, words in ((["--format", "%q"], "'%q'"), (["--format", "%"], "'%'"), (["--format", "a\\q"], "\\q"),
                                     (["--format", "\\x1"], "\\x"), (["--format", "%b", "--json"], "--json"), (["-0", "--json"], "--json"),
                                     (["-0", "-d", ";"], "exclude"), (["--delimiter", "ab"], "ab")):
                with self.subTest(arguments):
                    self.fails("tcp://127.0.0.1:1", command, "room", *arguments, words=words)
        self.fails("tcp://127.0.0.1:1", "sub", "room", "--exec", "cat", "--format", "%b", words="--exec")

    def test_signals_end_it_with_everything_written(self):
        broker = self.broker()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                room = f"room-{number}"
                reader = self.zrelay(broker, "sub", room)
                self.wait_members(broker, room, 1)
                self.publish(broker, room, *[b"x" * 100] * 50)
                reader.wait_out(r"(?:x+\n){50}")
                reader.signal(number)
                self.assertEqual(reader.finish(), 0)
                self.assertEqual((len(reader.lines()), reader.errors()), (50, ""))

    def test_interrupted_before_the_count_is_not_done(self):
        broker = self.broker()
        reader = self.zrelay(broker, "sub", "room", "--count", "2")
        self.wait_members(broker, "room", 1)
        self.publish(broker, "room", b"one")
        reader.wait_out("one\n")
        reader.signal(signal.SIGTERM)
        self.assertEqual(reader.finish(), 2)
        self.assertIn("interrupted", reader.errors())

    def test_reader_stays_when_nobody_takes_its_output(self):
        """A pipe that is full for longer than a session lives without a sign."""
        broker = self.broker(config="server\n    heartbeat = 200\n")
        read, write = os.pipe()
        reader = subprocess.Popen([ZRELAY, "-s", broker.server, "sub", "room"], stdout=write, stderr=subprocess.PIPE, env=self.environment)
        self.addCleanup(lambda: (reader.kill(), reader.wait(), reader.stderr.close(), os.close(read)))
        os.close(write)
        self.wait_members(broker, "room", 1)
        lines = 3000
        self.run_zrelay(broker, "pub", "room", stdin=b"".join(b"%0100d\n" % number for number in range(lines)))
        watcher = self.peer(broker)
        start = watcher.welcome["time"]
        wait_for(lambda: watcher.ask(op="ping")["time"] > start + 2_000_000, "ten heartbeats")
        got = b""
        while got.count(b"\n") < lines:
            got += os.read(read, 65536)
        self.assertTrue(got == b"".join(b"%0100d\n" % number for number in range(lines)))
        reader.send_signal(signal.SIGINT)
        self.assertEqual(reader.wait(DEADLINE), 0)

    def test_notes_of_a_reader_whose_output_nobody_takes(self):
        """A note has waited for the output before it, and says what it is about nevertheless."""
        broker = self.broker()
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        with tempfile.TemporaryFile() as notes:
            reader = subprocess.Popen([ZRELAY, "-v", "-s", broker.server, "sub", "r/*"], stdout=write, stderr=notes, env=self.environment)
            self.addCleanup(lambda: (reader.kill(), reader.wait(), os.close(read)))
            os.close(write)

            def told():
                return os.pread(notes.fileno(), 1 << 20, 0)
            wait_for(lambda: b"r/*: live" in told(), "the reader")
            peer, rooms, body = self.peer(broker), 100, b"x" * 999 + b"\n"
            for number in range(rooms):
                peer.send(publish_frame(f"r/{number:03}", (number + 1, body[:-1])))
            got = b""
            while len(got) < rooms * len(body):
                self.assertTrue(select.select([read], [], [], DEADLINE)[0], "no output")
                some = os.read(read, 1000)  # so slowly that the pipe is full again and again
                self.assertTrue(some, "the output ended")
                got += some
            self.assertEqual(got, rooms * body)
            wait_for(lambda: b"r/099: live" in told(), "the last note")
            self.assertEqual(sorted(re.findall(rb"(r/\d+): live", told())), [b"r/%03d" % number for number in range(rooms)])


class Output(CliCase):
    def full(self, broker, *arguments):
        with open("/dev/full", "wb") as disk:
            process = subprocess.run([ZRELAY, "-s", broker.server, *arguments], stdin=subprocess.DEVNULL, stdout=disk, stderr=subprocess.PIPE,
                                     env=self.environment, timeout=DEADLINE)
        self.assertEqual(process.returncode, 1, (arguments, process.stderr))
        self.assertRegex(process.stderr.decode(), ONE_LINE)
        self.assertIn("space", process.stderr.decode())

    def test_full_disk(self):
        broker = self.broker()
        self.peer(broker, "ann").ask(op="join", room="room")
        self.publish(broker, "room", *[b"x" * 1000] * 200, (b"value", b"key"))
        for arguments in (["history", "room"], ["sub", "room", "--all"], ["sub", "room", "--all", "--count", "1"], ["rooms"], ["who", "room"],
                          ["state", "room"], ["state", "room", "get", "key"], ["state", "room", "watch"], ["ping"], ["ping", "--json"],
                          ["--json", "history", "room"], ["--json", "rooms"], ["--json", "who", "room"],
                          ["--json", "state", "room", "set", "a", "b"],
                          ["--help"], ["sub", "--help"], ["--version"]):
            with self.subTest(arguments):
                self.full(broker, *arguments)

    def test_reader_of_the_pipe_goes(self):
        broker = self.broker()
        self.publish(broker, "room", *(b"%01000d" % number for number in range(1000)))
        for command in ("history room", "sub room --all", "sub room --last 500"):
            with self.subTest(command):
                program = Program(["bash", "-c", f'"$0" -s "$1" {command} | head -1; echo "code ${{PIPESTATUS[0]}}"', ZRELAY, broker.server],
                                  env=self.environment)
                self.addCleanup(program.end)
                self.assertEqual(program.finish(), 0)
                first, code = program.lines()
                self.assertEqual(len(first), 1000)
                self.assertEqual(code, b"code 1")
                self.assertLessEqual(program.errors().count("\n"), 1)

    def test_quiet_sub_notices_that_the_pipe_is_closed(self):
        broker = self.broker()
        for arguments in (["sub", "room"], ["state", "room", "watch"]):
            process = subprocess.Popen([ZRELAY, "-s", broker.server, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=self.environment)
            self.addCleanup(lambda one=process: (one.kill(), one.wait(), one.stderr.close()))
            self.wait_members(broker, "room", 1)
            process.stdout.close()
            self.assertEqual(process.wait(DEADLINE), 1)

    def test_lines_are_not_held_back(self):
        broker = self.broker()
        reader = self.zrelay(broker, "sub", "room")
        self.wait_members(broker, "room", 1)
        writer = self.zrelay(broker, "pub", "room")
        for number in range(20):
            writer.write(b"%d\n" % number)
            reader.wait_out(rf"^{number}$")  # each line, before the next is written
        writer.close_stdin()
        self.assertEqual(writer.finish(), 0)


class Exec(CliCase):
    def test_what_a_command_gets(self):
        broker = self.broker()
        self.publish(broker, "room", b"first\n\xff", (b"second", b"key"), b"", nick="ann")
        script = ('printf "%s %s %s %s %s<" "$ZRELAY_ROOM" "$ZRELAY_SEQ" "$ZRELAY_SENDER" "${ZRELAY_KEY-none}" '
                  '"${ZRELAY_TIME%?????????????}"; cat; echo ">"')
        program = Program([ZRELAY, "-s", broker.server, "sub", "room", "--all", "--count", "3", "--exec", script],
                          env={**self.environment, "ZRELAY_KEY": "of our own", "ZRELAY_SEQ": "99"})
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 0, program.errors())
        self.assertRegex(bytes(program.out), rb"\Aroom 1 ann none \d+<first\n\xff>\nroom 2 ann key \d+<second>\nroom 3 ann none \d+<>\n\Z")

    def test_failures_are_told_and_counted(self):
        broker = self.broker()
        self.publish(broker, "room", b"0", b"3", b"0", b"kill")
        program = self.run_zrelay(broker, "sub", "room", "--all", "--count", "4", "--exec",
                                  'read code; if [ "$code" = kill ]; then kill -9 $$; fi; exit $code', code=4)
        lines = program.errors().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], r"^zrelay: .*room seq 2.*3$")
        self.assertRegex(lines[1], r"^zrelay: .*room seq 4.*signal 9$")

    def test_command_that_does_not_exist(self):
        broker = self.broker()
        self.publish(broker, "room", b"x")
        program = self.run_zrelay(broker, "sub", "room", "--all", "--count", "1", "--exec", "/nonexistent/command", code=4)
        self.assertIn("seq 1", program.errors())

    def test_commands_that_ignore_their_stdin(self):
        broker = self.broker()
        self.publish(broker, "room", *[bytes(900_000)] * 4, b"small")
        program = self.run_zrelay(broker, "sub", "room", "--all", "--count", "5", "--exec", "echo done", "--jobs", "2")
        self.assertEqual(program.lines(), [b"done"] * 5)
        program = self.run_zrelay(broker, "sub", "room", "--all", "--count", "5", "--exec", "wc -c")
        self.assertEqual([int(line) for line in program.lines()], [900_000] * 4 + [5])

    def test_interrupt_lets_the_running_one_finish(self):
        broker = self.broker()
        self.publish(broker, "room", b"x", b"never begun")
        script = f"cd {self.folder}; touch begun; until [ -e go ]; do sleep 0.01; done; echo finished"
        reader = self.zrelay(broker, "sub", "room", "--all", "--exec", script)
        wait_for(lambda: os.path.exists(self.path("begun")), "the command to begin")
        reader.signal(signal.SIGINT)
        self.file("go", "")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(reader.lines(), [b"finished"])

    def test_second_interrupt_ends_it(self):
        broker = self.broker()
        self.publish(broker, "room", b"x")
        reader = self.zrelay(broker, "sub", "room", "--all", "--exec", f"touch {self.path('begun')}; exec sleep 1000")
        wait_for(lambda: os.path.exists(self.path("begun")), "the command to begin")
        reader.signal(signal.SIGINT)

        def again():
            reader.signal(signal.SIGINT)
            return reader.process.poll() is not None
        wait_for(again, "the second interrupt to end it")


if __name__ == "__main__":
    unittest.main()
