"""The command line: exit codes, one clear line for every mistake, output that scripts can rely on, and output on a terminal."""
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import unittest

from harness import DEADLINE, ZRELAY, Program, TestCase, publish_frame, wait_for

COMMANDS = ["pub", "sub", "chat", "history", "state", "who", "rooms", "groups", "request", "reply", "export", "import", "ping", "bench", "top", "sessions", "cluster", "metrics", "tail-audit", "admin", "keygen", "context"]
ONE_LINE = r"\Azrelay: [^\n]+\n\Z"


def nobody():
    """An endpoint on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


class CliCase(TestCase):
    def fails(self, broker, *arguments, code=1, words=(), stdin=b""):
        """The command must end with `code` and exactly one line on stderr, which has each of `words`; returns it."""
        program = self.run_zrelay(broker, *arguments, stdin=stdin, code=code)
        self.assertRegex(program.errors(), ONE_LINE, arguments)
        for word in (words,) if isinstance(words, str) else words:
            self.assertIn(word, program.errors(), arguments)
        return program

    def run_bare(self, *arguments, code=0, **environment):
        """Without --server."""
        program = Program([ZRELAY, *arguments], env={**self.environment, **environment})
        self.addCleanup(program.end)
        program.close_stdin()
        self.assertEqual(program.finish(), code, f"{arguments}: {program.errors()}")
        return program

    def publish(self, broker, room, *entries, nick="writer"):
        peer = self.peer(broker, nick)
        for mid, entry in enumerate(entries, 1):
            body, *rest = entry if isinstance(entry, tuple) else (entry,)
            peer.send(publish_frame(room, (mid, body, *rest)))
            self.assertEqual(peer.receive()[:1], b"\x02")
        peer.ask(op="bye")

    def json_lines(self, program):
        return [json.loads(line) for line in program.lines()]

    def on_terminal(self, broker, *arguments, code=0):
        """The command's output on a terminal, until its end."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([ZRELAY, "--server", broker.server, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                   env={**self.environment, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(theirs)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        shown = b""
        try:
            while True:
                shown += os.read(ours, 65536)
        except OSError:  # how a terminal's end looks on Linux
            pass
        finally:
            os.close(ours)
        self.assertEqual(process.wait(DEADLINE), code, shown)
        return shown.replace(b"\r\n", b"\n")


