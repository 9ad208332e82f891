"""A broker that aborts again and again, under load, with a service manager that starts it each time: with --data nothing is lost."""
import os
import random
import resource
import signal
import threading
import unittest

from harness import DEADLINE, Broker, TestCase, wait_for

ABORTS = int(os.environ.get("ZRELAY_TEST_ABORTS", "8"))
LINES = int(os.environ.get("ZRELAY_TEST_LINES", "30000"))  # of each publisher
PUBLISHERS, READERS = 3, 2
SEED = int(os.environ.get("ZRELAY_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)


class Manager(threading.Thread):
    """Starts the broker whenever it ended, as Restart=always does. `starts` counts; `broker` is the one that runs."""

    def __init__(self, *arguments):
        super().__init__(daemon=True)
        self.arguments, self.stopping, self.failure = arguments, threading.Event(), None
        self.broker, self.starts, self.codes = Broker("--listen", "tcp://127.0.0.1:*", *arguments), 1, []
        self.server, self.back, self.epoch = self.broker.server, self.broker.back, self.broker.epoch
        self.start()

    def run(self):
        try:
            while True:
                self.codes.append(self.broker.process.wait())
                if self.stopping.is_set():
                    return
                self.broker.end()
                self.broker = Broker("--listen", self.server, "--back", self.back, *self.arguments)
                self.starts += 1
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def abort(self):
        """Aborts the broker and waits until the next one is there."""
        before = self.starts
        self.broker.signal(signal.SIGABRT)
        wait_for(lambda: self.starts > before or self.failure, "the broker to be started again")
        if self.failure:
            raise self.failure

    def stop(self):
        self.stopping.set()
        self.broker.signal(signal.SIGTERM)
        self.join(DEADLINE)
        self.broker.end()


class Supervised(TestCase):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # aborted brokers leave no dumps behind
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, (soft, hard))

    def feed(self, publisher, name):
        """Writes the publisher's lines, a part for each abort and one for after them all."""
        part = -(-LINES // (ABORTS + 1))
        for number in range(LINES):
            if number % part == 0:
                with self.turn:
                    self.turn.wait_for(lambda: self.allowed >= number // part or self.ended)
            try:
                publisher.write(b"%s %d\n" % (name, number))
            except (BrokenPipeError, ValueError):
                return
        publisher.close_stdin()

    def allow(self, part):
        with self.turn:
            self.allowed = part
            self.turn.notify_all()

    def finish_feeding(self):
        with self.turn:
            self.ended = True
            self.turn.notify_all()

    def check(self, lines, said):
        """Every line of every publisher, once and in its order."""
        for index in range(PUBLISHERS):
            name = b"p%d" % index
            own = [line for line in lines if line.startswith(name + b" ")]
            self.assertTrue(own == [b"%s %d" % (name, number) for number in range(LINES)], f"{said}: lines of {name!r} are lost, "
                            f"doubled or out of order: {len(own)} of {LINES}")
        self.assertEqual(len(lines), PUBLISHERS * LINES, said)

    def test_aborts_in_a_row_lose_nothing(self):
        said, chance = f"ZRELAY_TEST_SEED={SEED}", random.Random(SEED)
        self.turn, self.allowed, self.ended = threading.Condition(), 0, False
        self.addCleanup(self.finish_feeding)
        manager = Manager("--data", self.path("data"), "--config",
                          self.file("zrelayd.conf", "server\n    heartbeat = 1000\n    tick = 20\n"))
        self.addCleanup(manager.stop)
        total = PUBLISHERS * LINES
        readers = [self.zrelay(manager.server, "sub", "r", "--all", "--count", str(total)) for _ in range(READERS)]
        publishers = [self.zrelay(manager.server, "pub", "r") for _ in range(PUBLISHERS)]
        for index, publisher in enumerate(publishers):
            threading.Thread(target=self.feed, args=(publisher, b"p%d" % index), daemon=True).start()
        for number in range(1, ABORTS + 1):
            # Some of the lines written since the last abort have arrived, and more are on their way.
            wanted = (number - 1) * total // (ABORTS + 1) + chance.randrange(1, total // (2 * ABORTS))
            wait_for(lambda: all(bytes(reader.out).count(b"\n") >= wanted for reader in readers),
                     f"{wanted} lines at the readers; {said}: {[reader.errors() for reader in readers]}")
            for _ in range(chance.randrange(1, 4)):  # before anybody is back, too
                manager.abort()
            self.assertEqual(manager.broker.epoch, manager.epoch, said)
            self.allow(number)
        for publisher in publishers:
            self.assertEqual(publisher.finish(), 0, f"{said}: {publisher.errors()}")
        for reader in readers:
            self.assertEqual(reader.finish(), 0, f"{said}: {reader.errors()}")
            self.check(reader.lines(), said)
        self.assertTrue(readers[0].lines() == readers[1].lines(), f"{said}: the readers saw different orders")
        manager.abort()
        history = self.run_zrelay(manager.server, "history", "r")
        self.assertTrue(history.lines() == readers[0].lines(), f"{said}: the log holds something else")
        self.assertEqual(set(manager.codes), {-signal.SIGABRT})


if __name__ == "__main__":
    unittest.main()
