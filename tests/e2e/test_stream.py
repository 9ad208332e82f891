"""Whole streams through the real programs: files, slow readers, restarts, parallel jobs."""
import os
import random
import signal
import subprocess
import unittest

from harness import BUILD, Program, TestCase, wait_for

FAST = "server\n    heartbeat = 500\n"


def log_file(lines):
    """Lines as a web server writes them, of very different lengths, some empty, some not UTF-8."""
    pick = random.Random(7)
    made = []
    for number in range(lines):
        kind = pick.randrange(100)
        if kind == 0:
            made.append(b"")
        elif kind == 1:
            made.append(bytes(pick.randrange(11, 256) for _ in range(pick.randrange(1, 80))).replace(b"\n", b"?"))
        elif kind == 2:
            made.append(b"%d stack trace: " % number + b"frame " * pick.randrange(1, 400))
        else:
            made.append(b'10.0.%d.%d - - [20/Nov/2026:10:%02d:%02d +0000] "GET /item/%d HTTP/1.1" 200 %d' % (
                pick.randrange(256), pick.randrange(256), pick.randrange(60), pick.randrange(60), number, pick.randrange(99999)))
    return b"\n".join(made) + b"\n"


class Stream(TestCase):
    def test_file_arrives_byte_for_byte_at_two_readers(self):
        lines = 100_000
        content = log_file(lines)
        broker = self.broker()
        outputs = [self.path("one"), self.path("two")]
        readers = []
        for output in outputs:
            with open(output, "wb") as file:
                reader = subprocess.Popen([os.environ.get("ZRELAY", os.path.join(BUILD, "client/zrelay")), "-s", broker.server,
                                           "sub", "logs", "--count", str(lines)], stdout=file, env=self.environment)
            self.addCleanup(reader.kill)
            readers.append(reader)
        self.wait_members(broker, "logs", 2)
        with open(self.file("log", content), "rb") as file:
            publisher = self.zrelay(broker, "pub", "logs", stdin=file)
            self.assertEqual(publisher.finish(), 0, publisher.errors())
        for reader, output in zip(readers, outputs):
            self.assertEqual(reader.wait(60), 0)
            with open(output, "rb") as file:
                self.assertTrue(file.read() == content, f"{output} differs from what was published")

    def test_sleeping_reader_with_a_tiny_queue_repairs_itself(self):
        count = 200_000
        # Queues so small, and messages so long, that most of the burst can wait for the sleeper nowhere: all of it is stopped.
        broker = self.broker(config="server\n    heartbeat = 5000\n    tick = 20\nlimits\n    reader-queue = 16\n    batch-bytes = 4k\n")
        sleeper = Program([os.path.join(BUILD, "tests/e2e/sleeper"), broker.server, "burst", "65536", str(count)])
        self.addCleanup(sleeper.end)
        sleeper.wait_out("^live$")
        awake = self.zrelay(broker, "sub", "burst", "--count", str(count))
        self.wait_members(broker, "burst", 2)
        numbers = b"".join(b"%0100d\n" % number for number in range(1, count + 1))
        sleeper.signal(signal.SIGSTOP)
        self.run_zrelay(broker, "pub", "burst", stdin=numbers)
        self.assertEqual(awake.finish(), 0, awake.errors())  # while the other one sleeps
        self.assertTrue(bytes(awake.out) == numbers)
        self.assertEqual(sleeper.lines(), [b"live"])
        sleeper.signal(signal.SIGCONT)
        sleeper.write(b"wake up\n")
        self.assertEqual(sleeper.finish(), 0, sleeper.errors())
        self.assertTrue(b"\n".join(sleeper.lines()[1:]) + b"\n" == numbers, "not each message once, in order")
        self.assertRegex(sleeper.errors(), r"gaps: [1-9]")  # else nothing was tested

    def test_kill_and_restart_in_memory_mode(self):
        broker = self.broker(config=FAST)
        reader = self.zrelay(broker, "sub", "news")
        publisher = self.zrelay(broker, "pub", "--json", "news")
        self.wait_members(broker, "news", 1)
        publisher.write(b"before\n")
        reader.wait_out("^before$")
        publisher.wait_out('"seq": *1')  # acked, or it would be published again to the new log
        again = self.restart(broker, config=FAST)
        self.assertNotEqual(again.epoch, broker.epoch)
        publisher.write(b"after\n")
        reader.wait_out("^after$")
        reader.wait_err("epoch")
        publisher.close_stdin()
        self.assertEqual(publisher.finish(), 0, publisher.errors())
        self.assertEqual(reader.lines(), [b"before", b"after"])

    def test_a_killed_broker_is_noticed_without_a_heartbeat(self):
        config = "server\n    heartbeat = 3600000\n"  # only the end of the connection can tell
        broker = self.broker(config=config)
        reader = self.zrelay(broker, "--nick", "reader", "sub", "-v", "news")
        chat = self.zrelay(broker, "--nick", "ann", "chat", "news")
        publisher = self.zrelay(broker, "pub", "-v", "news")
        self.wait_members(broker, "news", 2)
        publisher.write(b"before\n")
        reader.wait_out("^before$")
        broker.signal(signal.SIGKILL)
        broker.finish()
        for program in (reader, chat, publisher):
            program.wait_err(r"lost the broker \(the connection to the broker broke\)")
        chat.write(b"typed meanwhile\n")
        self.broker("--listen", broker.server, "--back", broker.back, config=config)
        chat.wait_err("connected again")
        reader.wait_out("^typed meanwhile$")
        publisher.write(b"after\n")
        reader.wait_out("^after$")
        chat.wait_out(": after$")
        for program in (reader, chat, publisher):
            self.assertEqual(program.errors().count("lost the broker"), 1, program.errors())

    def test_messages_queued_while_the_broker_is_away_arrive(self):
        broker = self.broker(config=FAST)
        publisher = self.zrelay(broker, "pub", "queue")
        publisher.write(b"0\n")
        wait_for(lambda: self.run_zrelay(broker, "history", "queue").lines() == [b"0"], "the first message")
        broker.signal(signal.SIGKILL)
        broker.finish()
        publisher.write(b"".join(b"%d\n" % number for number in range(1, 1001)))
        publisher.close_stdin()
        again = self.broker("--listen", broker.server, "--back", broker.back, config=FAST)
        self.assertEqual(publisher.finish(), 0, publisher.errors())
        got = self.run_zrelay(again, "history", "queue").lines()
        # The first one may be resent: its ack can have been lost with the broker.
        self.assertEqual([line for line in got if line != b"0"], [b"%d" % number for number in range(1, 1001)])

    def test_four_jobs_at_once_and_none_lost(self):
        broker = self.broker()
        # Each of the first four waits until four have begun, so fewer than four at once would hang; the rest count how many run.
        script = self.file("job", f"""
            cd {self.folder}
            number=$(cat)
            touch running.$number begun.$number
            if [ "$number" -le 4 ]; then until [ "$(ls begun.* | wc -l)" -ge 4 ]; do sleep 0.01; done; fi
            ls running.* | wc -l >> most
            echo "$number $ZRELAY_ROOM $ZRELAY_SEQ $ZRELAY_SENDER" >> done
            rm running.$number
            """)
        reader = self.zrelay(broker, "sub", "work", "--count", "20", "--exec", f"sh {script}", "--jobs", "4")
        self.wait_members(broker, "work", 1)
        self.run_zrelay(broker, "--nick", "boss", "pub", "work", stdin=b"".join(b"%d\n" % n for n in range(1, 21)))
        self.assertEqual(reader.finish(), 0, reader.errors())
        with open(self.path("done")) as file:
            self.assertEqual(sorted(file.read().splitlines(), key=lambda line: int(line.split()[0])),
                             [f"{n} work {n} boss" for n in range(1, 21)])
        with open(self.path("most")) as file:
            self.assertEqual(max(map(int, file.read().split())), 4)


if __name__ == "__main__":
    unittest.main()
