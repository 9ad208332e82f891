#!/usr/bin/python3
"""The broker's cost for each megabyte that an attacker sends: processor time, memory, and an honest client's wait for a pong. Each attack makes
the broker do much for little. Attackers are one process with a user's key, at the lowest priority, as in attack.py. Each run begins with a time
without an attack.

Usage: tests/bench/amplify.py [--build DIR] [--seconds S] [--only NAME,NAME...] [--write]"""
import argparse
import json
import multiprocessing
import os
import shutil
import signal
import struct
import tempfile
import time

import zmq

import attack
import results

SESSIONS = 300  # of the attacker, which do not read
KEYS = 10_000  # of the room whose snapshot is asked for
DEAF = {"rcvhwm": 1, "rcvbuf": 4096}


def deaf(keys, context, count):
    fronts = [keys.front(context, **DEAF) for _ in range(count)]
    for front in fronts:
        front.recv()
    return fronts


def keyed(room, first, count, body, expect=None):
    """A PUBLISH frame of entries with the keys 0, 1, …; `expect`: and compare-and-set."""
    name, flags = room.encode(), 0 if expect is None else 2
    value = b"" if expect is None else struct.pack(">Q", expect)
    each = (struct.pack(">QBB", first + number, flags, len(b"%d" % number)) + b"%d" % number + value + struct.pack(">I", len(body)) + body
            for number in range(count))
    return bytes([1, len(name)]) + name + b"".join(each)


def directs(keys, context):
    """Texts of 63 KB to a user with many sessions."""
    kept = deaf(keys, context, SESSIONS)
    sender = keys.front(context)
    frame = json.dumps({"op": "direct", "to": "hostile", "text": "x" * 65_000}).encode()
    while kept:
        done = attack.send(sender, frame) * len(frame)
        while sender.poll(1000 / 15):
            sender.recv()
        yield done


def snapshots(keys, context):
    """A megabyte of state to sessions that do not read."""
    publisher = keys.front(context)
    for first in range(0, KEYS, 1000):
        publisher.send(keyed(f"state-{first}", 1 + first, 1000, b"x" * 900))
    fronts = deaf(keys, context, 100)
    while True:
        for number, front in enumerate(fronts):
            frame = b'{"op":"state","room":"state-%d"}' % (1000 * (number % 10))
            yield attack.send(front, frame) * len(frame)
        time.sleep(0.1)


def conflicts(keys, context):
    """Entries that are refused one by one."""
    flooders, first = attack.Flooders(keys, context, 4, sndhwm=20), 1
    while True:
        for front in flooders.each():
            frame = keyed("conflicts", first, 4096, b"", expect=99)
            first += 4096
            yield attack.send(front, frame) * len(frame)


def values(keys, context):
    """Requests of 64 KB that hold as many values as fit."""
    flooders = attack.Flooders(keys, context, 4, sndhwm=20)
    frame = b'{"op":"ping","x":[' + b"1," * 32_700 + b"1]}"
    while True:
        for front in flooders.each():
            yield attack.send(front, frame) * len(frame)


ATTACKS = {"direct to 300 sessions": directs, "snapshots not read": snapshots, "conflicts": conflicts, "requests of many values": values}


def pings(front, seconds):
    """How long each pong took, in ms, rising."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        front.send(b'{"op":"ping"}')
        if not front.poll(attack.DEADLINE * 1000):
            raise SystemExit("the broker does not answer any more")
        front.recv()
        found.append((time.monotonic() - began) * 1000)
        time.sleep(0.01)
    return sorted(found)


def measure(broker, name, seconds):
    """The row of one attack."""
    context = zmq.Context()
    front = broker.keys["honest"].front(context)
    front.recv()
    before = pings(front, seconds)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=attack.attack, args=(theirs, broker.keys["hostile"], name), daemon=True)
    busy, memory = broker.seconds(), broker.memory()
    process.start()
    ours.recv()
    during = pings(front, seconds)
    busy, memory = broker.seconds() - busy, broker.memory() - memory
    process.terminate()
    sent = ours.recv() / 1e6 if ours.poll(10) else float("nan")
    process.kill()
    process.join()
    context.destroy(linger=0)
    calm, rough = (attack.percentile(values, 0.99) for values in (before, during))
    return [name, f"{sent:.2f}", f"{busy:.2f}", f"{memory:.0f}", f"{busy * 1000 / sent:.1f}", f"{memory / sent:.1f}", f"{calm:.2f}", f"{rough:.2f}",
            f"{rough / calm:.1f}", f"{during[-1]:.1f}"]


COLUMNS = ["attack", "MB sent", "processor, s", "memory, MB", "processor, ms a MB", "memory, MB a MB", "pong p99 before, ms", "p99 during, ms",
           "ratio", "worst, ms"]


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "../../build"))
    options.add_argument("--seconds", type=float, default=8, help="of each attack, and before it")
    options.add_argument("--only", default="", help="the attacks to try, separated by commas: " + ", ".join(ATTACKS))
    options.add_argument("--write", action="store_true", help="keep the table in RESULTS.md")
    given = options.parse_args()
    attack.ATTACKS = ATTACKS
    attack.SETTINGS = "auth\n    encrypt = all\n"  # and the default limits
    folder = tempfile.mkdtemp(prefix="zrelay-bench-")
    lines = [results.machine(given.build).rstrip("\n") + "\n", f"| {' | '.join(COLUMNS)} |", f"|---|{(len(COLUMNS) - 1) * '---:|'}"]
    try:
        for number, name in enumerate(name for name in ATTACKS if not given.only or name in given.only.split(",")):
            broker = attack.Broker(given.build, os.path.join(folder, str(number)))
            lines.append(f"| {' | '.join(measure(broker, name, given.seconds))} |")
            if broker.process.poll() is not None:
                raise SystemExit(f"{name}: the broker ended")
            broker.process.send_signal(signal.SIGTERM)
            broker.process.wait()
    finally:
        shutil.rmtree(folder)
    text = "\n".join(lines) + "\n"
    print(text)
    if given.write:
        results.keep("amplify", text)


if __name__ == "__main__":
    main()
