"""Guards the costs of a message (guard.py), and shows that the guard finds what is planted."""
import os
import unittest

import counts
import guard
import home

BUILD = os.environ["ZRELAY_BUILD"]


def setUpModule():
    home.own()


class Costs(unittest.TestCase):
    def test_instructions_are_within_their_bounds(self):
        self.assertEqual(guard.faults(guard.instructions(BUILD), guard.load()), [])

    def test_system_calls_are_within_their_bounds(self):
        self.assertEqual(guard.faults(guard.calls(BUILD), guard.load()), [])


class Plants(unittest.TestCase):
    def test_a_system_call_more_for_each_message_sent_is_found(self):
        found = guard.faults(guard.calls(BUILD, plant=os.path.join(BUILD, "tests/bench/plant.so")), guard.load())
        self.assertTrue(any(line.startswith("broker, other:") for line in found), found)
        self.assertTrue(any(line.startswith("library, other:") for line in found), found)

    def test_a_tenth_more_instructions_are_found(self):
        bounds = guard.load()
        for case in counts.CORE:
            name = guard.core_name(*case)
            rounds = round(bounds["instructions"][name] / 10 / 2)  # two instructions each
            found = counts.core(BUILD, guard.MESSAGES, *case, extra=rounds)
            self.assertEqual(len(guard.faults({name: found}, bounds)), 1, (name, found))


class Faults(unittest.TestCase):
    BOUNDS = {"allowed": {"instructions": {"part": 0.05, "and": 2}, "calls": {"part": 0, "and": 0.5}, "waking": {"part": 0.2, "and": 0}},
              "instructions": {"core": 100}, "calls": {"broker, other": 3}, "waking": {"broker, waking": 40}}

    def test_both_sides_of_each_bound(self):
        for name, most in (("core", 107), ("broker, other", 3.5), ("broker, waking", 48)):
            self.assertEqual(guard.faults({name: most}, self.BOUNDS), [])
            self.assertEqual(len(guard.faults({name: most + 0.01}, self.BOUNDS)), 1)


if __name__ == "__main__":
    unittest.main()