class Usage(CliCase):
    def test_help_and_version(self):
        for arguments in ([], ["help"]):
            text = self.run_bare(*(arguments or ["--help"])).text()
            for command in COMMANDS:
                self.assertIn(f"  {command} ", text)
            self.assertIn("Exit codes", text)
        for command in COMMANDS:
            for arguments in ([command, "--help"], [command, "-h"], ["help", command]):
                program = self.run_bare(*arguments)
                self.assertTrue(program.text().startswith(f"Usage: zrelay {command}"), program.text())
                self.assertEqual(program.errors(), "")
        self.assertRegex(self.run_bare("--version").text(), r"\Azrelay \d+\.\d+\.\d+\n\Z")

    def test_every_option_of_the_help_is_taken(self):
        """And none is taken that the help does not name."""
        for command in COMMANDS:
            text = self.run_bare(command, "--help").text()
            for option, value in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)(?: ([A-Z]+))?", text, re.M):
                if option == "--help":
                    continue
                # With a value where none goes, or without one where one is needed, the complaint is about that.
                bad = [f"{option}=x"] if not value else [option]
                self.fails("tcp://127.0.0.1:1", command, *bad, words="takes no value" if not value else "needs a value")

    def test_mistakes_are_told_in_one_line(self):
        server = nobody()  # none of these gets as far as to connect
        for arguments, words in (
                ([], "which command"),
                (["nosuch"], "nosuch"),
                (["help", "nosuch"], "nosuch"),
                (["--nosuch", "ping"], "--nosuch"),
                (["-x", "ping"], "-x"),
                (["ping", "--nosuch"], "--nosuch"),
                (["ping", "more"], "more"),
                (["--nick"], "--nick"),
                (["--nick", "a b", "ping"], "nick"),
                (["--nick", "", "ping"], "nick"),
                (["--nick", "n" * 33, "ping"], "nick"),
                (["--connect-timeout", "soon", "ping"], "soon"),
                (["--connect-timeout", "-1", "ping"], "-1"),
                (["pub"], "room"), (["sub"], "room"), (["history"], "room"), (["who"], "room"), (["state"], "room"),
                (["history", "a", "b"], "one room"), (["who", "a", "b"], "one room"), (["rooms", "a", "b"], "one prefix"),
                *(([command, room], "room") for command in ("pub", "history", "who", "state", "sub")
                  for room in ("", "a b", "r" * 129, "a\tb", "{a", "a*b", "\u202eroom", "\x1b[2J")),
                *(([command, "a*"], "a*") for command in ("pub", "history", "who", "state")),
                (["sub", "a", "b", "a"], "twice"),
                (["sub", "a", "--last", "0"], "--last"), (["sub", "a", "--last", "x"], "x"), (["sub", "a", "--after", "-1"], "-1"),
                (["sub", "a", "--after", "9007199254740993"], "--after"), (["sub", "a", "--count", "0"], "--count"),
                (["sub", "a", "--count", "1.5"], "1.5"), (["sub", "a", "--timeout", "x"], "--timeout"),
                (["sub", "a", "--all", "--last", "1"], "exclude"), (["sub", "a", "--after", "1", "--last", "1"], "exclude"),
                (["sub", "a", "--jobs", "2"], "--exec"), (["sub", "a", "--exec", "cat", "--jobs", "0"], "--jobs"),
                (["sub", "a", "--exec", "cat", "--jobs", "100000"], "--jobs"),
                (["history", "a", "--after", "1", "--last", "1"], "exclude"),
                (["pub", "a", "--key", "a b", "x"], "key"), (["pub", "a", "--key", "k" * 256, "x"], "key"),
                (["pub", "a", "--key", "", "x"], "key"),
                (["state", "a", "nosuch"], "nosuch"), (["state", "a", "get"], "KEY"), (["state", "a", "set", "key"], "VALUE"),
                (["state", "a", "get", "k", "more"], "KEY"), (["state", "a", "get", "k e y"], "key"),
                (["state", "a", "get", "k", "--expect", "1"], "--expect"), (["state", "a", "set", "k", "v", "--expect", "x"], "--expect"),
                (["ping", "--count", "0"], "--count"),
        ):
            with self.subTest(arguments):
                program = self.fails(server, *arguments, words=words)
                self.assertEqual(program.text(), "")
                self.assertNotIn("\x1b", program.errors())
                self.assertNotIn("\u202e", program.errors())

    def test_servers_that_are_none(self):
        for server in ("", "no sense", "udp://127.0.0.1:5570", "tcp://", "tcp://127.0.0.1:99999", "127.0.0.1:x", "\x1b[2J"):
            with self.subTest(server):
                program = self.fails(server, "ping", "--connect-timeout", "0.2", words="endpoint")
                self.assertNotIn("\x1b", program.errors())

    def test_no_broker(self):
        for server in (nobody(), f"ipc://{self.path('nobody')}"):
            for arguments in (["rooms"], ["ping"], ["who", "a"], ["history", "a"], ["sub", "a"], ["pub", "a", "text"], ["state", "a"],
                              ["state", "a", "set", "k", "v"]):
                with self.subTest(arguments):
                    self.fails(server, "--connect-timeout", "0.1", *arguments, code=2, words=server)

    def test_why_no_broker_can_be_reached(self):
        with open(self.path("file"), "w"):
            pass
        for server, why in ((nobody(), "nothing listens there: is zrelayd running?"), ("tcp://no-such-host.invalid:5570", "there is no host"),
                            (f"ipc://{self.path('nobody')}", "there is no such socket"), (f"ipc://{self.path('file')}", "nothing listens there")):
            with self.subTest(server):
                self.fails(server, "--connect-timeout", "3", "ping", code=2, words=(server, why))

    def test_something_that_is_no_broker(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.fails(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--connect-timeout", "0.1", "ping", code=2)


class Settings(CliCase):
    def test_where_the_server_comes_from(self):
        broker = self.broker()
        away = nobody()
        config = self.path("zrelay.conf")
        quick = ["--connect-timeout", "0.1"]
        self.file("zrelay.conf", f"\ufeff# comment\n\nserver\t=  '{broker.server}'  \r\nnick = configured # who\n")
        self.run_bare("ping", "-c", "1")
        self.assertIn(away, self.run_bare(*quick, "ping", code=2, ZRELAY_SERVER=away).errors())
        self.assertIn(away, self.run_bare(*quick, "-s", away, "ping", code=2, ZRELAY_SERVER=broker.server).errors())
        self.file("zrelay.conf", f"server = {away}\n")
        self.assertIn(away, self.run_bare(*quick, "ping", code=2).errors())
        self.run_bare("ping", "-c", "1", ZRELAY_SERVER=broker.server)
        self.run_bare(f"--server={broker.server}", "ping", "-c1", ZRELAY_SERVER=away)
        os.remove(config)
        # Then ~/.config, when there is no XDG_CONFIG_HOME.
        os.mkdir(self.path(".config"))
        with open(self.path(".config/zrelay.conf"), "w") as file:
            file.write(f"server = {broker.server}")
        self.run_bare("ping", "-c", "1", XDG_CONFIG_HOME="")
        self.run_bare("ping", "-c", "1", ZRELAY_SERVER="", XDG_CONFIG_HOME="")

    def test_mistakes_in_the_file(self):
        broker = self.broker()
        for text, line, words in (("server\n", 1, "name = value"), ("# fine\nserwer = x\n", 2, "serwer"), ("nick = a b\n", 1, "nick"),
                                  ("nick =\n", 1, "nick"), ("server = \n", 1, "server"), ("\x1b[2J = x", 1, "name")):
            with self.subTest(text):
                path = self.file("zrelay.conf", text)
                program = self.fails(broker, "ping", words=[f"{path}:{line}: ", words])
                self.assertNotIn("\x1b", program.errors())
        for mode in (0o602, 0o620):  # the file names the broker and its key, so no other user may write it
            os.chmod(self.file("zrelay.conf", f"server = {broker.server}\n"), mode)
            self.fails(broker, "ping", words=["zrelay.conf", "chmod go-w"])
        os.chmod(path, 0o644)
        if os.getuid() == 0:
            os.chown(path, 12345, 12345)
            self.fails(broker, "ping", words=["zrelay.conf", "another user"])
            os.chown(path, 0, 0)
        self.run_zrelay(broker, "ping", "--count", "1")
        # All mistakes are told, and the end of a long list is counted.
        path = self.file("zrelay.conf", "serwer = x\n nick = ann\n" + 50_000 * "x = 1\n")
        lines = self.run_zrelay(broker, "ping", code=1).errors().splitlines()
        self.assertRegex(lines[0], f"^zrelay: {path}:1: serwer: ")
        self.assertRegex(lines[1], f"^zrelay: {path}:2: indent")
        self.assertLess(len(lines), 100)
        self.assertEqual(lines[-1], f"zrelay: and {50_002 - len(lines) + 1} more")
        self.file("zrelay.conf", 300_000 * "x = 1\n")
        self.fails(broker, "ping", words="zrelay.conf")
        os.remove(self.path("zrelay.conf"))
        os.mkdir(self.path("zrelay.conf"))
        self.fails(broker, "ping", words="zrelay.conf")

    def test_nick_in_use(self):
        broker = self.broker()
        self.peer(broker, "ann")
        self.fails(broker, "--nick", "ann", "pub", "room", "text", code=3, words="nick-in-use")
        # One from the configuration gives way.
        self.file("zrelay.conf", "nick = ann\n")
        self.run_zrelay(broker, "pub", "room", "text")
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "--json", "history", "room"))[0]["sender"], "ann_")


