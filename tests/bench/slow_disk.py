#!/usr/bin/python3
"""A broker with a slow disk, under publishers at full speed. Prints its memory and the time of its pongs, second by second, and at the end
whether they stayed flat and low. The room keeps a bounded number of entries, so that the disk does not fill up.

Usage: tests/bench/slow_disk.py [--build DIR] [--seconds N] [--delay MS] [--publishers N]"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import home

CONFIG = "log\n    data = %s\nroom\n    pattern = bench\n    max-entries = 1000000\n"


def memory_mib(pid):
    """Anonymous memory: what the process holds itself, not pages of its database that the system maps in."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"RssAnon:\s+(\d+)", file.read()).group(1)) / 1024


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "../../build"))
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--delay", type=int, default=50, help="milliseconds that each sync takes longer")
    options.add_argument("--publishers", type=int, default=4)
    given = options.parse_args()
    home.own()
    folder = tempfile.mkdtemp(prefix="zrelay-bench-")
    config = os.path.join(folder, "zrelayd.conf")
    with open(config, "w") as file:
        file.write(CONFIG % os.path.join(folder, "data"))
    build = os.path.abspath(given.build)
    zrelay = os.path.join(build, "client/zrelay")
    broker = subprocess.Popen([os.path.join(build, "broker/zrelayd"), "--config", config, "--listen", "tcp://127.0.0.1:*"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**os.environ, "LD_PRELOAD": os.path.join(build, "tests/bench/slow_sync.so"),
                                   "SLOW_SYNC_MS": str(given.delay)})
    server = re.search(r"listening on ([^,]+),", broker.stdout.readline()).group(1)
    line = "x" * 100
    publishers = [subprocess.Popen(f"yes {line} | {zrelay} -s {server} pub bench", shell=True, start_new_session=True,
                                   stderr=subprocess.DEVNULL) for _ in range(given.publishers)]
    samples, pings = [], []
    try:
        end = time.monotonic() + given.seconds
        while time.monotonic() < end:
            out = subprocess.run([zrelay, "-s", server, "ping", "--count", "3"], capture_output=True, text=True, check=True).stdout
            pings += [float(ms) for ms in re.findall(r"time=([\d.]+) ms", out)]
            samples.append(memory_mib(broker.pid))
            if len(samples) % 10 == 0:
                rooms = subprocess.run([zrelay, "-s", server, "rooms"], capture_output=True, text=True, check=True).stdout
                print(f"{len(samples):>4} samples: memory {samples[-1]:.0f} MiB, slowest ping {max(pings):.1f} ms, "
                      f"{int(rooms.split()[-1]):,} messages stored", flush=True)
            time.sleep(max(0, min(1, end - time.monotonic())))
    finally:
        for publisher in publishers:
            os.killpg(publisher.pid, signal.SIGKILL)
            publisher.wait()
        broker.send_signal(signal.SIGTERM)
        broker.wait()
        shutil.rmtree(folder)
    third = max(1, len(samples) // 3)
    pings.sort()
    print(f"memory: {max(samples[:third]):.0f} MiB at most in the first third, {max(samples[-third:]):.0f} MiB in the last; "
          f"pings: p50 {pings[len(pings) // 2]:.1f} ms, p99 {pings[len(pings) * 99 // 100]:.1f} ms, most {pings[-1]:.1f} ms")


if __name__ == "__main__":
    main()
