#!/usr/bin/python3
"""Guards the costs of a message: instructions of the core and the library (callgrind), and system calls of the broker and the library for a message
that is alone (strace). Neither depends on how busy the machine is. bounds.json has the costs as they were, and how much more is allowed.

Usage: tests/bench/guard.py [--build DIR] [--write]"""
import argparse
import json
import os
import sys

import counts
import home

HERE = os.path.dirname(os.path.abspath(__file__))
BOUNDS = os.path.join(HERE, "bounds.json")
MESSAGES, LONE_MESSAGES, TRIES = 5000, 60, 3


def core_name(entries, frames):
    return f"core, {entries} a frame, {frames} a pass"


def instructions(build, extra=0):
    """By case. `extra` are planted in the core (core.c)."""
    found = {core_name(*case): counts.core(build, MESSAGES, *case, extra=extra) for case in counts.CORE}
    found.update({f"library and core, {each} a pass": counts.library(build, MESSAGES, each) for each in counts.LIBRARY})
    return found


def calls(build, plant=None):
    return counts.system_calls(build, LONE_MESSAGES, TRIES, plant)


def load():
    with open(BOUNDS) as file:
        return json.load(file)


def allowed(bounds, kind, name):
    more = bounds["allowed"][kind]
    return bounds[kind][name] * (1 + more["part"]) + more["and"]


def kind_of(name):
    return "waking" if "waking" in name else "calls" if "other" in name else "instructions"


def faults(found, bounds):
    """A line for each cost above its bound."""
    lines = []
    for name, value in found.items():
        kind = kind_of(name)
        most = allowed(bounds, kind, name)
        if value > most:
            lines.append(f"{name}: {value:,.1f} a message, and at most {most:,.1f} are allowed; find out what costs more, "
                         f"or, if it is worth that, run tests/bench/guard.py --write and say why in the commit")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"))
    parser.add_argument("--write", action="store_true", help="keep what was found as the costs in bounds.json")
    given = parser.parse_args()
    home.own()
    bounds, found = load(), {**instructions(given.build), **calls(given.build)}
    for name, value in found.items():
        print(f"{name:32} {value:10,.1f}")
    if given.write:
        for name, value in found.items():
            bounds[kind_of(name)][name] = round(value, 1)
        with open(BOUNDS, "w") as file:
            json.dump(bounds, file, indent=4)
            file.write("\n")
        return
    over = faults(found, bounds)
    print("\n".join(over) or "within the bounds")
    sys.exit(bool(over))


if __name__ == "__main__":
    main()