class Publishing(CliCase):
    def history(self, broker, room="room"):
        return bytes(self.run_zrelay(broker, "history", room).out)

    def test_words(self):
        broker = self.broker()
        self.run_zrelay(broker, "pub", "room", "hello", "wide", "world")
        self.run_zrelay(broker, "pub", "room", "two\nlines")
        self.run_zrelay(broker, "pub", "room", "")
        self.run_zrelay(broker, "pub", "room", "--", "--dash", "-d")
        self.run_zrelay(broker, "pub", "--", "room", "-x")
        self.assertEqual(self.history(broker), b"hello wide world\ntwo\nlines\n\n--dash -d\n-x\n")

    def test_lines_keep_their_bytes(self):
        broker = self.broker()
        lines = [b"plain", b"", b"\xff\xfe\x80 not UTF-8", b"nul\0inside", b"  spaces  ", b"carriage\r", b"\x1b[2J", b"",
                 b"x" * 300_000, b"last"]
        program = self.run_zrelay(broker, "pub", "room", stdin=b"\n".join(lines))  # no newline at the end
        self.assertEqual((program.text(), program.errors()), ("", ""))
        self.run_zrelay(broker, "pub", "room", stdin=b"one more\n")
        self.assertTrue(self.history(broker) == b"\n".join(lines) + b"\none more\n")

    def test_nothing_to_publish(self):
        broker = self.broker()
        self.run_zrelay(broker, "pub", "room")
        self.assertEqual(self.history(broker), b"")
        self.run_zrelay(broker, "pub", "room", stdin=b"\n")
        self.assertEqual(self.history(broker), b"\n")

    def test_line_that_is_too_long(self):
        broker = self.broker(config="limits\n    max-frame = 4k\n    max-control = 1k\n")
        program = self.fails(broker, "pub", "room", stdin=b"one\ntwo\n" + b"x" * 5000 + b"\nfour\n", words=["line 3: ", "3681 bytes", "--oversize"])
        self.assertEqual(program.text(), "")
        self.assertEqual(self.history(broker), b"one\ntwo\n")  # what came before it is published
        self.fails(broker, "pub", "room", "x" * 5000)

    def test_line_without_end(self):
        broker = self.broker()
        with open("/dev/zero", "rb") as zeros:
            program = self.zrelay(broker, "pub", "room", stdin=zeros)
            self.assertEqual(program.finish(), 1)
        self.assertRegex(program.errors(), ONE_LINE)
        self.assertIn("line 1", program.errors())

    def test_refused(self):
        broker = self.broker(config="limits\n    max-rooms = 1\n    max-keys = 1\n")
        self.run_zrelay(broker, "pub", "room", "fits")
        self.fails(broker, "pub", "other", "text", code=3, words="too-many-rooms")
        program = self.run_zrelay(broker, "pub", "other", stdin=b"one\ntwo\n", code=3)
        self.assertIn("too-many-rooms", program.errors())
        self.run_zrelay(broker, "pub", "room", "--key", "one", "x")
        self.fails(broker, "pub", "room", "--key", "two", "x", code=3, words="too-many-keys")

    def test_keyed(self):
        broker = self.broker()
        self.run_zrelay(broker, "pub", "room", "-k", "key", "value")
        self.run_zrelay(broker, "pub", "room", "--key=key", stdin=b"first\nsecond\n")
        self.assertEqual(self.run_zrelay(broker, "state", "room").lines(), [b"key=second"])

    def test_streams_that_are_closed(self):
        """A socket must not get their numbers; and reads and writes that fail are told."""
        broker = self.broker()
        for command, code in (("pub room <&-", 1), ("pub room text >&-", 0), ("history room >&-", 1), ("pub room text <&- >&- 2>&-", 0)):
            program = Program(["sh", "-c", f'"$0" -s "$1" {command}', ZRELAY, broker.server], env=self.environment)
            self.addCleanup(program.end)
            self.assertEqual(program.finish(), code, program.errors())
            self.assertRegex(program.errors(), ONE_LINE if code else r"\A\Z")
        self.assertEqual(self.history(broker), b"text\ntext\n")

    def test_interrupted_without_acks(self):
        broker = self.broker(config="server\n    heartbeat = 60000\n")
        publisher = self.zrelay(broker, "pub", "room")
        publisher.write(b"one\n")
        wait_for(lambda: self.history(broker) == b"one\n", "the first message")
        broker.signal(signal.SIGSTOP)
        publisher.write(b"two\n")
        publisher.close_stdin()
        # It would wait for the ack; an interrupt says what is missing.
        publisher.signal(signal.SIGINT)
        self.assertEqual(publisher.finish(), 2)
        broker.signal(signal.SIGCONT)
        self.assertRegex(publisher.errors(), r"(?m)^zrelay: interrupted; messages not acked: 1; up to line 1 all are answered$")

    def test_the_command_line_normalizes_what_a_person_types(self):
        broker, nfc, nfd = self.broker(), "jos\u00e9", "jose\u0301"
        self.run_zrelay(broker, "--nick", nfd, "pub", nfd, "text " + nfd)
        self.run_zrelay(broker, "state", nfc, "set", nfd, "value")
        self.assertEqual(self.run_zrelay(broker, "state", nfd, "get", nfc).text(), "value\n")
        history = self.run_zrelay(broker, "--json", "history", nfd, "--sender", nfd).text()
        self.assertIn(f'"sender":"{nfc}"', history)
        self.assertIn("text " + nfd, history)  # bodies are as they were given
        self.assertEqual(self.run_zrelay(broker, "history", nfc).lines()[0], ("text " + nfd).encode())
        self.assertIn(nfc, self.run_zrelay(broker, "rooms", nfd).text())
        mixed = self.run_zrelay(broker, "--nick", "j\u043es\u00e9", "pub", "r", "x", code=1)  # its second letter is Cyrillic
        self.assertIn("scripts", mixed.errors())
        self.assertIn("reserved", self.run_zrelay(broker, "--nick", "server", "pub", "r", "x", code=3).errors())


