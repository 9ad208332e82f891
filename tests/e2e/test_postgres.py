"""zrelayd --store: messages acked in PostgreSQL survive kill -9 of broker and server. What a server doubts is not acked."""
import signal
import subprocess
import threading
import unittest

import test_durable
from harness import ZRELAYD, Program, publish_frame, wait_for
from postgres_case import Cluster, PostgresCase, installed
from test_durable import DISK, FAST, MEMORY

NUMBERS, REPLICATED = 10000, 3


def setUpModule():
    if not installed():
        raise unittest.SkipTest("PostgreSQL is not installed, or zrelayd was built without libpq")


class Killed(PostgresCase):
    def feed(self, pub):
        for first in range(1, NUMBERS, 500):
            pub.write(b"".join(b"%d\n" % number for number in range(first, first + 500)))
            with self.more:
                self.more.wait_for(lambda at=first: self.seen() > at - 1000)
        pub.close_stdin()

    def seen(self):
        return bytes(self.sub.out).count(b"\n")

    def await_seen(self, count, programs):
        def look():
            with self.more:
                self.more.notify()
            return self.seen() >= count
        wait_for(look, f"{count} numbers at the reader: {self.seen()} {[program.errors() for program in programs]}")

    def test_every_number_once_and_in_order(self):
        self.more = threading.Condition()
        broker = self.durable(config=FAST)
        epoch = broker.epoch
        self.sub = self.zrelay(broker, "sub", "n", "--all", "--count", str(NUMBERS))
        pub = self.zrelay(broker, "pub", "n")
        threading.Thread(target=self.feed, args=(pub,), daemon=True).start()
        for part in (1, 2, 3):
            self.await_seen(part * NUMBERS // 5, (broker, pub, self.sub))
            if part != 2:
                self.cluster.script("kill")
                self.cluster.script("again")
            if part != 1:
                broker = self.again(broker, config=FAST)
                self.assertEqual(broker.epoch, epoch)
        self.await_seen(NUMBERS, (broker, pub, self.sub))
        self.assertEqual((pub.finish(), self.sub.finish()), (0, 0), pub.errors() + self.sub.errors())
        expected = b"".join(b"%d\n" % number for number in range(1, NUMBERS + 1))
        self.assertTrue(bytes(self.sub.out) == expected, "the reader saw something else")
        history = self.run_zrelay(broker, "history", "n")
        self.assertTrue(bytes(history.out) == expected, "the log holds something else")


class Restarted(PostgresCase):
    """What holds for a log on disk holds here."""
    publish, history, stop = test_durable.DurableCase.publish, test_durable.DurableCase.history, test_durable.DurableCase.stop
    test_epoch_positions_and_state_stay = test_durable.Restarted.test_epoch_positions_and_state_stay
    test_resends_are_not_stored_again = test_durable.Restarted.test_resends_are_not_stored_again

    def setUp(self):
        super().setUp()
        self.store = self.cluster.uri


class Leader(PostgresCase):
    publish, history = test_durable.DurableCase.publish, test_durable.DurableCase.history

    def test_one_broker_leads(self):
        first = self.durable(config=FAST)
        second = Program([ZRELAYD, "--listen", "tcp://127.0.0.1:*", "--store", self.cluster.uri], stdin=subprocess.DEVNULL)
        self.addCleanup(second.end)
        peer = self.peer(first)
        self.assertEqual(self.publish(peer, "r", (1, b"a")), (DISK, 1, 1))
        self.assertEqual(second.finish(), 1)
        self.assertRegex(second.errors(), r"another broker leads the log in this database \(\S+ pid \d+\)")

        # As if the first one had not been heard of for longer than its lease lasts.
        self.cluster.sql("UPDATE zrelay.lease SET until = '-infinity', pid = 0")
        third = self.durable(config=FAST)
        self.assertEqual(third.epoch, first.epoch)
        peer.send(publish_frame("r", (2, b"b")))
        self.assertEqual(first.finish(), 1, first.errors())
        self.assertIn("another broker leads", first.errors())
        later = self.peer(third, client=peer.client)
        self.assertEqual(self.publish(later, "r", (1, b"a"), (2, b"b"))[:2], (DISK, 2))
        self.assertEqual(self.history(third, "r"), [b"a", b"b"])

    def test_a_database_that_lost_messages_ends_the_broker(self):
        broker = self.durable(config=FAST)
        peer = self.peer(broker)
        self.assertEqual(self.publish(peer, "r", (1, b"a")), (DISK, 1, 1))
        self.cluster.sql("UPDATE zrelay.lease SET batch = 0; "
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zrelayd'")
        self.assertEqual(broker.finish(), 1)
        self.assertIn("the database lost messages that it had confirmed", broker.errors())
        self.assertNotEqual(self.durable().epoch, broker.epoch)

    def test_what_cannot_be_used_is_refused(self):
        self.assertIn("holds a password", self.refused("--store", "postgresql://zrelay:secret@localhost/postgres"))
        self.assertIn("take one of them away", self.refused("--store", self.cluster.uri, "--data", self.path("data")))
        self.assertIn("write postgresql://", self.refused("--store", "mysql://localhost"))
        self.assertIn("cannot connect", self.refused("--store", f"postgresql:///postgres?host={self.path('nowhere')}"))
        self.assertIn("cannot connect", self.refused("--store", f"postgresql:///postgres?host={self.path('nowhere')}", "--check-config"))
        self.cluster.sql("CREATE SCHEMA zrelay; CREATE TABLE zrelay.migrations AS SELECT 99 AS version")
        self.assertIn("newer zrelayd", self.refused("--store", self.cluster.uri))


class Moved(PostgresCase):
    publish, history = test_durable.DurableCase.publish, test_durable.DurableCase.history

    def test_a_log_on_disk_goes_on_in_the_database(self):
        data = self.path("data")
        config = FAST + "room\n    pattern = short\n    max-entries = 2\n"
        broker = self.broker("--data", data, config=config)
        numbers = b"".join(b"%d\n" % number for number in range(1, 3001))
        self.run_zrelay(broker, "pub", "n", stdin=numbers)
        self.run_zrelay(broker, "state", "cfg", "set", "colour", "green")
        self.run_zrelay(broker, "sub", "n", "--group", "workers", "--count", "10")
        peer = self.peer(broker)
        self.assertEqual(self.publish(peer, "short", *[(mid, b"%d" % mid) for mid in range(1, 6)]), (DISK, 5, 5))
        wait_for(lambda: self.history(broker, "short") == [b"4", b"5"], "retention")
        broker.signal(signal.SIGTERM)
        broker.finish()

        copied = subprocess.run([ZRELAYD, "--store", self.cluster.uri, "--copy", data], capture_output=True, check=False)
        self.assertEqual((copied.returncode, copied.stderr.count(b"\n")), (0, 1), copied.stderr)  # fsync is off, it says
        self.assertIn("the database has a log already", self.refused("--store", self.cluster.uri, "--copy", data))
        self.assertIn("there is no log", self.refused("--store", self.cluster.uri, "--copy", self.path("nothing")))
        moved = self.durable(config=config)
        self.assertEqual(moved.epoch, broker.epoch)
        self.assertEqual(bytes(self.run_zrelay(moved, "history", "n").out), numbers)
        self.assertEqual(self.history(moved, "short"), [b"4", b"5"])
        self.assertEqual(self.run_zrelay(moved, "state", "cfg", "get", "colour").text(), "green\n")
        self.assertRegex(self.run_zrelay(moved, "groups", "n").text(), r"\An\tworkers\t2990\t")
        later = self.peer(moved, client=peer.client)
        self.assertEqual(self.publish(later, "short", (5, b"5"), (6, b"6"))[:2], (DISK, 6))
        answer = later.ask(op="join", room="short", after=2)
        self.assertEqual((answer["seq"], answer["recovered"]), (6, False))
        self.assertNotEqual(self.broker("--data", data, config=config).epoch, broker.epoch)


class Replicated(PostgresCase):
    LEVELS = FAST + "room\n    pattern = disk\n    level = disk\nroom\n    pattern = memory\n    level = memory\n"
    settings = ("synchronous_standby_names = 'standby'", "synchronous_commit = local", "wal_receiver_timeout = 1s", "wal_sender_timeout = 1s")
    publish, history = test_durable.DurableCase.publish, test_durable.DurableCase.history

    def setUp(self):
        super().setUp()
        self.standby = Cluster(self.cluster.folder, command="standby")
        self.addCleanup(self.standby.remove)

    def refuses(self, broker):
        answer = self.publish(self.peer(broker), "r", (1, b"c"))
        return isinstance(answer, dict) and answer["code"] == "store-failed"

    def test_a_cancelled_wait_for_the_standby_is_no_ack(self):
        broker = self.durable(config=self.LEVELS)
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["level"], "replicated")
        self.assertEqual(self.publish(peer, "disk", (1, b"x"))[0], REPLICATED)
        self.assertEqual(self.publish(peer, "memory", (2, b"x"))[0], MEMORY)
        self.assertIn("on disk of several machines", self.run_zrelay(broker, "pub", "disk", "-v", stdin=b"y\n").errors())
        self.run_zrelay(broker, "pub", "r", stdin=b"a\n")
        self.standby.script("stop", "immediate")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zrelayd' AND wait_event = 'SyncRep'"
        pub = self.zrelay(broker, "pub", "r", "b")
        for _ in range(2):  # the commit itself; then that of the lease, which asks for its fate
            wait_for(lambda: self.cluster.sql(waits) != "0", "a commit that waits")
            self.cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'zrelayd' AND wait_event = 'SyncRep'")
        wait_for(lambda: "doubts a commit" in broker.errors(), "a line about it")
        wait_for(lambda: self.cluster.sql(waits) != "0", "the next try")
        self.assertEqual(self.cluster.sql("SELECT max(last) FROM zrelay.frames"), "2")  # visible, and not safe
        self.assertEqual(self.history(broker, "r"), [b"a"])
        self.assertIsNone(pub.process.poll(), "it was acknowledged")
        self.standby.script("again")
        self.assertEqual(pub.finish(), 0, pub.errors())
        self.assertEqual(self.history(broker, "r"), [b"a", b"b"])
        broker = self.again(broker, config=self.LEVELS)
        self.assertEqual(self.history(broker, "r"), [b"a", b"b"])

        # Without standbys it does not store what it would acknowledge as replicated.
        self.cluster.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.cluster.sql("SELECT pg_reload_conf()")
        wait_for(lambda: self.cluster.sql("SHOW synchronous_standby_names") == "", "the setting")
        wait_for(lambda: self.refuses(broker), "a refusal")
        wait_for(lambda: "no standby confirms" in broker.errors(), "a line about it")
