"""zrelayd --data: messages acked on disk survive kill -9, restarts and full disks; messages that cannot be kept are told."""
import glob
import json
import os
import random
import resource
import signal
import sqlite3
import struct
import subprocess
import threading

from harness import DEADLINE, ZRELAYD, Program, TestCase, deliver_entries, publish_frame, wait_for

# For a longer run: ZRELAY_TEST_NUMBERS=1000000 ZRELAY_TEST_KILLS=30
NUMBERS = int(os.environ.get("ZRELAY_TEST_NUMBERS", "200000"))
KILLS = int(os.environ.get("ZRELAY_TEST_KILLS", "6"))
SEED = int(os.environ.get("ZRELAY_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)

FAST = "server\n    heartbeat = 1000\n    tick = 20\n"
DISK, MEMORY, NONE = 2, 1, 0


def acks(frame):
    """A binary ACK as (level, upto, seq); None for another frame."""
    return struct.unpack(">BQQ", frame[1:]) if frame[:1] == b"\x02" else None


FORGETS = FAST + "limits\n    max-rooms = 2\nlog\n    forget-after = 1s\nroom\n    pattern = aged*\n    max-age = 1s\n"


class DurableCase(TestCase):
    def setUp(self):
        super().setUp()
        self.data = self.path("data")
        self.store = f"sqlite:{self.data}"

    def durable(self, *arguments, config=FAST):
        return self.broker("--data", self.data, *arguments, config=config)

    def again(self, broker, config=FAST):
        """kill -9, and the next one on the same directory and ports."""
        return self.restart(broker, "--data", self.data, config=config)

    def stop(self, broker):
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

    def refused(self, *arguments, config=None):
        """zrelayd must end with 1 and one line on stderr; returns the line."""
        if config is not None:
            arguments += ("--config", self.file("refused.conf", config))
        program = Program([ZRELAYD, "--listen", "tcp://127.0.0.1:*", *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        self.assertEqual(program.finish(), 1, program.errors())
        self.assertEqual(program.text(), "")
        self.assertRegex(program.errors(), r"\Azrelayd: [^\n]+\n\Z")
        return program.errors()

    def history(self, broker, room, *arguments):
        return self.run_zrelay(broker, "history", room, *arguments).lines()

    def publish(self, peer, room, *entries):
        """Publishes in one frame; returns the answer: an ACK's (level, upto, seq), or the error."""
        peer.send(publish_frame(room, *entries))
        while True:
            frame = peer.receive()
            if acks(frame):
                return acks(frame)
            if frame[:1] == b"{":
                answer = json.loads(frame)
                if answer["op"] == "error":
                    return answer


class Killed(DurableCase):
    """The numbers 1 to N go through a broker that is killed again and again."""

    def feed(self, pub):
        """Writes numbers up to `self.allowed` into its stdin; ends at NUMBERS."""
        written = 0
        while written < NUMBERS:
            with self.more:
                self.more.wait_for(lambda: self.allowed > written)
                upto = min(self.allowed, NUMBERS)
            pub.write(b"".join(b"%d\n" % number for number in range(written + 1, upto + 1)))
            written = upto
        pub.close_stdin()

    def allow(self, upto):
        with self.more:
            self.allowed = max(self.allowed, upto)
            self.more.notify()

    def test_every_number_once_and_in_order(self):
        chance = random.Random(SEED)
        moments = sorted(chance.randrange(1, NUMBERS) for _ in range(KILLS))
        said = f"ZRELAY_TEST_SEED={SEED}"
        self.allowed, self.more = 0, threading.Condition()
        broker = self.durable()
        epoch = broker.epoch
        sub = self.zrelay(broker, "sub", "n", "--all", "--count", str(NUMBERS))
        pub = self.zrelay(broker, "pub", "n")
        threading.Thread(target=self.feed, args=(pub,), daemon=True).start()
        for moment in moments:
            self.allow(moment + NUMBERS // KILLS)  # so that it is busy when it dies
            wait_for(lambda: bytes(sub.out).count(b"\n") >= moment, f"{moment} numbers at the reader; {said}: "
                     f"{bytes(sub.out).count(10)} {pub.errors()} {sub.errors()} {broker.errors()}")
            broker = self.again(broker)
            self.assertEqual(broker.epoch, epoch)
        self.allow(NUMBERS)
        self.assertEqual(pub.finish(), 0, f"{said}: {pub.errors()}")
        self.assertEqual(sub.finish(), 0, f"{said}: {sub.errors()}")
        expected = b"".join(b"%d\n" % number for number in range(1, NUMBERS + 1))
        self.assertTrue(bytes(sub.out) == expected, f"{said}: the reader saw something else")
        for _ in range(2):
            history = self.run_zrelay(broker, "history", "n")
            self.assertTrue(bytes(history.out) == expected, f"{said}: the log holds something else")
            broker = self.again(broker)


class Restarted(DurableCase):
    def test_epoch_positions_and_state_stay(self):
        broker = self.durable()
        self.assertEqual(broker.store, self.store)
        self.run_zrelay(broker, "pub", "r", stdin=b"one\ntwo\nthree\n")
        self.run_zrelay(broker, "state", "cfg", "set", "colour", "green")
        self.run_zrelay(broker, "state", "cfg", "set", "size", "big")
        self.run_zrelay(broker, "state", "cfg", "delete", "size")
        for stop in (self.again, lambda one: (self.stop(one), self.durable())[1]):
            before, broker = broker, stop(broker)
            self.assertEqual(broker.epoch, before.epoch)
            self.assertEqual(self.history(broker, "r"), [b"one", b"two", b"three"])
            self.assertEqual(self.run_zrelay(broker, "state", "cfg", "get", "colour").text(), "green\n")
            peer = self.peer(broker)
            self.assertEqual(peer.welcome["level"], "disk")
            answer = peer.ask(op="join", room="r", after=2)
            self.assertEqual((answer["seq"], answer["recovered"]), (3, True))
            answer = peer.ask(op="state", room="cfg")
            self.assertEqual((answer["seq"], answer["count"]), (3, 1))
            self.assertIn("conflict", self.run_zrelay(
                broker, "state", "cfg", "set", "colour", "red", "--expect", "99", code=3).errors())
        self.run_zrelay(broker, "pub", "r", stdin=b"four\n")
        self.assertEqual(self.history(broker, "r", "--after", "2"), [b"three", b"four"])

    def test_resends_are_not_stored_again(self):
        broker = self.durable()
        peer = self.peer(broker)
        entries = [(1, b"a"), (2, b"b", b"k"), (3, b"c")]
        self.assertEqual(self.publish(peer, "r", *entries), (DISK, 3, 3))
        self.assertEqual(self.publish(peer, "r", (4, b"late", b"k", 2, 1))["code"], "conflict")
        self.assertEqual(self.publish(peer, "r", (5, b"d")), (DISK, 5, 4))
        for _ in range(2):
            broker = self.again(broker)
            later = self.peer(broker, client=peer.client)
            self.assertEqual(self.publish(later, "r", *entries)[:2], (DISK, 3))
            again = self.publish(later, "r", (4, b"late", b"k", 2, 2))  # it would be right now
            self.assertEqual((again["code"], again["mid"]), ("conflict", 4))
            self.assertEqual(self.publish(later, "r", (5, b"d"))[:2], (DISK, 5))
            later.close()
        self.assertEqual(self.history(broker, "r"), [b"a", b"b", b"c", b"d"])
        other = self.peer(broker)
        self.assertEqual(self.publish(other, "r", (4, b"e")), (DISK, 4, 5))

    def test_a_pub_that_waits_over_the_restart(self):
        broker = self.durable()
        pub = self.zrelay(broker, "pub", "r")
        pub.write(b"one\n")
        wait_for(lambda: self.history(broker, "r") == [b"one"], "the first message")
        broker = self.again(broker)
        pub.write(b"two\n")
        pub.close_stdin()
        self.assertEqual(pub.finish(), 0, pub.errors())
        self.assertEqual(self.history(broker, "r"), [b"one", b"two"])

    def test_sigterm_loses_nothing_that_was_acked(self):
        for round_ in range(3):
            broker = self.durable()
            peer = self.peer(broker)
            first = len(self.history(broker, "r"))
            body = b"x" * 1000
            count = 400
            for mid in range(1, count + 1):
                peer.send(publish_frame("r", *[(10 * mid + i, body) for i in range(10)]))
            broker.signal(signal.SIGTERM)
            acked, bye = 0, False
            while not bye:
                frame = peer.receive()
                if acks(frame):
                    self.assertEqual(acks(frame)[0], DISK)
                    acked = max(acked, acks(frame)[1])
                elif frame[:1] == b"{":
                    bye = json.loads(frame)["op"] == "bye"
            self.assertEqual(broker.finish(), 0, broker.errors())
            broker = self.durable()
            stored = len(self.history(broker, "r")) - first
            self.assertEqual(stored, max(0, acked - 9), f"round {round_}")  # ids began at 10
            self.stop(broker)


class Directory(DurableCase):
    def test_only_one_broker_at_a_time(self):
        broker = self.durable()
        error = self.refused("--data", self.data)
        self.assertIn("in use", error)
        self.assertIn(self.data, error)
        self.stop(broker)
        self.durable()

    def test_directories_that_cannot_be_used(self):
        self.assertIn("is missing", self.refused("--data", self.path("no/such")))
        self.assertIn("not a directory", self.refused("--data", self.file("file", "text")))
        os.mkdir(self.data, 0o700)
        os.chmod(self.data, 0o777)
        self.assertIn("everybody", self.refused("--data", self.data))
        for mode in (0o770, 0o2775):
            os.chmod(self.data, mode)
            self.assertIn(f"chmod go-w {self.data}", self.refused("--data", self.data))
        os.chmod(self.data, 0o700)
        os.symlink("elsewhere", os.path.join(self.data, "zrelay.db-wal"))
        self.assertIn("is a link", self.refused("--data", self.data))
        os.unlink(os.path.join(self.data, "zrelay.db-wal"))
        if os.geteuid() != 0:
            os.chmod(self.data, 0o500)
            self.assertIn("cannot", self.refused("--data", self.data))

    def test_files_are_private(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"one\n")
        self.assertEqual(os.stat(self.data).st_mode & 0o777, 0o700)
        for name in os.listdir(self.data):
            self.assertEqual(os.stat(os.path.join(self.data, name)).st_mode & 0o077, 0, name)

    def test_a_corrupt_log_is_put_aside(self):
        broker = self.durable()
        self.run_zrelay(broker, "pub", "r", stdin=b"one\n")
        self.stop(broker)
        database, = glob.glob(os.path.join(self.data, "*.db"))
        with open(database, "r+b") as file:
            file.write(b"this is no database" * 100)
        with open(database, "rb") as file:
            broken = file.read()
        error = self.refused("--data", self.data, config="log\n    on-corrupt = refuse\n")
        self.assertIn(database, error)
        with open(database, "rb") as file:
            self.assertEqual(file.read(), broken)
        after = self.durable()
        self.assertNotEqual(after.epoch, broker.epoch)
        after.wait_err(r"^\S+ error .*put aside as ")
        aside, = (name for name in glob.glob(os.path.join(self.data, "*corrupt*")) if not name.endswith(("-wal", "-shm")))
        self.assertIn(os.path.basename(aside), after.errors())
        with open(aside, "rb") as file:
            self.assertEqual(file.read(), broken)
        self.assertEqual(self.history(after, "r"), [])
        self.run_zrelay(after, "pub", "r", stdin=b"two\n")
        after = self.again(after)
        self.assertEqual(self.history(after, "r"), [b"two"])

    def test_a_log_of_a_newer_version_is_refused(self):
        self.stop(self.durable())
        database, = glob.glob(os.path.join(self.data, "*.db"))
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.assertIn("newer", self.refused("--data", self.data))

    def test_readers_learn_of_the_new_epoch(self):
        broker = self.durable()
        sub = self.zrelay(broker, "sub", "r", "--all")
        self.run_zrelay(broker, "pub", "r", stdin=b"one\n")
        sub.wait_out("^one$")
        broker.signal(signal.SIGKILL)
        broker.finish()
        for name in glob.glob(os.path.join(self.data, "*.db*")):
            os.unlink(name)
        broker = self.durable("--listen", broker.server, "--back", broker.back)
        self.run_zrelay(broker, "pub", "r", stdin=b"two\n")
        sub.wait_out("^two$")
        sub.wait_err("(?i)epoch|restart|new log|lost")


class FullDisk(DurableCase):
    """A small file system where that can be mounted, else a limit on the size of files."""

    SPACE = 4 << 20

    def setUp(self):
        super().setUp()
        self.mounted = False
        small = self.path("small")
        os.mkdir(small, 0o700)
        if os.geteuid() == 0:
            self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SPACE},mode=700", "tmpfs", small],
                                          stderr=subprocess.DEVNULL, check=False).returncode == 0
        if self.mounted:
            self.addCleanup(subprocess.run, ["umount", small], check=True)
            self.data = os.path.join(small, "data")

    def fill(self, broker):
        if self.mounted:
            with open(os.path.join(self.path("small"), "ballast"), "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
        else:
            size = max(os.stat(name).st_size for name in glob.glob(os.path.join(self.data, "*")))
            resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def clear(self, broker):
        if self.mounted:
            os.unlink(os.path.join(self.path("small"), "ballast"))
        else:
            resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def start(self):
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # which the broker inherits
        try:
            return self.durable()
        finally:
            signal.signal(signal.SIGXFSZ, before)

    def test_publishers_are_told_and_readers_go_on(self):
        broker = self.start()
        self.addCleanup(broker.end)  # before the file system goes
        peer, reader = self.peer(broker), self.peer(broker)
        self.assertEqual(self.publish(peer, "r", (1, b"first")), (DISK, 1, 1))
        reader.subscribe(b"r\0")
        self.fill(broker)
        mid, answer = 1, None
        while not isinstance(answer, dict):
            mid += 1
            answer = self.publish(peer, "r", (mid, b"x" * 20000))
            self.assertLess(mid, 2000)
        stored = mid - 1
        self.assertEqual((answer["code"], answer["mid"]), ("store-failed", mid))
        for _ in range(20):  # it goes on being refused, and the others go on reading and asking
            mid += 1
            self.assertEqual(self.publish(peer, "r", (mid, b"x" * 20000))["code"], "store-failed")
            self.assertEqual(self.publish(peer, f"new{mid}", (mid + 1, b"x" * 20000))["code"], "store-failed")
            mid += 1
            self.assertEqual(reader.ask(op="ping")["op"], "pong")
        self.assertEqual(len(self.history(broker, "r")), stored)
        refused = self.run_zrelay(broker, "pub", "r", "x" * 20000, code=3)
        self.assertIn("store-failed", refused.errors())
        self.assertEqual(broker.errors().count("refused until it works again"), 1, broker.errors())

        self.clear(broker)
        answer = wait_for(lambda: self.acked(peer), "the disk to be used again")
        self.assertEqual(answer[0], DISK)
        self.assertEqual(answer[2], stored + 1)
        broker.wait_err("storing again, after")
        later = self.peer(broker, client=peer.client)  # what was refused stays refused
        self.assertEqual(self.publish(later, "r", (mid, b"x"))["code"], "store-failed")
        seen, bodies = 0, 0
        while seen < stored + 1:  # 1 was before it subscribed
            _, _, prev, entries = deliver_entries(reader.live())
            self.assertEqual(prev, max(seen, 1))
            seen, bodies = entries[-1][0], bodies + len(entries)
        self.assertEqual(bodies, stored)
        broker = self.again(broker)
        self.assertEqual(len(self.history(broker, "r")), stored + 1)
        broker.signal(signal.SIGKILL)
        broker.finish()

    def test_the_broker_starts_on_a_full_disk(self):
        if not self.mounted:
            self.skipTest("no file system can be mounted")
        broker = self.durable()
        self.addCleanup(lambda: self.running.end())  # before the file system goes
        self.running, stored = broker, 0
        for number in range(6):  # after a crash and after an orderly end
            self.assertEqual(self.publish(self.peer(broker), "r", (1, b"x" * 20000))[0], DISK)
            stored += 1
            broker.signal(signal.SIGTERM if number % 2 else signal.SIGKILL)
            broker.finish()
            self.fill(broker)
            self.running = broker = self.again(broker)
            broker.wait_err("the disk of .* is full: make room")
            self.assertEqual(len(self.history(broker, "r")), stored)
            peer = self.peer(broker)
            for mid in range(1, 4):
                self.assertEqual(self.publish(peer, "r", (mid, b"x" * 20000))["code"], "store-failed")
                self.assertEqual(len(self.history(broker, "r")), stored)
            self.clear(broker)
            wait_for(lambda: self.acked(peer), "the disk to be used again")
            stored += 1
            self.assertEqual(len(self.history(broker, "r")), stored)
            broker.signal(signal.SIGKILL)
            broker.finish()
            self.running = broker = self.again(broker)
            self.assertEqual(len(self.history(broker, "r")), stored)
            copy = os.path.join(self.path("small"), "copy.db")
            subprocess.run([ZRELAYD, "--data", self.data, "--backup", copy], stdout=subprocess.DEVNULL, check=True)
            os.unlink(copy)
            self.assertNotIn("is full", broker.errors())

    def test_copies_to_a_full_disk(self):
        broker = self.broker("--data", self.path("large"), config=FAST)
        lines = b"".join(b"%05d %s\n" % (number, b"x" * 30000) for number in range(200))  # more than the small one holds
        self.run_zrelay(broker, "pub", "r", stdin=lines)
        copy, small = self.path("copy"), self.path("small")
        subprocess.run([ZRELAYD, "--data", self.path("large"), "--backup", copy], stdout=subprocess.DEVNULL, check=True)
        if not self.mounted:
            self.skipTest("no file system can be mounted")
        told = self.refused("--data", self.path("large"), "--backup", os.path.join(small, "copy"))
        self.assertIn("full", told)
        self.assertEqual(os.listdir(small), [])
        told = self.refused("--data", os.path.join(small, "data"), "--restore", copy)
        self.assertIn("full", told)
        self.assertEqual(os.listdir(os.path.join(small, "data")), ["lock"])

    def acked(self, peer):
        self.mid = getattr(self, "mid", 10 ** 6) + 1
        answer = self.publish(peer, "r", (self.mid, b"again"))
        return answer if isinstance(answer, tuple) else None


class Levels(DurableCase):
    CONFIG = FAST + ("room\n    pattern = mem/*\n    level = memory\n"
                     "room\n    pattern = none/*\n    level = none\n"
                     "room\n    pattern = few/*\n    max-entries = 100\n")

    def test_acks_name_the_level(self):
        peer = self.peer(self.durable(config=self.CONFIG))
        self.assertEqual(peer.welcome["level"], "disk")
        for mid, (room, level) in enumerate((("r", DISK), ("mem/a", MEMORY), ("none/a", NONE), ("r", DISK)), 1):
            self.assertEqual(self.publish(peer, room, (mid, b"x"))[:2], (level, mid))
        self.assertEqual(peer.ask(op="publish", room="mem/a", text="x")["level"], "memory")

    def test_pub_tells_the_level(self):
        broker = self.durable(config=self.CONFIG)
        for room, level in (("r", "on disk"), ("mem/a", "in memory only"), ("none/a", "relayed and not kept")):
            program = self.run_zrelay(broker, "pub", room, "-v", stdin=b"one\ntwo\n")
            self.assertRegex(program.errors(), rf"(?m)^zrelay: 2 messages acked, {level}$")
        program = self.run_zrelay(broker, "-v", "import", stdin=b'{"room":"r","body":"x"}\n{"room":"mem/a","body":"x"}\n')
        self.assertRegex(program.errors(), r"(?m)^zrelay: 2 messages acked, in memory only$")
        self.assertEqual(self.run_zrelay(broker, "pub", "r", "text").errors(), "")
        self.assertNotIn("acked", self.run_zrelay(broker, "-v", "pub", "r").errors())

    def test_memory_rooms_end_with_the_process(self):
        broker = self.durable(config=self.CONFIG)
        self.run_zrelay(broker, "pub", "mem/a", stdin=b"one\ntwo\n")
        self.run_zrelay(broker, "pub", "r", stdin=b"one\n")
        self.assertEqual(self.history(broker, "mem/a"), [b"one", b"two"])
        before = self.peer(broker).ask(op="join", room="mem/a")["seq"]
        broker = self.again(broker, config=self.CONFIG)
        self.assertEqual(self.history(broker, "mem/a"), [])
        self.assertEqual(self.history(broker, "r"), [b"one"])
        peer = self.peer(broker)
        answer = peer.ask(op="join", room="mem/a", after=before)
        self.assertFalse(answer["recovered"])
        self.assertGreater(answer["seq"], before)  # no position is given twice under one epoch
        level, _, seq = self.publish(peer, "mem/a", (1, b"three"))
        self.assertEqual(level, MEMORY)
        self.assertGreater(seq, answer["seq"])
        self.assertLess(seq, 2 ** 53)
        self.assertEqual(self.history(broker, "mem/a"), [b"three"])

    def test_a_reader_of_a_memory_room_goes_on_after_the_restart(self):
        broker = self.durable(config=self.CONFIG)
        sub = self.zrelay(broker, "sub", "mem/a")
        self.wait_members(broker, "mem/a", 1)
        self.run_zrelay(broker, "pub", "mem/a", stdin=b"one\n")
        sub.wait_out("^one$")
        broker = self.again(broker, config=self.CONFIG)
        self.wait_members(broker, "mem/a", 1)
        self.run_zrelay(broker, "pub", "mem/a", stdin=b"two\n")
        sub.wait_out("^two$")

    def test_rooms_that_are_not_kept(self):
        broker = self.durable(config=self.CONFIG)
        peer = self.peer(broker)
        peer.subscribe(b"none/a\0")
        self.run_zrelay(broker, "pub", "none/a", stdin=b"one\n")
        self.assertEqual(deliver_entries(peer.live())[3][0][5], b"one")
        self.assertEqual(self.history(broker, "none/a"), [])

    def test_retention(self):
        broker = self.durable(config=self.CONFIG)
        peer = self.peer(broker)
        for mid in range(1, 301):
            self.publish(peer, "few/a", (mid, b"%d" % mid))
        wait_for(lambda: peer.ask(op="join", room="few/a")["oldest"] == 200, "what is too much to be deleted")
        self.assertEqual(self.history(broker, "few/a"), [b"%d" % number for number in range(201, 301)])
        broker = self.again(broker, config=self.CONFIG)
        answer = self.peer(broker).ask(op="join", room="few/a", after=150)
        self.assertEqual((answer["oldest"], answer["recovered"]), (200, False))


class SlowDisk(DurableCase):
    def test_more_than_may_wait_for_the_disk(self):
        broker = self.durable(config=FAST + "log\n    queue-bytes = 64k\n")
        text = b"".join(b"%d\n" % number for number in range(300000))
        pubs = [self.zrelay(broker, "pub", f"r{i}") for i in range(2)]
        for pub in pubs:
            threading.Thread(target=lambda one=pub: (one.write(text), one.close_stdin()), daemon=True).start()
        for number, pub in enumerate(pubs):
            self.assertEqual(pub.finish(), 0, pub.errors())
            history = self.run_zrelay(broker, "history", f"r{number}")
            self.assertTrue(bytes(history.out) == text, "the log holds something else")

    def test_nobody_expires_while_the_front_is_not_read(self):
        broker = self.durable(config=FAST + "log\n    queue-bytes = 64k\n")
        sub = self.zrelay(broker, "sub", "r", "--count", "2")
        self.wait_members(broker, "r", 1)
        peer = self.peer(broker)
        self.publish(peer, "r", (1, b"before"))
        lock = sqlite3.connect(glob.glob(os.path.join(self.data, "*.db"))[0], isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")  # the broker cannot write now
        peer.send(publish_frame("other", *[(mid, b"x" * 50000) for mid in range(2, 12)]))
        peer.send(publish_frame("r", (12, b"after")))
        sub.wait_err("silent")  # three heartbeats went by
        lock.execute("ROLLBACK")
        lock.close()
        self.assertEqual(sub.finish(DEADLINE), 0, sub.errors())
        self.assertEqual(sub.lines(), [b"before", b"after"])
        self.assertNotIn("expired", sub.errors())


class ForgottenRooms(DurableCase):
    """A room that is empty and unused for long is forgotten, and its positions never come again."""

    def rooms(self, broker):
        return [line.split()[0].decode() for line in self.run_zrelay(broker, "rooms").lines()]

    def test_they_begin_above(self):
        broker = self.durable(config=FORGETS)
        self.run_zrelay(broker, "pub", "aged", stdin=b"one\ntwo\nthree\n")
        self.run_zrelay(broker, "pub", "kept", "for ever")
        self.run_zrelay(broker, "pub", "more", "x", code=3)
        wait_for(lambda: self.rooms(broker) == ["kept"], "the room to be forgotten")
        broker = self.again(broker, config=FORGETS)
        self.assertEqual(self.rooms(broker), ["kept"])
        self.run_zrelay(broker, "pub", "more", "there is room")
        broker = self.again(broker, config=FAST)
        self.run_zrelay(broker, "pub", "aged", "four")
        history = self.run_zrelay(broker, "--json", "history", "aged")
        self.assertEqual([(line["seq"], line["body"]) for line in map(json.loads, history.lines())], [(4, "four")])
        self.assertEqual(history.errors(), "")
        reader = self.run_zrelay(broker, "sub", "aged", "--all", "--count", "1")
        self.assertEqual((reader.lines(), reader.errors()), ([b"four"], ""))
        late = self.run_zrelay(broker, "history", "aged", "--after", "2")
        self.assertEqual(late.lines(), [b"four"])
        self.assertIn("does not reach back to seq 2", late.errors())

    def test_a_reader_that_was_away(self):
        broker = self.durable(config=FORGETS)
        peer = self.peer(broker)
        self.assertEqual(self.publish(peer, "aged", (1, b"a"), (2, b"b")), (DISK, 2, 2))
        wait_for(lambda: not peer.ask(op="rooms")["rooms"], "the room to be forgotten")
        joined = peer.ask(op="join", room="aged", after=1)
        self.assertEqual((joined["seq"], joined["oldest"], joined["recovered"]), (2, 2, False))
        joined = peer.ask(op="join", room="aged", after=0)
        self.assertEqual((joined["seq"], joined["oldest"], joined["recovered"]), (2, 2, True))
        self.assertEqual(self.publish(peer, "aged", (3, b"c")), (DISK, 3, 3))
