#!/usr/bin/python3
"""Thousands of clients on plain TCP lines of one gateway, in one room, and one of them floods: the time from each message of a publisher to each
reader, with the flood and without it, in turn. Also memory for each idle client.

Usage: tests/bench/lines.py [--build DIR] [--clients N] [--rate N] [--seconds N] [--rounds N]
Nothing else should run meanwhile. It fails when a message did not come."""
import argparse
import json
import os
import re
import statistics
import subprocess

import home

HERE = os.path.dirname(os.path.abspath(__file__))


def resident_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])


def start(*command):
    """A program and its start line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    if "listening" not in line:
        raise SystemExit(f"{command[0]} does not start")
    return process, line


def measure(options, gateway, port):
    """The parts of all rounds, and KB of the gateway for each idle client."""
    before = resident_kb(gateway)
    generator = subprocess.Popen([os.path.join(options.build, "tests/bench/lines_generator"), port, str(options.clients), str(options.rate),
                                  str(options.seconds), str(options.rounds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    json.loads(generator.stdout.readline())
    idle = (resident_kb(gateway) - before) / options.clients
    out, _ = generator.communicate("\n")
    if generator.returncode != 0:
        raise SystemExit("the generator failed")
    return [json.loads(line) for line in out.splitlines()], idle


def report(options, parts, idle):
    print(f"{options.clients} clients in one room, {options.rate} messages a second; {idle:.1f} KB of the gateway for each idle client")
    whole = True
    for name in ("quiet", "flood"):
        rounds = [part for part in parts if part["part"] == name]
        p50, p99, most = (statistics.median(part[value] for part in rounds) for value in ("p50_ms", "p99_ms", "max_ms"))
        missing = sum(part["expected"] - part["deliveries"] for part in rounds)
        whole &= missing == 0
        print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms, most {most:.2f} ms (medians of {len(rounds)} rounds), {missing} deliveries missing")
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"))
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--rate", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    home.own()
    broker, line = start(os.path.join(options.build, "broker/zrelayd"), "--listen", "tcp://127.0.0.1:*")
    server = re.search(r"listening on (\S+),", line)[1]
    gateway, line = start(os.path.join(options.build, "client/gateway/zrelay-gateway"), "--server", server, "--http", "127.0.0.1:*",
                          "--lines", "127.0.0.1:*", "--lines-history", "0")
    try:
        whole = report(options, *measure(options, gateway, re.search(r"lines on \S+:(\d+)", line)[1]))
    finally:
        for process in (gateway, broker):
            process.terminate()
            process.wait()
    return 0 if whole else 1


if __name__ == "__main__":
    raise SystemExit(main())
