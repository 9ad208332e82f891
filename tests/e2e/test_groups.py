"""Groups: one stream, many workers, with the real programs."""
import json
import os
import pty
import re
import signal
import struct
import subprocess
import time
import unittest

from harness import ZRELAY, TestCase, publish_frame, wait_for

FAST = "server\n    heartbeat = 200\n"


class GroupsCase:
    """What tests of groups share."""

    def numbers(self, broker, room, first, last):
        self.run_zrelay(broker, "pub", room, stdin="".join(f"{n}\n" for n in range(first, last + 1)).encode())

    def group(self, broker, room="jobs"):
        """What `zrelay groups` says of the room's one group."""
        lines = self.run_zrelay(broker, "groups", room, "--json").lines()
        return json.loads(lines[0]) if lines else None


class Groups(GroupsCase, TestCase):
    def words(self, path):
        """The lines of a file that commands append to, as lists of words."""
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [line.split() for line in file.read().split("\n")[:-1]]

    def done(self, path):
        return [int(words[0]) for words in self.words(path)]

    def worker(self, broker, command, *options, jobs=1):
        return self.zrelay(broker, "sub", "jobs", "--group", "g", "--exec", command, "--jobs", str(jobs), *options)

    def calm(self, broker, out):
        """Everything is done, and stored as done. Returns how many lines the commands have written by then."""
        wait_for(lambda: (self.group(broker) or {}).get("backlog") == 0, "all to be done so far")
        self.run_zrelay(broker, "pub", "calm", stdin=b"stored\n")  # its ack comes after a commit that has the group
        return len(self.done(out))

    def test_a_stream_through_eight_workers_and_none_lost(self):
        """With kill -9 of broker and workers: each number is done at least once, and what was stored as done never again."""
        data, out = self.path("data"), self.path("done")
        broker = self.broker("--data", data, config=FAST)
        command = f"read n; test -n \"$n\" && echo $n >> {out}"  # one write each; the command of a killed worker may read nothing
        workers = [self.worker(broker, command, "--time", "5", jobs=2) for _ in range(8)]
        stored = []
        for round in range(4):
            self.numbers(broker, "jobs", 200 * round + 1, 200 * round + 50)
            stored.append(self.calm(broker, out))
            self.numbers(broker, "jobs", 200 * round + 51, 200 * round + 200)
            wait_for(lambda: len(self.done(out)) >= stored[-1] + 20, "some more to be done")
            workers[round].signal(signal.SIGKILL)
            workers[round].finish()
            if round % 2:
                broker = self.restart(broker, "--data", data, config=FAST)
            workers.append(self.worker(broker, command, "--time", "5", jobs=2))
        wait_for(lambda: len(set(self.done(out))) == 800, "all to be done")
        self.calm(broker, out)
        done = self.done(out)
        for count in stored:
            self.assertEqual(set(done[:count]) & set(done[count:]), set(), "done again")
        self.assertEqual(self.group(broker)["died"], 0)

    def test_exit_codes(self):
        """0 is done, 75 is tried again later without a word, and 1 is tried again and dies."""
        broker = self.broker(config=FAST)
        tries = self.path("tries")
        self.run_zrelay(broker, "pub", "jobs", stdin=b"good\nlater\nbad\n")
        command = f"""read x; echo "$x $ZRELAY_DELIVERIES" >> {tries}
            case $x-$ZRELAY_DELIVERIES in good-*) ;; later-1) exit 75;; later-*) ;; *) exit 1;; esac"""
        self.run_zrelay(broker, "sub", "jobs", "--group", "g", "--count", "1")  # makes the group, and takes `good`
        self.run_zrelay(broker, "groups", "jobs", "g", "set", "--backoff", "0", "--deliveries", "2", "--dead", "dead")
        worker = self.worker(broker, command)
        wait_for(lambda: self.group(broker)["died"] == 1, "the bad one to die")
        wait_for(lambda: self.group(broker)["backlog"] == 0, "the rest to be done")
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.finish(), 4)
        self.assertEqual(worker.errors().count("the command failed"), 2)
        self.assertEqual(sorted(map(" ".join, self.words(tries))), ["bad 1", "bad 2", "later 1", "later 2"])
        line, body = self.run_zrelay(broker, "history", "dead", "--raw").text().split("\n")[:2]
        self.assertEqual(body, "bad")
        about = json.loads(line)
        self.assertEqual((about["room"], about["group"], about["seq"], about["deliveries"], about["reason"]), ("jobs", "g", 3, 2, "retried"))

    def test_wrong_names_are_told(self):
        broker = self.broker(config=FAST)
        for words in (("sub", "jobs", "--group", "a b"), ("sub", "jobs", "--durable", "a b"), ("reply", "jobs", "--group", "a b"),
                      ("groups", "jobs", "a b", "delete")):
            self.assertIn("'a b' is no group", self.run_zrelay(broker, *words, code=1).errors())
        for words in (("sub", "jobs", "--group", "g", "--dead", "a b"), ("groups", "jobs", "g", "set", "--dead", "a b")):
            self.assertIn("'a b' is no room", self.run_zrelay(broker, *words, code=1).errors())

    def test_a_long_command_keeps_its_message(self):
        broker = self.broker(config=FAST)
        ready, go, out = self.path("ready"), self.path("go"), self.path("done")
        self.numbers(broker, "jobs", 1, 1)
        command = f"echo x >> {ready}; while [ ! -e {go} ]; do sleep 0.05; done > /dev/null 2>&1; read n; echo $n >> {out}"
        self.worker(broker, command, "--time", "2")
        self.worker(broker, command, "--time", "2")
        wait_for(lambda: os.path.exists(ready), "the command to run")
        end = time.monotonic() + 5
        while time.monotonic() < end:  # more than twice its time
            row = self.group(broker)
            self.assertEqual((row["held"], row["retried"]), (1, 0))
        self.file("go", "")
        wait_for(lambda: self.group(broker)["done"] == 1, "it to be done")
        self.assertEqual((self.done(out), self.words(ready)), ([1], [["x"]]))

    def test_a_long_command_holds_up_no_other_message(self):
        """While commands are short, further messages wait at the worker. It gives them back when a command takes long."""
        broker = self.broker(config=FAST)
        out, go = self.path("done"), self.path("go")
        self.numbers(broker, "jobs", 1, 22)
        command = f"read n; test $n = 21 && while [ ! -e {go} ]; do sleep 0.1; done; echo $n >> {out}"
        worker = self.worker(broker, command, "--time", "3600")
        wait_for(lambda: len(self.done(out)) == 20, "the short ones to be done")
        self.worker(broker, f"read n; echo $n >> {out}")
        wait_for(lambda: 22 in self.done(out), "the last one to be done")
        self.file("go", "")
        wait_for(lambda: 21 in self.done(out), "the long one to end")
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.finish(), 0)

    def test_the_backlog_is_shown_on_a_terminal(self):
        broker = self.broker()
        self.numbers(broker, "jobs", 1, 9)
        master, terminal = pty.openpty()
        self.addCleanup(os.close, master)
        with open(self.path("out"), "wb") as out:
            process = subprocess.Popen([ZRELAY, "--server", broker.server, "sub", "jobs", "--group", "g", "--exec", "read n; test $n != 7", "--deliveries", "1000"], stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=terminal, env=self.environment)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        os.close(terminal)
        told = bytearray()

        def shown():
            told.extend(os.read(master, 4096))
            return re.search(rb"\r\033\[Kg: 8 done(?:, \d+/s)?; backlog 1", told)
        wait_for(shown, "the backlog")
        self.assertRegex(told, rb"zrelay: the command failed for jobs seq 7: exit status 1\r\n")

    def test_what_is_written_is_done(self):
        broker = self.broker()
        self.numbers(broker, "jobs", 1, 20)
        one = self.run_zrelay(broker, "sub", "jobs", "--group", "g", "--count", "7")
        two = self.run_zrelay(broker, "sub", "jobs", "--group", "g", "--count", "13")
        self.assertEqual([int(line) for line in one.lines() + two.lines()], list(range(1, 21)))
        self.assertEqual(self.group(broker)["retried"], 0)

    def test_ordered_by_key(self):
        broker = self.broker()
        out = self.path("done")
        peer = self.peer(broker)
        peer.send(publish_frame("jobs", *[(n, str(n).encode(), f"k{n % 3}".encode()) for n in range(1, 31)]))
        command = f'read n; echo "$ZRELAY_KEY $n" >> {out}'
        for _ in range(3):
            self.worker(broker, command, "--ordered-by-key", jobs=4)
        wait_for(lambda: len(self.words(out)) == 30, "all to be done")
        by_key = {}
        for key, number in self.words(out):
            by_key.setdefault(key, []).append(int(number))
        for key, numbers in by_key.items():
            self.assertEqual(numbers, sorted(numbers), key)

    def test_groups_are_shown_and_changed(self):
        broker = self.broker("--data", self.path("data"))
        self.numbers(broker, "jobs", 1, 10)
        self.assertEqual(self.run_zrelay(broker, "groups").text(), "")
        self.run_zrelay(broker, "sub", "jobs", "--group", "g", "--count", "4")
        self.assertRegex(self.run_zrelay(broker, "groups").text(), r"\Ajobs\tg\t6\t0\t6\t0\t0\t0\t0\t\d+s\n\Z")
        self.run_zrelay(broker, "groups", "jobs", "g", "pause")
        self.assertTrue(self.group(broker)["paused"])
        self.run_zrelay(broker, "groups", "jobs", "g", "resume")
        for to, backlog in (("all", 10), ("now", 0), ("7", 3), ("1h", 10), ("2099-01-01", 0)):
            self.run_zrelay(broker, "groups", "jobs", "g", "seek", "--to", to)
            self.assertEqual(self.group(broker)["backlog"], backlog, to)
        self.run_zrelay(broker, "groups", "jobs", "g", "set", "--time", "7", "--total", "3", "--keep", "yes")
        broker = self.restart(broker, "--data", self.path("data"))
        row = self.group(broker)
        self.assertEqual((row["time"], row["total"], row["seq"], row["keep"]), (7000, 3, 10, True))
        self.run_zrelay(broker, "groups", "jobs", "g", "set", "--keep", "no")
        self.assertFalse(self.group(broker)["keep"])
        self.run_zrelay(broker, "sub", "jobs", "--group", "keeper", "--keep", "--count", "1")
        self.assertTrue(json.loads(self.run_zrelay(broker, "groups", "jobs", "--json").lines()[-1])["keep"])
        self.run_zrelay(broker, "groups", "jobs", "keeper", "delete")
        self.run_zrelay(broker, "groups", "jobs", "g", "delete")
        self.assertEqual(self.run_zrelay(broker, "groups", "jobs").text(), "")
        for wrong in (["jobs", "g"], ["jobs", "g", "dance"], ["jobs", "g", "seek"], ["jobs", "g", "set"], ["jobs", "g", "seek", "--to", "x"],
                      ["jobs", "g", "delete", "x"], ["jobs", "g", "set", "--keep", "maybe"], ["jobs", "--to", "1"], ["*"]):
            self.assertRegex(self.run_zrelay(broker, "groups", *wrong, code=1).errors(), r"\Azrelay: [^\n]+\n\Z")
        self.assertIn("no such group", self.run_zrelay(broker, "groups", "jobs", "g", "delete", code=3).errors())

    def test_a_worker_whose_process_is_killed(self):
        """Its entries go to another once its session ends."""
        broker = self.broker(config=FAST)
        self.numbers(broker, "jobs", 1, 3)
        go = self.path("go")
        hung = self.worker(broker, f"while [ ! -e {go} ]; do sleep 0.1; done > /dev/null 2>&1", jobs=3)
        wait_for(lambda: (self.group(broker) or {}).get("held") == 3, "it to hold all")
        hung.signal(signal.SIGKILL)
        other = self.zrelay(broker, "sub", "jobs", "--group", "g")
        other.wait_out("1\n2\n3\n")
        self.assertEqual(self.group(broker)["retried"], 3)
        self.file("go", "")  # its commands end, too

    def test_what_a_room_keeps_for_a_group(self):
        """Two rooms keep two messages. A group keeps what it has not finished, over a restart too; another is told what it lost."""
        data = self.path("data")
        config = "server\n    heartbeat = 200\nroom\n    pattern = *\n    max-entries = 2\n"
        broker = self.broker("--data", data, config=config)
        peer = self.peer(broker)
        for number, (room, keep) in enumerate((("kept", True), ("lost", False)), 1):
            peer.ask(op="work", room=room, group="g", worker=number, credit=0, keep=keep, dead=room + "/dead")
            peer.send(publish_frame(room, *[(20 * number + n, str(n).encode()) for n in range(1, 11)]))
            self.assertEqual(peer.receive()[:1], b"\2")
        wait_for(lambda: self.run_zrelay(broker, "history", "lost").lines() == [b"9", b"10"], "the room to delete old messages")
        broker = self.restart(broker, "--data", data, config=config)
        peer = self.peer(broker)
        peer.ask(op="work", room="lost", group="g", worker=2, credit=20)
        self.assertEqual({**peer.control()}, {"op": "lost", "worker": 2, "room": "lost", "group": "g", "count": 8})
        peer.receive()
        peer.ask(op="work", room="kept", group="g", worker=1, credit=20)
        self.assertEqual(peer.receive()[:1], b"\4")
        reason = "no such address".encode()
        peer.send(struct.pack(">BIQBIQQ", 5, 1, 1, 3, len(reason), 1, 10) + reason)
        self.assertEqual(peer.receive(), struct.pack(">BIQBI", 6, 1, 1, 2, 10))
        wait_for(lambda: self.run_zrelay(broker, "history", "kept").lines() == [b"9", b"10"], "the room to delete what is finished")
        about = json.loads(self.run_zrelay(broker, "history", "kept/dead").lines()[-2])
        self.assertEqual((about["reason"], about["text"]), ("rejected", "no such address"))

    def test_a_client_of_the_specification(self):
        """By frames alone: two entries, handed out, one done, one rejected; then nonsense."""
        broker = self.broker()
        peer = self.peer(broker)
        working = peer.ask(op="work", room="r", group="g", worker=7, credit=10, deliveries=3)
        self.assertEqual((working["op"], working["created"], working["deliveries"], working["time"]), ("working", True, 3, 30000))
        peer.send(publish_frame("r", (1, b"a"), (2, b"b")))
        self.assertEqual(peer.receive()[:1], b"\2")
        frame = peer.receive()
        self.assertEqual(frame[:9], struct.pack(">BIH", 4, 7, 1) + b"r\0")
        self.assertEqual(frame[10], 4, "flags: WORK")
        for verb, seq in ((1, 1), (3, 2)):
            peer.send(struct.pack(">BIQBIQQ", 5, 7, 100 + seq, verb, 0, seq, seq))
            self.assertEqual(peer.receive(), struct.pack(">BIQBI", 6, 7, 100 + seq, 1, 1))
        for wrong in (b"\5", struct.pack(">BIQBIQQ", 5, 7, 1, 9, 0, 1, 1), struct.pack(">BIQBIQQ", 5, 7, 1, 1, 0, 2, 1)):
            peer.send(wrong)
            self.assertEqual(peer.control()["code"], "bad-frame")
        peer.send(struct.pack(">BIQBIQQ", 5, 8, 1, 1, 0, 1, 1))
        self.assertEqual({key: value for key, value in peer.control().items() if key != "text"},
                         {"op": "error", "code": "no-group", "worker": 8, "settle": 1})


if __name__ == "__main__":
    unittest.main()
