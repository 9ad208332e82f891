"""Tests of what the benchmarks compute and draw."""
import os
import random
import statistics
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

import chart
import cluster
import cluster_crowd
import cluster_faults
import home
import interval


class Interval(unittest.TestCase):
    def test_few_values_give_all_of_them_and_what_they_reach(self):
        self.assertEqual(interval.interval([3]), (3, 3, 0.0))
        self.assertEqual(interval.interval([5, 1, 4, 2, 3]), (1, 5, 0.9375))

    def test_six_values_reach_95_percent_and_five_do_not(self):
        self.assertLess(interval.interval(range(5))[2], interval.WANTED)
        self.assertGreaterEqual(interval.interval(range(6))[2], interval.WANTED)

    def test_outliers_are_left_out_as_soon_as_the_rest_suffices(self):
        self.assertEqual(interval.interval(range(8))[:2], (0, 7))
        self.assertEqual(interval.interval(range(9))[:2], (1, 7))
        self.assertEqual(interval.interval(range(12))[:2], (2, 9))

    def test_it_holds_the_median_as_often_as_it_says(self):
        chance = random.Random(1)
        tries, held = 4000, 0
        for _ in range(tries):
            low, high, coverage = interval.interval([chance.expovariate(1) for _ in range(9)])
            held += low <= 0.6931 <= high  # the median of that distribution
        self.assertAlmostEqual(held / tries, coverage, delta=0.015)

    def test_ratios_are_within_a_round(self):
        self.assertEqual(interval.ratios([2, 9], [1, 3]), [2, 3])

    def test_a_bound_within_the_interval_decides_nothing(self):
        values = [1.8, 1.9, 2.1, 2.2, 2.3, 2.4, 2.5]
        self.assertEqual(interval.verdict(values, 1.7, most=False), "holds")
        self.assertEqual(interval.verdict(values, 2.6, most=False), "does not hold")
        self.assertEqual(interval.verdict(values, 2.0, most=False), "undecided, holds at the median")
        self.assertEqual(interval.verdict(values, 2.3, most=False), "undecided, does not hold at the median")
        self.assertEqual(interval.verdict(values, 2.6, most=True), "holds")
        self.assertEqual(interval.verdict(values, 1.7, most=True), "does not hold")
        self.assertEqual(interval.verdict([2.0], 2.0, most=False), "holds")


class Chart(unittest.TestCase):
    def test_it_is_a_picture_that_says_what_is_better(self):
        groups = [("one to one", "longer", "{} M/s".format, [("zrelay", 1, 2, 3), ("a < b & c", 1, 1, 1)]),
                  ("latency", "shorter", "{} µs".format, [("zrelay", 5, 5, 5)])]
        page = chart.bars("title", "note", groups, "zrelay")
        texts = [node.toxml() for node in xml.dom.minidom.parseString(page).getElementsByTagName("text")]
        self.assertTrue(any("longer bars are better" in text for text in texts))
        self.assertTrue(any("shorter bars are better" in text for text in texts))
        self.assertTrue(any("a &lt; b &amp; c" in text for text in texts))

    def test_the_longest_line_fits(self):
        page = chart.bars("", "", [("work", "longer", str, [("one", 1, 10, 40), ("other", 1, 2, 3)])], "one")
        lines = [node for node in xml.dom.minidom.parseString(page).getElementsByTagName("line")]
        self.assertEqual(float(lines[0].getAttribute("x2")), chart.WIDTH - chart.RIGHT)
        widths = [float(node.getAttribute("width")) for node in xml.dom.minidom.parseString(page).getElementsByTagName("rect")[1:]]
        self.assertEqual([round(width / widths[1], 3) for width in widths], [5, 1])


class Home(unittest.TestCase):
    def test_programs_have_an_empty_home_until_the_end(self):
        code = ("import home, os, subprocess; folder = home.own();"
                "assert os.listdir(folder) == [] and 'ZRELAY_SERVER' not in os.environ;"
                "subprocess.run(['sh', '-c', 'echo mine > $XDG_CONFIG_HOME/zrelay.conf'], check=True);"
                "assert os.listdir(folder) == ['zrelay.conf']; print(folder)")
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "XDG_CONFIG_HOME": folder, "ZRELAY_SERVER": "tcp://example.org:1"}
            done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
            self.assertEqual(os.listdir(folder), [])
        self.assertFalse(os.path.exists(done.stdout.strip()))


