"""Numbers through eight workers of a group, while kill -9 hits the broker and workers at random. Each number is done at least once. A number is done
twice only if it was in flight at a kill. A longer run: ZRELAY_TEST_NUMBERS=1000000 python3 test_groups_kill.py"""
import os
import random
import signal
import subprocess
import unittest

from harness import ZRELAY, TestCase, wait_for
from test_groups import FAST, GroupsCase

NUMBERS = int(os.environ.get("ZRELAY_TEST_NUMBERS", "96000"))
KILLS = max(6, NUMBERS // 16_000)
SEED = int(os.environ.get("ZRELAY_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)
WORKERS, CREDIT = 8, 100  # `zrelay sub --group` holds so many messages


class Worker:
    """`zrelay sub --group` with its output in files."""

    def __init__(self, case, broker, number):
        self.paths = case.path(f"out-{number}"), case.path(f"err-{number}")
        self.read = 0
        self.numbers, self.losses = [], 0  # since `take`
        with open(self.paths[0], "wb") as out, open(self.paths[1], "wb") as told:
            self.process = subprocess.Popen([ZRELAY, "--server", broker.server, "sub", "numbers", "--group", "g", "--deliveries", "1000"],
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=told, env=case.environment)
        case.addCleanup(lambda: (self.process.kill(), self.process.wait()))
        self.told = 0

    def look(self):
        """Reads the lines that are whole. Returns how many there are."""
        with open(self.paths[0], "rb") as file:
            file.seek(self.read)
            data = file.read()
        data = data[:data.rfind(b"\n") + 1]
        self.read += len(data)
        self.numbers += map(int, data.split())
        return len(self.numbers)

    def take(self):
        """The numbers since the last call, and how often the session was lost meanwhile."""
        self.look()
        with open(self.paths[1], "rb") as file:
            losses = file.read().count(b"lost the broker")
        found = self.numbers, losses - self.told
        self.numbers, self.told = [], losses
        return found


class Kills(GroupsCase, TestCase):
    def test_each_number_is_done_and_twice_only_if_it_was_in_flight(self):
        chance = random.Random(SEED)
        data = self.path("data")
        broker = self.broker("--data", data, config=FAST)
        publisher = self.zrelay(broker, "pub", "numbers")
        workers = [Worker(self, broker, number) for number in range(WORKERS)]
        alive, before, done, twice, killed = list(workers), 0, 0, 0, {"broker": 0, "worker": 0}
        for kill in range(KILLS):
            first, last = NUMBERS * kill // KILLS + 1, NUMBERS * (kill + 1) // KILLS
            publisher.write("".join(f"{n}\n" for n in range(first, last + 1)).encode())
            goal = chance.randrange(1, last - first + 1)
            wait_for(lambda: sum(worker.look() for worker in workers) >= goal, "some to be done")
            victim = "broker" if kill % 3 == 2 else "worker"
            killed[victim] += 1
            if victim == "broker":
                broker = self.restart(broker, "--data", data, config=FAST)
            else:
                worker = alive.pop(chance.randrange(len(alive)))
                worker.process.send_signal(signal.SIGKILL)
                worker.process.wait()
                workers.append(Worker(self, broker, len(workers)))
                alive.append(workers[-1])
            self.calm(broker, last)
            found = [worker.take() for worker in workers]
            numbers, losses = [number for numbers, _ in found for number in numbers], sum(losses for _, losses in found)
            these = [number for number in numbers if number >= first]
            self.assertEqual(set(these), set(range(first, last + 1)), f"seed {SEED}: numbers are missing")
            # What was stored as done is never done again. A worker whose session is lost may still write what it has.
            self.assertLessEqual(len(numbers) - len(these), CREDIT * before, f"seed {SEED}: done again in the next round")
            before = losses
            if victim == "worker":  # of a broker, all of this round may be in flight that is not stored
                self.assertLessEqual(len(these) - len(set(these)), CREDIT * (1 + losses), f"seed {SEED}: more done again than a worker has")
            done += len(numbers)
            twice += len(numbers) - len(set(these))
        publisher.close_stdin()
        self.assertEqual(publisher.finish(), 0, publisher.errors())
        self.assertEqual(self.group(broker, "numbers")["died"], 0)
        print(f"seed {SEED}: {NUMBERS:,} numbers, kills: broker {killed['broker']}, workers {killed['worker']}; done {done:,} times, {twice:,} of them again")

    def calm(self, broker, last):
        """All numbers so far are done, and that is stored."""
        def over():
            row = self.group(broker, "numbers")
            return row and row["backlog"] == 0 and row["seq"] >= last
        wait_for(over, "all to be done")
        self.run_zrelay(broker, "pub", "calm", stdin=b"stored\n")  # its ack comes after a commit that has the group


if __name__ == "__main__":
    unittest.main()
