#!/usr/bin/python3
"""The kit judged: each planted fault must be found, and the rules stand on the page. BUILD is the build folder; with KIT_ALL no other case of
its side may fail either."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import cases_publish  # noqa: F401  these two fill the table
import cases_read_again  # noqa: F401
import faulty
import rules
from clients import BUILD, EVENTS, PYTHON
from table import CASES, LEVELS

ALL = os.environ.get("KIT_ALL")
HERE = pathlib.Path(__file__).resolve().parent
ZRELAYD = os.environ.get("ZRELAYD", BUILD / "broker/zrelayd")


def kit(*arguments):
    """The exit status, stdout and stderr of a run."""
    done = subprocess.run([sys.executable, HERE / "kit", "--zrelayd", ZRELAYD, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def judge(client, *cases):
    """The names of the cases that this client of faulty.py failed."""
    command = f"{PYTHON} {HERE}/{client} --server {{front}} --room {{room}} --nick {{nick}}"
    arguments = [word for case in cases for word in ("--case", case)]
    status, out, errors = kit("--json", "--timeout", "30" if ALL else "15", "--jobs", "8", "--tells", EVENTS, "--read", command,
                              "--publish", f"sed -u 's/^/publish /' | {command}", *arguments)
    rows = [json.loads(line) for line in out.splitlines()]
    failed = {row["case"] for row in rows if row["result"] == "failed"}
    assert status == (4 if failed else 0), (status, out, errors)
    return failed


class Faults(unittest.TestCase):
    @staticmethod
    def failed(fault):
        """Of the cases that must find the fault and of others; they mostly wait, so some faults are judged at a time."""
        expected = set(fault.fails.split())
        sides = {each.split("-")[0] for each in expected}
        return judge(f"faulty.py {fault.__name__}", *expected, *[side + ("-*" if ALL else "-plain") for side in sides])

    def test_each_fault_is_found(self):
        with concurrent.futures.ThreadPoolExecutor(1 if ALL else 10) as pool:
            for fault, failed in zip(faulty.FAULTS.values(), pool.map(self.failed, faulty.FAULTS.values())):
                with self.subTest(fault.__name__):
                    must, may = set(fault.fails.split()), set(fault.may.split())
                    self.assertEqual(must - failed, set(), "cases that did not find it")
                    self.assertEqual(failed - must - may, set(), "cases that have nothing to do with it")

    def test_each_case_finds_a_fault(self):
        found = {name for fault in faulty.FAULTS.values() for name in fault.fails.split()}
        self.assertEqual(found, {case.name for case in CASES})


class Page(unittest.TestCase):
    def test_rules_stand_on_the_page(self):
        page = (HERE.parents[2] / "common/PROTOCOL.md").read_text(encoding="utf-8")
        sections = {}
        for part in page.split("\n## ")[1:]:
            sections[re.match(r"(\d+(?=\.)|[^\n]+)", part)[1]] = part
        for name, rule in rules.ALL.items():
            self.assertIn(rule.text, sections[rule.section], name)

    def test_readme_counts_the_cases(self):
        rows = [line for line in (HERE / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
        for level in LEVELS:
            row = next(line for line in rows if line.startswith(f"| `{level}` "))
            self.assertEqual(row.split()[-2], str(sum(case.level == level for case in CASES)), level)


class Usage(unittest.TestCase):
    def test_usage(self):
        for arguments in ([], ["--read", "true", "--level", "king"], ["--read", "true", "--level", "writer"], ["--read", "true", "--case", "none"],
                          ["--read", "true", "--jobs", "0"], ["--nonsense"]):
            status, out, errors = kit(*arguments)
            self.assertEqual((status, out), (1, ""), arguments)
            self.assertIn("kit: ", errors)

    def test_no_broker(self):
        for program in ("/nonexistent", "/bin/false"):
            status, _, errors = kit("--read", "true", "--case", "read-plain", "--zrelayd", program)
            self.assertEqual(status, 1)
            self.assertIn(program, errors)

    def test_list(self):
        status, out, _ = kit("--list")
        self.assertEqual((status, len(out.splitlines())), (0, len(CASES)))

    def test_levels(self):
        status, out, _ = kit("--json", "--timeout", "1", "--read", "false", "--level", "reader", "--case", "read-older", "--case", "read-gap-one", "--case", "read-plain")
        rows = {row["case"]: row for row in map(json.loads, out.splitlines())}
        self.assertEqual(status, 4)
        self.assertEqual({name: row["result"] for name, row in rows.items()},
                         {"read-older": "passed", "read-plain": "failed", "read-gap-one": "not applicable"})
        self.assertIn("ended with status 1", rows["read-plain"]["seen"])


if __name__ == "__main__":
    unittest.main()