class OfACluster(unittest.TestCase):
    def test_the_percentile_of_few_values_is_one_of_them(self):
        self.assertEqual([cluster.percentile([3, 1, 2], part) for part in (0.01, 0.5, 0.99)], [1, 2, 3])
        self.assertEqual(cluster.percentile(range(1, 101), 0.99), 99)

    def test_a_pause_counts_when_it_ends_after_the_failure(self):
        times = [0, 5, 6, 9, 10]
        self.assertEqual(cluster_faults.pause(times, 5.5), 3)
        self.assertEqual(cluster_faults.pause(times, 4), 5)
        self.assertEqual(cluster_faults.pause(times, 9), 1)
        self.assertEqual(cluster_faults.pause(times, 10), 0)
        self.assertEqual(cluster_faults.pause([], 0), 0)

    def test_the_busiest_second_is_found_between_two_moments(self):
        samples = [(0, 0), (0.5, 0.1), (1, 0.2), (1.5, 0.9), (2, 1.1), (2.5, 1.2), (3, 1.2)]
        self.assertAlmostEqual(cluster_crowd.load(samples, 0, 3, 1), 0.9)
        self.assertAlmostEqual(cluster_crowd.load(samples, 0, 1, 1), 0.2)
        self.assertEqual(cluster_crowd.load(samples, 2.2, 3, 1), 0)

    def test_a_fan_out_is_shown_beside_one_broker(self):
        figures = {leaves: [(100, 10 * (leaves + 1), 20)] * 6 for leaves in cluster.LEAVES}
        rows = cluster.fanout_table(figures).splitlines()[2:]
        self.assertEqual([row.split(" | ")[3] for row in rows], [f"{times:.2f} ({times:.2f} – {times:.2f})" for times in (1, 2, 3, 4)])

    def test_acks_are_compared_within_a_round(self):
        ours, theirs = [{"per_s": 200, "p50": 1000, "p99": 9000}] * 6, [{"per_s": 100, "p50": 2000, "p99": 8000}] * 6
        rows = cluster.acks_table({(50, 1): {cluster.ZRELAY: ours, cluster.STREAM: theirs}}).splitlines()[2:]
        self.assertIn("| 50 publishers, 1 unacknowledged each | " + cluster.STREAM + " | 100 (100 – 100) | 2.00 (2.00 – 2.00) | 2.00", rows[1])

    def test_a_crowd_that_lost_a_message_or_came_late_fails(self):
        good = {"whole": True, "received": 9, "missing": 0, "disordered": 0, "lost": 0,
                "restart": {"back": 5, "first_back_s": 1, "last_back_s": 2, "caught_up_s": 15}}
        leader = (0.1, 0.6, 10, 20)

        def verdicts(result, leader=leader):
            row = " | ".join(cluster_crowd.row(10, result, leader))
            return "**does not hold**" in row, "**NOT WHOLE**" in row, "**not flat**" in row
        self.assertEqual(verdicts(good), (False, False, False))
        self.assertEqual(verdicts({**good, "restart": {**good["restart"], "caught_up_s": 15.1}}), (True, False, False))
        self.assertEqual(verdicts({**good, "restart": {**good["restart"], "caught_up_s": None}}), (True, False, False))
        self.assertEqual(verdicts({**good, "restart": {**good["restart"], "back": 4}}), (True, False, False))
        self.assertEqual(verdicts({**good, "whole": False, "missing": 1}), (True, True, False))
        self.assertEqual(verdicts(good, (0.1, 0.7, 10, 20)), (False, False, True))


class Medians(unittest.TestCase):
    def test_the_median_lies_in_its_interval(self):
        chance = random.Random(2)
        for count in range(1, 30):
            values = [chance.random() for _ in range(count)]
            low, high, _ = interval.interval(values)
            self.assertTrue(low <= statistics.median(values) <= high)


if __name__ == "__main__":
    unittest.main()
