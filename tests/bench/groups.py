#!/usr/bin/python3
"""Workers that share a stream: a group of zrelay, a pull consumer of NATS JetStream, and a consumer group of Redis Streams, in interleaved rounds.

Items of 100 bytes lie in the stream before the workers begin; each item is acknowledged by itself. An item counts when the server has it as done.
Also: the time from publish to worker at 1,000/s beside a plain reader's, and how busy `zrelay sub --group --exec` keeps its jobs.

Usage: tests/bench/groups.py [--build DIR] [--rounds N] [--messages N] [--only NAME,…] [--write]
Missing peers are left out and named; `broker/etc/install-packages tests/bench/packages` installs them. Nothing else should run meanwhile."""
import argparse
import importlib.machinery
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import home
import interval
import results

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERS = [1, 4, 16]
RATE, SECONDS = 1000, 5
COMMANDS, NAP, JOBS = 1000, 0.01, 8


def load_peers():
    """The servers of the script `peers`."""
    loader = importlib.machinery.SourceFileLoader("peers", os.path.join(HERE, "peers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers", loader))
    loader.exec_module(module)
    return module


peers = load_peers()


class Redis(peers.Redis):
    def start(self, build, folder):
        self.at = peers.free_port()
        self.spawn(["redis-server", "--bind", "127.0.0.1", "--port", str(self.at), "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                    "--dir", folder])
        self.wait_port()


ZRELAY, MEMORY, STREAM, REDIS = "zrelay --data (synced)", "zrelay, in memory", "JetStream file (not synced)", "Redis Streams (synced)"
CONTESTANTS = {
    ZRELAY: ("zrelay", peers.Zrelay(ZRELAY, options=["--data", "{folder}/zrelay"])),
    MEMORY: ("zrelay", peers.Zrelay(MEMORY)),
    STREAM: ("jetstream", peers.JetStream(STREAM)),
    REDIS: ("redis", Redis(REDIS)),
}
GOAL, LATENCY_GOAL, JOBS_GOAL = 4, 1.5, 0.85


class Server:
    """A fresh server of a contestant, for a `with`."""

    def __init__(self, name, given):
        self.protocol, self.contestant = CONTESTANTS[name]
        self.build = given.build

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="zrelay-bench-")
        self.contestant.start(self.build, self.folder)
        return self

    def __exit__(self, *_):
        self.contestant.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def generate(self, *options):
        command = [os.path.join(self.build, "tests/bench/groups_generator"), self.protocol, str(self.contestant.at), *map(str, options)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{self.contestant.name}: {run.stderr.strip()}")
        return json.loads(run.stdout)


def drain(name, workers, given):
    """Items a second."""
    with Server(name, given) as server:
        found = server.generate("--workers", workers, "--messages", given.messages)
    if found["twice"]:
        print(f"  {name}: {found['twice']} items came twice", file=sys.stderr)
    return found["per_s"]


def latency(given, plain):
    """Microseconds from publish to a worker, or to a plain reader: p50 and p99."""
    with Server(ZRELAY, given) as server:
        found = server.generate("--messages", RATE * SECONDS, "--rate", RATE, "--plain", int(plain))
    return found["p50"], found["p99"]


COMMAND = f"exec sleep {NAP}"


def jobs(given):
    """Seconds for all commands by `zrelay sub --group --exec`."""
    with Server(ZRELAY, given) as server:
        zrelay = [os.path.join(given.build, "client/zrelay"), "-s", server.contestant.at]
        subprocess.run([*zrelay, "pub", "naps"], input=b"x\n" * COMMANDS, check=True)
        begin = time.monotonic()
        subprocess.run([*zrelay, "sub", "naps", "--group", "g", "--jobs", str(JOBS), "--count", str(COMMANDS), "--exec", COMMAND],
                       check=True, stdin=subprocess.DEVNULL)
        return time.monotonic() - begin


def xargs(count, places):
    """Seconds for so many commands by xargs, which has the messages already."""
    begin = time.monotonic()
    subprocess.run(["xargs", "-P", str(places), "-n", "1", "sh", "-c", COMMAND], input=b"x\n" * count, check=True)
    return time.monotonic() - begin


def ideal():
    """Seconds for all commands if each took as long as it takes alone, its start included."""
    return xargs(COMMANDS // 10, 1) * 10 / JOBS


# --- Tables ---

def shown(values, form="{:.2f}"):
    low, high, _ = interval.interval(values)
    return f"{form.format(statistics.median(values))} ({form.format(low)} – {form.format(high)})"


def goal(text, values, bound, most=False):
    return f"| {text} | {'≤' if most else '≥'} {bound} | {shown(values)} | {interval.verdict(values, bound, most)} |"


def tables(rates, latencies, parts):
    lines = ["| goal | wanted | found | |", "|---|---:|---:|---|"]
    for workers in WORKERS:
        at = {name: rates[name, workers] for name in CONTESTANTS if (name, workers) in rates}
        rivals = [at[name] for name in (STREAM, REDIS) if name in at]
        if ZRELAY in at and rivals:
            better = [max(values) for values in zip(*rivals)]
            lines.append(goal(f"items a second, {workers} worker{'s' * (workers > 1)}: zrelay to the better peer", interval.ratios(at[ZRELAY], better), GOAL))
    if latencies["group"]:
        lines.append(goal(f"p99 at {RATE:,}/s: worker to plain reader", interval.ratios([p99 for _, p99 in latencies["group"]],
                                                                                      [p99 for _, p99 in latencies["plain"]]), LATENCY_GOAL, True))
    if parts["zrelay"]:
        lines.append(goal(f"{COMMANDS:,} commands of {NAP * 1000:.0f} ms, {JOBS} jobs: part of the ideal", parts["zrelay"], JOBS_GOAL))
    lines += ["", "| items a second | " + " | ".join(f"{workers} worker{'s' * (workers > 1)}" for workers in WORKERS) + " |",
              "|---|" + "---:|" * len(WORKERS)]
    for name in CONTESTANTS:
        if (name, WORKERS[0]) in rates:
            lines.append(f"| {name} | " + " | ".join(shown(rates[name, workers], "{:,.0f}") for workers in WORKERS) + " |")
    if latencies["group"]:
        lines += ["", f"| from publish at {RATE:,}/s to | p50 | p99 |", "|---|---:|---:|"]
        for kind, title in (("group", "a worker"), ("plain", "a plain reader")):
            lines.append(f"| {title} | " + " | ".join(shown([pair[i] for pair in latencies[kind]], "{:,.0f}") + " µs" for i in (0, 1)) + " |")
    if parts["zrelay"]:
        lines += ["", f"| {COMMANDS:,} commands, {JOBS} at a time | part of the ideal |", "|---|---:|"]
        lines += [f"| `{title}` | {shown(parts[kind])} |" for kind, title in (("zrelay", "zrelay sub --group --exec"), ("xargs", "xargs -P"))]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"))
    parser.add_argument("--rounds", type=int, default=6, help="six or more give intervals of 95 %%")
    parser.add_argument("--messages", type=int, default=500_000, help="in the stream when the workers begin")
    parser.add_argument("--only", default="drain,latency,jobs")
    parser.add_argument("--write", action="store_true", help="keep the tables in RESULTS.md")
    given = parser.parse_args()
    home.own()
    for name, (_, contestant) in list(CONTESTANTS.items()):
        if not contestant.there(given.build):
            print(f"left out, as {contestant.command} is not installed: {name}", file=sys.stderr)
            del CONTESTANTS[name]
    rates, latencies, parts = {}, {"group": [], "plain": []}, {"zrelay": [], "xargs": []}
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds}", file=sys.stderr)
        for workers in WORKERS if "drain" in given.only else []:
            for name in CONTESTANTS:
                rates.setdefault((name, workers), []).append(drain(name, workers, given))
        for kind in latencies if "latency" in given.only else []:
            latencies[kind].append(latency(given, kind == "plain"))
        if "jobs" in given.only:
            best = ideal()
            parts["zrelay"].append(best / jobs(given))
            parts["xargs"].append(best / xargs(COMMANDS, JOBS))
    text = results.machine(given.build, peers.versions(True)) + f"{given.rounds} rounds, {given.messages:,} items of 100 bytes.\n\n" \
        + tables(rates, latencies, parts)
    print(text)
    if given.write:
        results.keep("groups", text)


if __name__ == "__main__":
    main()