class Questions(CliCase):
    def test_who(self):
        broker = self.broker()
        for nick in ("bob", "ann", "\u00e9ve"):
            self.peer(broker, nick).ask(op="join", room="room")
        self.peer(broker, "silent").ask(op="join", room="room", presence=False)
        self.assertEqual(self.run_zrelay(broker, "who", "room").text(), "ann\nbob\n\u00e9ve\n")
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "--json", "who", "room")),
                         [{"nick": nick} for nick in ("ann", "bob", "\u00e9ve")])
        self.assertEqual(self.run_zrelay(broker, "who", "empty").text(), "")

    def test_who_names_more_than_fit_into_one_answer(self):
        broker = self.broker()
        self.crowd(broker, 520, {"op": "join", "room": "room"})
        self.wait_members(broker, "room", 520)
        self.assertEqual(self.run_zrelay(broker, "who", "room").text(), "".join(f"n{number:04}\n" for number in range(520)))

    def test_rooms(self):
        broker = self.broker()
        self.assertEqual(self.run_zrelay(broker, "rooms").text(), "")
        self.publish(broker, "metrics/cpu", b"1", b"2")
        self.publish(broker, "metrics/disk", b"1")
        self.peer(broker, "ann").ask(op="join", room="general")
        self.assertEqual(self.run_zrelay(broker, "rooms").text(), "general\t1\t0\nmetrics/cpu\t0\t2\nmetrics/disk\t0\t1\n")
        self.assertEqual(self.run_zrelay(broker, "rooms", "metrics/").text(), "metrics/cpu\t0\t2\nmetrics/disk\t0\t1\n")
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "--json", "rooms", "g")), [{"room": "general", "count": 1, "seq": 0, "kept": True}])
        shown = self.on_terminal(broker, "rooms").decode()
        self.assertRegex(shown, r"(?m)^ROOM +PRESENT +HEAD$")
        self.assertRegex(shown, r"(?m)^metrics/cpu +0 +2$")

    def test_the_head_of_a_room_that_is_not_kept(self):
        broker = self.broker(config="room\n    pattern = typing*\n    level = none\n")
        self.publish(broker, "typing", b"1", b"2")
        self.assertEqual(self.run_zrelay(broker, "rooms").text(), "typing\t0\t-\n")
        self.assertRegex(self.on_terminal(broker, "rooms").decode(), r"(?m)^typing +0 +-$")
        self.assertEqual(self.json_lines(self.run_zrelay(broker, "--json", "rooms")), [{"room": "typing", "count": 0, "seq": 2, "kept": False}])

    def test_rooms_by_the_thousand(self):
        broker = self.broker()
        peer = self.peer(broker)
        names = [f"r/{number:04}" for number in range(1200)]
        for mid, name in enumerate(names, 1):
            peer.send(publish_frame(name, (mid, b"x")))
        while struct.unpack(">BBQQ", peer.receive())[2] < len(names):
            pass
        program = self.run_zrelay(broker, "rooms")
        self.assertEqual([line.split(b"\t")[0].decode() for line in program.lines()], names)

    def test_ping(self):
        broker = self.broker()
        program = self.run_zrelay(broker, "ping", "-c", "1")
        self.assertRegex(program.text(), r"\Apong from " + broker.server + r": 1 time=\d+\.\d+ ms\n"
                                         r"least \d+\.\d+ ms, mean \d+\.\d+ ms, most \d+\.\d+ ms\n\Z")
        found = self.json_lines(self.run_zrelay(broker, "--json", "ping", "-c", "1"))
        self.assertEqual([entry.keys() for entry in found], [{"number", "us"}])
        self.assertGreater(found[0]["us"], 0)
        endless = self.zrelay(broker, "ping", "-c", "1000")
        endless.wait_out("^pong")
        endless.signal(signal.SIGINT)
        self.assertEqual(endless.finish(), 0)
        self.assertIn("mean", endless.text())


