#!/usr/bin/python3
"""One broker and many clients: 9,000 idle ones, a room with 9,000 readers, 100,000 rooms, reconnects of all after a kill -9, and more clients than
file descriptors. Every client checks that each message comes once and in order, across the restart as well. Prints Markdown.

Usage: tests/bench/scale.py [--build DIR] [--clients N] [--rooms N] [--only WORDS] [--write]
Clients and broker share the machine. Nothing else should run meanwhile. --write keeps the result in RESULTS.md."""
import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import home
import results

DEADLINE = 600  # seconds for one run
HONEST_S = 40  # how long messages go to the clients that came before the others
LIMIT = 4096  # file descriptors of the broker that runs out of them


def free_ports():
    """Two of them, for front and back."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


class Broker:
    """zrelayd with a log on disk, started by a script that starts it anew when it is called again."""

    def __init__(self, build, descriptors=None):
        self.folder = tempfile.mkdtemp(prefix="zrelay-scale-")
        front, back = free_ports()
        self.server = f"tcp://127.0.0.1:{front}"
        limited = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        config = self.path("zrelayd.conf")
        with open(config, "w") as file:
            file.write("limits\n    max-sessions = 50000\n    max-rooms = 200000\n    max-user-topics = 16M\n")
        command = shlex.join([*limited, os.path.join(build, "broker/zrelayd"), "--listen", self.server, "--back", f"tcp://127.0.0.1:{back}",
                              "--data", self.path("data"), "--config", config])
        with open(self.path("start"), "w") as file:  # the ports are free only when the old process is gone
            file.write(f"""cd {shlex.quote(self.folder)}
test -f pid && kill -9 $(cat pid)
for try in $(seq 1000); do
    : >out
    {command} >out 2>>err & echo $! >pid
    until grep -q listening out || ! kill -0 $(cat pid) 2>/dev/null; do sleep 0.01; done
    grep -q listening out && exit 0
    sleep 0.01
