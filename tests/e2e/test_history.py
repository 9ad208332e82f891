"""Looking back: history's filters, export and import, the backup of a log that is in use."""
import base64
import datetime
import os
import shutil
import subprocess
import threading
import time
import unittest

from harness import DEADLINE, ZRELAYD, Program, wait_for
from test_cli import CliCase


def next_second():
    """Waits for the next whole second of the clock and returns it: messages published after it are later, those before are not."""
    moment = int(time.time()) + 1
    wait_for(lambda: time.time() >= moment, "the next second")
    return moment


def utc(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Filters(CliCase):
    def shown(self, broker, *arguments):
        program = self.run_zrelay(broker, "history", "room", *arguments)
        self.assertEqual(program.errors(), "")
        return program.lines()

    def test_conditions(self):
        broker = self.broker()
        self.publish(broker, "room", b"error: 1", b"fine", b"error: 2", nick="ann")
        self.publish(broker, "room", b"error: 3", b"two\nerror: lines", b"\xff\0error: 4", (b"error: 5", b"key"), (b"", b"key", 1), nick="bob")
        for arguments, expected in (
                (["--grep", "error"], [b"error: 1", b"error: 2", b"error: 3", b"two", b"error: lines", b"\xff\0error: 4", b"error: 5"]),
                (["--grep", "^error: [0-9]$"], [b"error: 1", b"error: 2", b"error: 3", b"error: 5"]),
                (["--grep", "fine|: 4"], [b"fine", b"\xff\0error: 4"]),
                (["--grep", "^error: [0-9]$", "--last", "3"], [b"error: 2", b"error: 3", b"error: 5"]),
                (["--grep", "^error: [0-9]$", "-n", "99"], [b"error: 1", b"error: 2", b"error: 3", b"error: 5"]),
                (["--sender", "ann"], [b"error: 1", b"fine", b"error: 2"]),
                (["--sender", "ann", "--last", "1"], [b"error: 2"]),
                (["--sender", "bob", "--last", "1"], [b"error: 5"]),
                (["--sender", "ann", "--grep", "e$"], [b"fine"]),
                (["--sender", "carl"], []),
                (["--after", "3", "--grep", ": [0-9]$"], [b"error: 3", b"\xff\0error: 4", b"error: 5"]),
                (["--since", "1h", "--until", "0s", "--grep", "fine"], [b"fine"]),
                (["--since", "0s"], []), (["--until", "1h"], []),
                (["--since", "1h", "--last", "2", "--sender", "ann"], [b"fine", b"error: 2"]),
        ):
            with self.subTest(arguments):
                self.assertEqual(self.shown(broker, *arguments), expected)
        found = self.json_lines(self.run_zrelay(broker, "--json", "history", "room", "--sender", "bob", "--last", "2"))
        self.assertEqual([entry.get("body") for entry in found], ["error: 5", None])
        self.assertEqual([entry["seq"] for entry in found], [7, 8])

    def test_of_a_long_room(self):
        broker = self.broker(config="limits\n    replay-entries = 100\n")
        count, moments = 4000, []
        for first in range(0, count, 1000):
            if first:
                moments.append(utc(next_second()))
            self.run_zrelay(broker, "pub", "room", stdin=b"".join(b"%d\n" % number for number in range(first, first + 1000)))
        numbers = [b"%d" % number for number in range(count)]
        for number, moment in enumerate(moments, 1):
            self.assertEqual(self.shown(broker, "--since", moment), numbers[number * 1000:])
            self.assertEqual(self.shown(broker, "--until", moment), numbers[:number * 1000])
            self.assertEqual(self.shown(broker, "--until", moment, "--last", "5"), numbers[number * 1000 - 5:number * 1000])
            self.assertEqual(self.shown(broker, "--since", moment, "--after", "3500"), numbers[max(3500, number * 1000):])
        self.assertEqual(self.shown(broker, "--since", moments[0], "--until", moments[1], "--grep", "99$"),
                         [b"%d" % number for number in range(1099, 2000, 100)])

    def test_of_which_the_beginning_is_gone(self):
        broker = self.broker(config="log\n    room-entries = 1000\n")
        self.run_zrelay(broker, "pub", "room", stdin=b"old\n" * 3000)
        moment = utc(next_second())
        self.run_zrelay(broker, "pub", "room", stdin=b"new\n" * 600)
        self.assertEqual(self.shown(broker, "--since", moment), [b"new"] * 600)
        self.assertEqual(self.shown(broker, "--since", "1h")[-600:], [b"new"] * 600)
        program = self.run_zrelay(broker, "history", "room", "--since", moment, "--after", "1")
        self.assertEqual(program.lines(), [b"new"] * 600)

    def test_over_a_restart(self):
        self.environment["TZ"] = "XYZ-5:30"
        broker = self.broker("--data", self.path("data"))
        self.run_zrelay(broker, "pub", "room", stdin=b"one\ntwo\n")
        first = next_second()
        broker = self.restart(broker, "--data", self.path("data"))
        self.run_zrelay(broker, "pub", "room", stdin=b"three\n")
        second = next_second()
        self.run_zrelay(broker, "pub", "room", stdin=b"four\n")
        local = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        forms = (utc, lambda moment: datetime.datetime.fromtimestamp(moment, local).strftime("%Y-%m-%dT%H:%M:%S"))
        for form in forms:
            self.assertEqual(self.shown(broker, "--since", form(first)), [b"three", b"four"])
            self.assertEqual(self.shown(broker, "--until", form(first)), [b"one", b"two"])
            self.assertEqual(self.shown(broker, "--since", form(first), "--until", form(second)), [b"three"])
            self.assertEqual(self.shown(broker, "--until", form(second), "--last", "2"), [b"two", b"three"])

    def test_mistakes(self):
        server = "tcp://127.0.0.1:1"
        for arguments, words in ((["--since", "soon"], ["--since", "soon", "90s"]), (["--until", "2026-13-01"], ["--until", "2026-13-01"]),
                                 (["--since", ""], "--since"), (["--grep", "("], ["--grep", "'('"]), (["--sender", "a b"], "nick"),
                                 (["--since", "1h", "--until", "2h"], "nothing"), (["--until", "1970-01-01Z"], "nothing")):
            with self.subTest(arguments):
                self.fails(server, "history", "room", *arguments, words=words)


class ExportImport(CliCase):
    def fill(self, broker):
        self.publish(broker, "logs/a", b"plain", b"\xff\0\x80", "\u2603 \x1b\0".encode(), b"", nick="ann")
        self.publish(broker, "logs/b", *(b"%d" % number for number in range(300)))
        self.publish(broker, "state", (b"1", b"key"), (b"\xfe", b"other"), (b"2", b"key"), (b"", b"other", 1))
        self.peer(broker, "idle").ask(op="join", room="empty")

    def content(self, program):
        return [{name: entry.get(name) for name in ("room", "key", "body", "body_base64", "deleted")} for entry in self.json_lines(program)]

    def test_export(self):
        broker = self.broker(config="limits\n    replay-entries = 100\n")
        self.assertEqual(self.run_zrelay(broker, "export").text(), "")
        self.fill(broker)
        everything = self.json_lines(self.run_zrelay(broker, "export"))
        self.assertEqual(everything, [entry for room in ("logs/a", "logs/b", "state")
                                      for entry in self.json_lines(self.run_zrelay(broker, "--json", "history", room))])
        self.assertEqual(len(everything), 308)
        for words, rooms in ((["logs/*"], ["logs/a", "logs/b"]), (["*"], ["logs/a", "logs/b", "state"]), (["state"], ["state"]),
                             (["state", "logs/a", "logs/*", "state"], ["logs/a", "logs/b", "state"]), (["nosuch"], []), (["nosuch*"], [])):
            found = self.json_lines(self.run_zrelay(broker, "export", *words))
            self.assertEqual(found, [entry for entry in everything if entry["room"] in rooms], words)

    def test_into_another_broker(self):
        first, second = self.broker(), self.broker("--data", self.path("data"))
        self.fill(first)
        exported = self.run_zrelay(first, "export")
        program = self.run_zrelay(second, "--nick", "carl", "import", stdin=bytes(exported.out))
        self.assertEqual((program.text(), program.errors()), ("", ""))
        again = self.run_zrelay(second, "export")
        self.assertEqual(self.content(again), self.content(exported))
        self.assertEqual({entry["sender"] for entry in self.json_lines(again)}, {"carl"})
        self.assertEqual(self.run_zrelay(second, "state", "state").text(), "key=2\n")
        self.run_zrelay(second, "import", "--room", "one", stdin=bytes(exported.out))
        self.assertEqual([{**entry, "room": None} for entry in self.content(self.run_zrelay(second, "export", "one"))],
                         [{**entry, "room": None} for entry in self.content(exported)])

    def test_large(self):
        broker = self.broker()
        bodies = [os.urandom(500_000), b"x" * 500_000]
        lines = [b'{"room":"room","body_base64":"%s"}' % base64.b64encode(bodies[0]), b'{"room":"room","body":"%s"}' % bodies[1]]
        self.run_zrelay(broker, "import", stdin=b"\n".join(lines))
        self.assertTrue(bytes(self.run_zrelay(broker, "history", "room").out) == b"\n".join(bodies) + b"\n")

    def test_bad_lines(self):
        broker = self.broker(config="limits\n    max-frame = 4k\n    max-control = 1k\n    max-rooms = 2\n")
        good = b'{"room":"room","body":"x"}\n'
        for number, (line, words) in enumerate((
                (b"[1]", "JSON"), (b"hello", "JSON"), (b'{"room":"room"}', "body"), (b'{"body":"x"}', "--room"), (b'{"room":"a b","body":""}', "a b"),
                (b'{"room":"room","body_base64":"?"}', "base64"), (b'{"room":"room","deleted":true}', "key"),
                (b'{"room":"\x1b[2J","body":""}', "JSON"), (b'{"room":"room","body":"%s"}' % (b"x" * 5000), "3681 bytes")), 1):
            with self.subTest(line[:60]):
                program = self.fails(broker, "import", stdin=good + line + b"\n" + good, words=["line 2: ", words])
                self.assertEqual(program.text(), "")
                self.assertEqual(len(self.run_zrelay(broker, "history", "room").lines()), number)  # what stood before it
        program = self.run_zrelay(broker, "import", stdin=good + b'{"room":"b","body":""}\n{"room":"c","body":""}\n', code=3)
        self.assertRegex(program.errors(), r"\Azrelay: line 3: c: refused: .*\[too-many-rooms\]\nzrelay: all other lines up to 3 are acked")
        self.fails(broker, "import", "more", words="more")
        self.fails(broker, "import", "--room", "a*", words="a*")
        self.fails(broker, "export", "a b", words="a b")


class Backup(CliCase):
    def backup(self, *arguments, code=0):
        program = Program([ZRELAYD, *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), code, program.errors())
        if code:
            self.assertEqual(program.text(), "")
            self.assertRegex(program.errors(), r"\Azrelayd: [^\n]+\n\Z")
        else:
            self.assertEqual(program.errors(), "")
        return program

    def open_copy(self, name):
        """A broker that puts the copy to use."""
        os.mkdir(self.path(f"{name}.d"), 0o700)
        shutil.copyfile(self.path(name), self.path(f"{name}.d/zrelay.db"))
        return self.broker("--data", self.path(f"{name}.d"))

    def test_while_publishers_run(self):
        broker = self.broker("--data", self.path("data"))
        rooms, ended = ("a", "b", "c"), threading.Event()
        publishers = {room: self.zrelay(broker, "pub", room) for room in rooms}

        def feed(room):
            number = 0
            while not ended.is_set():
                publishers[room].write(b"".join(b"%s %d\n" % (room.encode(), one) for one in range(number, number + 1000)))
                number += 1000
            publishers[room].close_stdin()

        threads = [threading.Thread(target=feed, args=(room,), daemon=True) for room in rooms]
        for thread in threads:
            thread.start()
        self.addCleanup(ended.set)

        def heads():
            found = {line["room"]: line["seq"] for line in self.json_lines(self.run_zrelay(broker, "--json", "rooms"))}
            return [found.get(room, 0) for room in rooms]
        copies, names = [], ("first.db", "second.db", "third.db")
        for name in names:
            before = heads()
            wait_for(lambda: all(now > then for now, then in zip(heads(), before)), "more messages in each room")
            before = heads()
            self.assertIn(self.path(name), self.backup("--data", self.path("data"), "--backup", self.path(name)).text())
            copies.append((name, before, heads()))
        ended.set()
        for thread in threads:
            thread.join(DEADLINE)
        for publisher in publishers.values():
            self.assertEqual(publisher.finish(), 0, publisher.errors())
        self.assertEqual(os.stat(self.path(names[0])).st_mode & 0o777, 0o600)
        for name, before, after in copies:
            copy = self.open_copy(name)
            self.assertNotEqual(copy.epoch, broker.epoch)
            for room, least, most in zip(rooms, before, after):
                lines = self.run_zrelay(copy, "history", room).lines()
                self.assertTrue(least <= len(lines) <= most, (room, least, len(lines), most))
                self.assertTrue(lines == [b"%s %d" % (room.encode(), number) for number in range(len(lines))], room)

    def test_without_a_broker(self):
        broker = self.broker("--data", self.path("data"))
        self.run_zrelay(broker, "pub", "room", stdin=b"one\ntwo\n")
        self.run_zrelay(broker, "state", "room", "set", "key", "value")
        broker.end()  # kill -9: the end is in the write-ahead log
        self.backup("--data", self.path("data"), "--backup", self.path("copy.db"))
        copy = self.open_copy("copy.db")
        self.assertEqual(self.run_zrelay(copy, "history", "room").lines(), [b"one", b"two", b"value"])
        self.assertEqual(self.run_zrelay(copy, "state", "room").text(), "key=value\n")
        config = self.file("zrelayd.conf", f"log\n    data = {self.path('data')}\n")
        self.backup("--config", config, "--backup", self.path("again.db"))
        self.assertEqual(self.run_zrelay(self.open_copy("again.db"), "history", "room").lines(), [b"one", b"two", b"value"])

    def test_mistakes(self):
        broker = self.broker("--data", self.path("data"))
        broker.signal(15)
        self.assertEqual(broker.finish(), 0)
        there = self.file("there.db", "precious")
        os.mkdir(self.path("none"))
        for data, to, words in ((self.path("data"), there, there), (self.path("data"), self.path("no/such/folder.db"), "folder.db"),
                                (self.path("data"), self.folder, self.folder), (self.path("none"), self.path("x.db"), self.path("none")),
                                (self.path("missing"), self.path("x.db"), self.path("missing")), (there, self.path("x.db"), there)):
            with self.subTest((data, to)):
                self.assertIn(words, self.backup("--data", data, "--backup", to, code=1).errors())
                self.assertFalse(os.path.exists(self.path("x.db")))
        with open(there, "rb") as file:
            self.assertEqual(file.read(), b"precious")
        self.assertEqual(os.listdir(self.path("none")), [])
        self.assertIn("--data", self.backup("--backup", self.path("x.db"), code=1).errors())
        self.backup("--data", self.path("data"), "--backup", code=1)


if __name__ == "__main__":
    unittest.main()