class State(CliCase):
    def test_set_get_delete_list(self):
        broker = self.broker()
        self.fails(broker, "state", "room", "get", "key", code=3, words="key")
        self.run_zrelay(broker, "state", "room", "set", "key", "value")
        self.run_zrelay(broker, "state", "room", "set", "other", "two words=2")
        self.assertEqual(self.run_zrelay(broker, "state", "room", "get", "key").text(), "value\n")
        self.assertEqual(self.run_zrelay(broker, "state", "room").text(), "key=value\nother=two words=2\n")
        self.run_zrelay(broker, "state", "room", "set", "key", "")
        self.assertEqual(self.run_zrelay(broker, "state", "room", "get", "key").text(), "\n")
        self.run_zrelay(broker, "state", "room", "delete", "key")
        self.fails(broker, "state", "room", "get", "key", code=3)
        self.run_zrelay(broker, "state", "room", "delete", "key")  # as with rm -f: what is wanted is so
        self.assertEqual(self.run_zrelay(broker, "state", "room").text(), "other=two words=2\n")
        self.assertEqual(self.run_zrelay(broker, "state", "empty").text(), "")

    def test_json(self):
        broker = self.broker()
        stored = self.json_lines(self.run_zrelay(broker, "--json", "--nick", "ann", "state", "room", "set", "key", "value"))
        self.assertEqual(stored, [{"room": "room", "key": "key", "seq": 1}])
        found = self.json_lines(self.run_zrelay(broker, "--json", "state", "room", "get", "key"))
        found[0].pop("time")
        self.assertEqual(found, [{"room": "room", "seq": 1, "sender": "ann", "key": "key", "body": "value"}])

    def test_compare_and_set(self):
        broker = self.broker()
        self.run_zrelay(broker, "state", "room", "set", "lock", "mine", "--expect", "0")
        self.fails(broker, "state", "room", "set", "lock", "theirs", "--expect", "0", code=3, words=["conflict", "1"])
        self.fails(broker, "state", "room", "delete", "lock", "--expect", "7", code=3, words="conflict")
        self.assertEqual(self.run_zrelay(broker, "state", "room", "get", "lock").text(), "mine\n")
        self.run_zrelay(broker, "state", "room", "set", "lock", "again", "--expect", "1")
        self.run_zrelay(broker, "state", "room", "delete", "lock", "--expect", "2")
        self.fails(broker, "state", "room", "get", "lock", code=3)

    def test_watch(self):
        broker = self.broker()
        self.run_zrelay(broker, "state", "room", "set", "a", "1")
        watcher = self.zrelay(broker, "state", "room", "watch")
        watcher.wait_out("^a=1$")
        self.wait_members(broker, "room", 1)
        self.run_zrelay(broker, "state", "room", "set", "b", "2")
        self.run_zrelay(broker, "pub", "room", "not keyed")
        self.run_zrelay(broker, "state", "room", "delete", "a")
        watcher.wait_out("^a$")
        watcher.signal(signal.SIGINT)
        self.assertEqual(watcher.finish(), 0)
        self.assertEqual(watcher.lines(), [b"a=1", b"b=2", b"a"])

    def test_many_keys(self):
        broker = self.broker(config="limits\n    replay-entries = 100\n")
        entries = [(mid, b"%d" % mid, b"key-%d" % mid) for mid in range(1, 451)]
        peer = self.peer(broker)
        peer.send(publish_frame("room", *entries))
        self.assertEqual(struct.unpack(">BBQQ", peer.receive()), (2, 1, 450, 450))
        self.assertEqual(self.run_zrelay(broker, "state", "room").lines(), [b"%s=%s" % (key, body) for _, body, key in entries])


if __name__ == "__main__":
    unittest.main()