done
exit 1
""")
        self.start = f"sh {shlex.quote(self.path('start'))}"
        subprocess.run(self.start, shell=True, check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def pid(self):
        with open(self.path("pid")) as file:
            return int(file.read())

    def errors(self):
        with open(self.path("err")) as file:
            return file.read()

    def alive(self):
        with contextlib.suppress(FileNotFoundError):
            return "State:\tZ" not in open(f"/proc/{self.pid()}/status").read()
        return False

    def cpu(self):
        """Seconds of processor time until now."""
        with open(f"/proc/{self.pid()}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        with open(f"/proc/{self.pid()}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(), signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Scale:
    def __init__(self, build, clients, rooms):
        self.build, self.clients, self.rooms = build, clients, rooms
        self.zrelay = os.path.join(build, "client/zrelay")

    def command(self, broker, mode, *arguments):
        return [self.zrelay, "-s", broker.server, "bench", mode, "--json", "--timeout", "60", *map(str, arguments)]

    def bench(self, broker, *arguments):
        run = subprocess.run(self.command(broker, "connect", *arguments), stdout=subprocess.PIPE, text=True, timeout=DEADLINE)
        if not run.stdout:
            raise SystemExit("zrelay bench printed no result")
        return json.loads(run.stdout)

    @staticmethod
    def whole(result):
        if result["whole"]:
            return f"{result['received']:,} deliveries, nothing missing, nothing out of order"
        return (f"**NOT WHOLE**: {result.get('connected', result['readers']):,} connected, {result['missing']:,} missing, {result['disordered']:,} out of order, "
                f"{result['lost']:,} losses")

    def gather(self, *arguments):
        """Clients come, and read what is published; one row."""
        broker = Broker(self.build)
        try:
            result = self.bench(broker, "--clients", self.clients, "--broker-pid", broker.pid(), "--hold", 2, *arguments)
            return (f"{result['connected']:,} in {result['connected_s']:.1f} s ({result['connected_per_s']:,.0f}/s)",
                    f"{(result['memory_per_client'] or 0) / 1024:.1f} KB a client, {broker.memory():,.0f} MB in all", self.whole(result))
        finally:
            broker.close()

    def storm(self, *arguments):
        """kill -9 under publishing, and all come back; one row."""
        broker = Broker(self.build)
        try:
            result = self.bench(broker, "--clients", self.clients, "--hold", 0, "--restart", broker.start, *arguments)
            restart, cpu, memory = result["restart"], broker.cpu(), broker.memory()
        finally:
            broker.close()

        def after(name):
            return "never" if restart[name] is None else f"{restart[name]:.2f} s"
        back = f"{restart['back']:,}: the first {after('first_back_s')}, the last {after('last_back_s')}"
        behind = "" if restart["caught_up_s"] is None else f" ({restart['caught_up_s'] - restart['last_back_s']:.2f} s after the last was back)"
        return (back, after("caught_up_s") + behind, after("aware_s") if result["aware"] is not None else "–",
                f"{result['gaps']:,}, {result['repaired']:,}, {result['lost']:,}", f"{cpu:.1f} s, {memory:,.0f} MB", self.whole(result))

    def run_out(self):
        """Twice as many clients as a broker has descriptors for; some of them leave later. Rows of (what, found)."""
        broker = Broker(self.build, LIMIT)
        rows, fits = [], LIMIT // 2
        few, others = fits // 10, 2 * fits
        honest = late = None

        def lines(of=r"closed a connection: nearly all"):
            return len(re.findall(of, broker.errors()))

        def descriptors():
            return len(os.listdir(f"/proc/{broker.pid()}/fd"))
        try:
            # Messages go all the time to the clients that came first, from a publisher that came with them.
            honest = subprocess.Popen(self.command(broker, "latency", "--readers", few, "--rate", 20, "--messages", 20 * HONEST_S),
                                      stdout=subprocess.PIPE, text=True)
            end = time.monotonic() + 60
            while descriptors() < 2 * few and time.monotonic() < end:
                time.sleep(0.05)
            late = subprocess.Popen(self.command(broker, "connect", "--clients", others, "--timeout", "120"), stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, text=True)
            end = time.monotonic() + 60
            while not lines() and time.monotonic() < end:
                time.sleep(0.05)
            rows.append((f"{few:,} clients are in, {others:,} more come, {LIMIT:,} descriptors",
                         f"{'alive' if broker.alive() else '**dead**'}, {lines()} lines say so"))
            time.sleep(5)
            begin, cpu = time.monotonic(), broker.cpu()
            time.sleep(10)
            rows.append(("while it is so", f"{descriptors():,} descriptors in use, {(broker.cpu() - cpu) / (time.monotonic() - begin):.2f} "
                         f"processors busy, {lines()} lines"))
            result = json.loads(honest.communicate(timeout=DEADLINE)[0])
            rows.append(("the first clients, published to meanwhile", self.whole(result)))
            late.send_signal(signal.SIGTERM)
            late.wait()
            end = time.monotonic() + 60
            while descriptors() > LIMIT // 4 and time.monotonic() < end:
                time.sleep(0.05)
            rows.append(("the others are gone, as many as fit come anew", self.whole(self.bench(broker, "--clients", few, "--hold", 0))))
            rows.append(("in the end", f"{'alive' if broker.alive() else '**dead**'}, {lines()} lines"))
        finally:
            for one in (honest, late):
                if one and one.poll() is None:
                    one.kill()
                    one.wait()
            broker.close()
        return rows


def table(header, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.path.join(os.path.dirname(__file__), "../../build"))
    options.add_argument("--clients", type=int, default=9000)
    options.add_argument("--rooms", type=int, default=100_000, help="of the many rooms")
    options.add_argument("--only", default="", help="works whose name holds these words")
    options.add_argument("--write", action="store_true", help="keep the result in RESULTS.md")
    given = options.parse_args()
    home.own()
    scale = Scale(os.path.abspath(given.build), given.clients, given.rooms)
    tens = max(given.clients // 10, 1)
    gathers = [("idle, a room for ten", ["--rooms", tens]), ("one room", []), ("one room, presence", ["--presence"]),
               (f"{given.rooms:,} rooms", ["--rooms", given.rooms])]
    storms = [("rooms of ten, presence, a message a second in each", ["--rooms", tens, "--presence", "--rate", tens]),
              ("one room, five messages a second", ["--rate", 5]),
              ("one room, presence, five messages a second", ["--presence", "--rate", 5])]
    text = ""

    def run(header, works, how):
        rows = []
        for name, arguments in works:
            if given.only in name:
                print(f"… {name}", flush=True)
                rows.append([name, *how(*arguments)])
        return table(header, rows) + "\n" if rows else ""
    text += run(["clients", "connected", "memory of the broker", "each message at each reader"], gathers, scale.gather)
    text += run(["after kill -9 and a restart", "sessions back", "all caught up", "presence told", "gaps, repaired, lost", "broker",
                 "across the restart"], storms, scale.storm)
    if given.only in "out of descriptors":
        print("… out of descriptors", flush=True)
        text += table(["out of descriptors", "found"], scale.run_out()) + "\n"
    text = results.machine(given.build) + f"{given.clients:,} clients, log on disk, clients on the same machine.\n\n" + text
    print(text)
    if given.write:
        results.keep("scale", text)


if __name__ == "__main__":
    main()
