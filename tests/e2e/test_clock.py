"""Clocks that are wrong and are set: times of messages, what is searched by them, what is deleted for its age, and positions."""
import glob
import json
import os
import struct
import time

from harness import BUILD, TestCase, wait_for

YEAR = 365 * 24 * 3600
CONFIG = """server
    heartbeat = 1000
    tick = 20
room
    pattern = aged
    max-age = 1s
room
    pattern = hours
    max-age = 2h
room
    pattern = few
    max-entries = 1
room
    pattern = memory
    level = memory
"""


class ClockCase(TestCase):
    """The broker, and all other programs, have a clock that the test sets."""

    def setUp(self):
        super().setUp()
        shim, = glob.glob(os.path.join(BUILD, "tests/e2e/libwrong_clock.so"))
        self.data = self.path("data")
        self.set_clock(0)
        for name, value in (("LD_PRELOAD", shim), ("TEST_CLOCK", self.path("clock")),
                            ("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")):
            self.addCleanup(self.put_back, name, os.environ.get(name))
            os.environ[name] = value

    @staticmethod
    def put_back(name, value):
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value

    def set_clock(self, wrong):
        """The broker's clock is wrong by so many seconds."""
        descriptor = os.open(self.path("clock"), os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(descriptor, struct.pack("@q", int(wrong)), 0)
        os.close(descriptor)


class Clock(ClockCase):
    def start(self, wrong=0):
        self.set_clock(wrong)
        return self.broker("--data", self.data, config=CONFIG)

    def again(self, broker, wrong=0):
        broker.signal(9)
        broker.finish()
        return self.start(wrong)

    def entries(self, broker, room):
        lines = self.run_zrelay(broker, "--json", "history", room).lines()
        return [json.loads(line) for line in lines]

    def put(self, broker, room, text):
        """Publishes; returns how far ahead of the true time the message is dated, in seconds, and its seq."""
        self.run_zrelay(broker, "pub", room, text)
        last = self.entries(broker, room)[-1]
        return last["time"] / 1e6 - time.time(), last["seq"]

    def found(self, broker, room, *arguments):
        return b" ".join(self.run_zrelay(broker, "history", room, *arguments).lines()).decode()

    def housekeeping(self, broker):
        """Waits until the broker has looked for what is to be deleted, twice."""
        for _ in range(2):
            for text in ("a", "b"):
                _, seq = self.put(broker, "few", text)
            wait_for(lambda: self.entries(broker, "few")[0]["seq"] == seq, "one to go")

    def near(self, seconds, expected=0):
        self.assertAlmostEqual(seconds, expected, delta=120)

    def test_ahead_and_back_while_it_runs(self):
        broker = self.start()
        self.near(self.put(broker, "r", "one")[0])
        self.set_clock(10 * YEAR)
        self.near(self.put(broker, "r", "two")[0], 10 * YEAR)
        broker.wait_err("the clock was set ahead, from .* to .*within the next hour")
        self.set_clock(0)
        self.near(self.put(broker, "r", "three")[0])
        broker.wait_err("the clock was set back, from ")
        self.near(self.put(broker, "r", "four")[0])
        self.assertEqual(self.found(broker, "r", "--since", "1h"), "one two three four")
        self.assertEqual(self.found(broker, "r", "--until", "2099-01-01"), "one two three four")
        self.assertEqual(self.found(broker, "r", "--until", "0s"), "one three four")
        broker = self.again(broker)
        self.near(self.put(broker, "r", "five")[0])
        self.assertNotIn("clock", broker.errors())

    def test_ahead_before_the_start(self):
        broker = self.start(10 * YEAR)
        for text in ("one", "two"):
            self.near(self.put(broker, "r", text)[0], 10 * YEAR)
            self.put(broker, "aged", text)
        broker = self.again(broker)
        broker.wait_err("the log has messages of .*new messages get the clock's time")
        self.near(self.put(broker, "r", "three")[0])
        self.near(self.put(broker, "aged", "three")[0])
        wait_for(lambda: self.found(broker, "aged") == "three", "what is from the future to go")
        self.near(self.put(broker, "aged", "four")[0])
        wait_for(lambda: self.found(broker, "aged") == "four", "what is old to go")
        self.assertEqual(broker.errors().count(" warn  the log has "), 1, broker.errors())

    def test_a_clock_that_is_not_set_yet(self):
        broker = self.start()
        self.near(self.put(broker, "r", "one")[0])
        broker = self.again(broker, -time.time() + 10)
        broker.wait_err("the clock shows 1970-01-01T00:00:1.*which cannot be: set it")
        self.near(self.put(broker, "r", "two")[0])
        self.set_clock(0)
        self.near(self.put(broker, "r", "three")[0])
        self.assertEqual(broker.errors().count("cannot be"), 1, broker.errors())
        broker.signal(9)
        broker.finish()
        self.data = self.path("new")
        broker = self.start(-time.time() + 10)
        self.near(self.put(broker, "r", "one")[0], 1735689600 - time.time())
        self.set_clock(0)
        self.near(self.put(broker, "r", "two")[0])
        broker.wait_err("the clock was set ahead, from 2025-01-01")

    def test_nothing_is_deleted_for_a_wrong_clock(self):
        broker = self.start()
        for text in ("one", "two"):
            self.put(broker, "hours", text)
        self.set_clock(10 * YEAR)
        self.housekeeping(broker)
        self.assertEqual(self.found(broker, "hours"), "one two")
        self.set_clock(0)
        self.housekeeping(broker)
        self.assertEqual(self.found(broker, "hours"), "one two")

    def test_a_restart_does_not_end_the_doubt(self):
        """The newest message has the wrong time already, and so it tells the next broker nothing."""
        broker = self.start()
        for text in ("one", "two"):
            self.put(broker, "hours", text)
        self.set_clock(10 * YEAR)
        self.housekeeping(broker)
        broker = self.again(broker, 10 * YEAR)
        broker.wait_err("the clock was in doubt before this start")
        self.housekeeping(broker)
        self.assertEqual(self.found(broker, "hours"), "one two")
        broker = self.again(broker, 10 * YEAR + 2 * 3600)
        wait_for(lambda: self.found(broker, "hours") == "two", "the hour to be over")
        self.assertNotIn("clock", broker.errors())

    def test_a_start_with_a_clock_that_is_ahead_deletes_nothing(self):
        broker = self.start()
        for text in ("one", "two"):
            self.put(broker, "hours", text)
        broker = self.again(broker, 2 * YEAR)
        broker.wait_err("the log's newest message is of")
        self.housekeeping(broker)
        self.assertEqual(self.found(broker, "hours"), "one two")

    def test_a_time_to_live_goes_by_no_clock_that_is_set(self):
        broker = self.start()

        def put(key, ttl):
            self.run_zrelay(broker, "state", "r", "set", key, "x", "--ttl", ttl)

        def keys():
            return [json.loads(line)["key"] for line in self.run_zrelay(broker, "--json", "state", "r").lines()]
        put("day", "1d")
        self.set_clock(10 * YEAR)
        put("soon", "1s")
        wait_for(lambda: keys() == ["day"], "one to end, and the other not")
        self.set_clock(0)
        put("last", "5s")
        broker = self.again(broker, 10 * YEAR)  # in doubt: nobody knows how long the broker was away
        self.housekeeping(broker)
        self.assertEqual(keys(), ["day", "last"])
        broker = self.again(broker)
        wait_for(lambda: keys() == ["day"], "one from before the start to end")

    def test_positions_of_memory_rooms_never_come_again(self):
        broker = self.start(YEAR)
        _, seq = self.put(broker, "memory", "one")
        for wrong in (0, -YEAR / 2, 0, 2 * YEAR, 0):
            broker = self.again(broker, wrong)
            _, later = self.put(broker, "memory", "next")
            self.assertGreater(later, seq)
            seq = later
        self.assertLess(seq, 2 ** 53)
