"""Numbers through eight workers of a group, while kill -9 hits the broker and workers at random: each number is done at least once, and done
twice only if it was in flight at a kill. A longer run: ZRELAY_TEST_NUMBERS=1000000 python3 test_groups_kill.py"""
import os
import random
import signal
import subprocess
import unittest

from harness import ZRELAY, TestCase, wait_for
from test_groups import FAST, GroupsCase

NUMBERS = int(os.environ.get("ZRELAY_TEST_NUMBERS", "20000"))
KILLS = max(6, NUMBERS // 16_000)
SEED = int(os.environ.get("ZRELAY_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)
WORKERS, CREDIT = 8, 100  # `zrelay sub --group` holds so many messages
WORK = ["sub", "numbers", "--group", "g", "--deliveries", "1000"]


class Worker:
    """`zrelay sub --group` with its output in a file."""

    def __init__(self, case, broker, number):
        self.path = case.path(f"out-{number}")
        self.read = 0
        self.numbers = []
        self.flights = []  # places in `numbers` around which messages were in flight at a kill
        with open(self.path, "wb") as out:
            self.program = case.zrelay_to(broker, out, *WORK)

    def look(self):
        """Takes the lines that are whole. Returns how many there are in all."""
        with open(self.path, "rb") as file:
            file.seek(self.read)
            data = file.read()
        data = data[:data.rfind(b"\n") + 1]
        self.read += len(data)
        self.numbers += map(int, data.split())
        return len(self.numbers)

    def in_flight(self):
        """The numbers that may have been written and not stored as done at a kill, or held then and written later."""
        return {number for place in self.flights for number in self.numbers[max(0, place - CREDIT):place + CREDIT]}


class Kills(GroupsCase, TestCase):
    def zrelay_to(self, broker, out, *arguments):
        process = subprocess.Popen([ZRELAY, "--server", broker.server, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                                   env=self.environment)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        return process

    def test_each_number_is_done_and_twice_only_if_it_was_in_flight(self):
        chance = random.Random(SEED)
        data = self.path("data")
        broker = self.broker("--data", data, config=FAST)
        publisher = self.zrelay(broker, "pub", "numbers")
        workers = [Worker(self, broker, number) for number in range(WORKERS)]
        alive, done, killed = list(workers), 0, {"broker": 0, "worker": 0}
        for kill in range(KILLS):
            first, last = NUMBERS * kill // KILLS + 1, NUMBERS * (kill + 1) // KILLS
            publisher.write("".join(f"{n}\n" for n in range(first, last + 1)).encode())
            goal = done + chance.randrange(1, last - first + 1)
            wait_for(lambda: sum(worker.look() for worker in workers) >= min(goal, last), "some to be done")
            if kill % 3 == 2:
                broker = self.restart(broker, "--data", data, config=FAST)
                killed["broker"] += 1
                for worker in alive:
                    worker.flights.append(worker.look())
            else:
                victim = alive.pop(chance.randrange(len(alive)))
                victim.program.send_signal(signal.SIGKILL)
                victim.program.wait()
                killed["worker"] += 1
                victim.flights.append(victim.look())
                workers.append(Worker(self, broker, len(workers)))
                alive.append(workers[-1])
            done = sum(worker.look() for worker in workers)
        publisher.close_stdin()
        self.assertEqual(publisher.finish(), 0, publisher.errors())
        wait_for(lambda: self.group(broker, "numbers")["backlog"] == 0, "all to be done")
        counts, in_flight = {}, set()
        for worker in workers:
            worker.look()
            in_flight |= worker.in_flight()
            for number in worker.numbers:
                counts[number] = counts.get(number, 0) + 1
        twice = {number for number, count in counts.items() if count > 1}
        print(f"seed {SEED}: {NUMBERS:,} numbers, kills: broker {killed['broker']}, workers {killed['worker']}; done {sum(counts.values()):,} times, "
              f"{len(twice):,} numbers more than once; at most {max(counts.values())} times")
        self.assertEqual(len(counts), NUMBERS, f"seed {SEED}: numbers are missing, such as {sorted(set(range(1, NUMBERS + 1)) - set(counts))[:5]}")
        self.assertEqual(twice - in_flight, set(), f"seed {SEED}: done again, and not in flight at a kill")
        self.assertEqual(self.group(broker, "numbers")["died"], 0)


if __name__ == "__main__":
    unittest.main()
