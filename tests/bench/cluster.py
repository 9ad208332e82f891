#!/usr/bin/python3
"""Several brokers, in interleaved rounds:

  fanout  one publisher and many readers: one broker, and a leader with 1, 2 and 3 leaves that share the readers
  acks    entries that PostgreSQL has on the disks of two machines of three before the ack, beside a stream of JetStream with three replicas
  faults  the time without acks when the leader is stopped, killed or stands still, a follower is killed, or the database is started anew
  crowd   9,000 clients on two leaves, of which one is killed: when all are back, whether anything is lost, and what the leader has to do

Usage: tests/bench/cluster.py [--build DIR] [--only PART,…] [--rounds N] [--faults N] [--clients N] [--scale F] [--write]
All programs share this machine: no row says what three machines would do. Needs PostgreSQL, and nats-server for JetStream (Debian has both)."""
import argparse
import math
import os
import shutil
import signal
import statistics
import sys

import home
import interval
import results

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ("fanout", "acks", "faults", "crowd")
LEAVES, READERS = (0, 1, 2, 3), 60
FANOUT_MESSAGES = 100_000
ZRELAY, STREAM = "zrelay on three PostgreSQL (synced)", "JetStream R3 (not synced)"
# Publishers, messages that each has unacknowledged at most, and how many are published.
LOADS = ((1, 1, 2_000), (50, 1, 20_000), (1, 4_000, 200_000), (50, 80, 200_000))


# --- Pure ---

def percentile(values, part):
    """The smallest value that this part of them does not exceed."""
    return sorted(values)[max(math.ceil(part * len(values)), 1) - 1]


def shown(values, form="{:,.0f}"):
    """The median, and its interval."""
    low, high, _ = interval.interval(values)
    return f"{form.format(statistics.median(values))} ({form.format(low)} – {form.format(high)})"


def table(header, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] + ["---:"] * (len(header) - 1), *rows)) + "\n"


def title_of_leaves(leaves):
    return "one broker" if leaves == 0 else f"{leaves} lea{'f' if leaves == 1 else 'ves'}"


def fanout_table(figures):
    """figures[leaves] is a list of (deliveries a second, of the busiest broker for each second of processor, of the leader likewise), one a round."""
    first = figures[LEAVES[0]]
    rows = []
    for leaves in LEAVES:
        columns = list(zip(*figures[leaves]))
        rows.append([title_of_leaves(leaves), shown(columns[0]), shown(columns[1]),
                     shown(interval.ratios(columns[1], [each[1] for each in first]), "{:.2f}"), shown(columns[2])])
    return table(["readers are at", "deliveries a second", "for each second of the busiest broker's processor", "of that, to one broker",
                  "for each second of the leader's processor"], rows)


def load_title(publishers, window):
    return f"{publishers} publisher{'s' * (publishers > 1)}, {window:,} unacknowledged" + (" each" * (publishers > 1))


def acks_table(figures):
    """figures[publishers, window][name] is a list of what the generator found, one a round."""
    rows = []
    for (publishers, window), found in figures.items():
        rates = {name: [each["per_s"] for each in values] for name, values in found.items()}
        for name, values in found.items():
            ratio = shown(interval.ratios(rates[ZRELAY], rates[name]), "{:.2f}") if ZRELAY in rates else ""
            latencies = [shown([each[part] / 1000 for each in values], "{:,.2f}") for part in ("p50", "p99")]
            rows.append([load_title(publishers, window), name, shown(rates[name]), ratio, *latencies])
    return table(["load", "server", "acked entries a second", "zrelay to it", "publish to ack, p50, ms", "p99, ms"], rows)


def faults_table(figures, clients):
    """figures[fault] is a list with the seconds of each client, one a round."""
    rows = []
    for fault, found in figures.items():
        row = [fault]
        for client in clients:
            values = [each[client] for each in found]
            row += [f"{percentile(values, part):.2f} s" for part in (0.5, 0.99)]
        rows.append(row)
    return table(["no acks when", *(f"client in {client}, {part}" for client in clients for part in ("p50", "p99"))], rows)


# --- Running ---

def say(text):
    print(f"… {text}", file=sys.stderr, flush=True)


def fanout(given, nodes):
    def once(leaves):
        with nodes.a_folder() as folder:
            leader = nodes.Broker(folder, "leader").await_text("listening")
            running = [leader]
            try:
                running += [nodes.leaf(folder, f"leaf-{number}", leader) for number in range(leaves)]
                before = [nodes.processor_s(broker.pid) for broker in running]
                found = nodes.run_json([nodes.ZRELAY, "-s", ",".join(broker.front for broker in running), "--json", "bench", "fanout", "--spread",
                                        "--readers", str(READERS), "--messages", str(max(1000, int(FANOUT_MESSAGES * given.scale))),
                                        "--ahead", "10000", "--unacked", "10000"])
                used = [max(nodes.processor_s(broker.pid) - was, 0.01) for broker, was in zip(running, before)]
            finally:
                for broker in reversed(running):
                    broker.end()
        if found["gaps"]:
            say(f"{title_of_leaves(leaves)}: {found['gaps']} gaps were repaired")
        return found["delivered_per_s"], found["received"] / max(used), found["received"] / used[0]
    figures = {leaves: [] for leaves in LEAVES}
    for number in range(given.rounds):
        for leaves in LEAVES:
            say(f"round {number + 1} of {given.rounds}: fan-out, {title_of_leaves(leaves)}")
            figures[leaves].append(once(leaves))
    return f"One publisher at the leader, {READERS} readers in one room, spread evenly over the leaves; logs in memory.\n\n" + fanout_table(figures)


def acks(given, nodes):
    figures = {(publishers, window): {} for publishers, window, _ in LOADS}

    def all_loads(name, protocol, address):
        for publishers, window, messages in LOADS:
            say(f"{name}: {load_title(publishers, window)}")
            found = nodes.run_json([nodes.GENERATOR, protocol, address, "--workers", str(publishers), "--window", str(window),
                                    "--messages", str(max(publishers * 10, int(messages * given.scale)))])
            figures[publishers, window].setdefault(name, []).append(found)
    for number in range(given.rounds):
        say(f"round {number + 1} of {given.rounds}: acks")
        with nodes.a_folder() as folder, nodes.ended(database := nodes.Database()), nodes.ended(brokers := nodes.Brokers(folder, database)):
            brokers.settled()
            if (level := brokers.level()) != "replicated":
                raise SystemExit(f"zrelay acks at level {level}")
            all_loads(ZRELAY, "zrelay", brokers.members[0].front)
        if shutil.which("nats-server"):
            with nodes.a_folder() as folder, nodes.ended(streams := nodes.Streams(folder)):
                all_loads(STREAM, "jetstream", str(streams.at))
    return ("100-byte messages; three brokers, or three nats-servers, of which one leads. PostgreSQL commits once one of two standbys has it on disk too. "
            "nats-server acknowledges before it syncs.\n\n" + acks_table(figures))


def faults(given, nodes):
    import cluster_faults  # needs the build folder, as `nodes` does
    with nodes.a_folder() as folder, nodes.ended(database := nodes.Database()), \
            nodes.ended(brokers := nodes.Brokers(folder, database, given.heartbeat)):
        all_ = cluster_faults.Faults(brokers)
        figures = {name: [] for name in all_.all if given.fault in name}
        for number in range(given.faults):
            say(f"round {number + 1} of {given.faults}: failures")
            for name in figures:
                figures[name].append(all_.measure(name))
    text = f"Each failure {given.faults} times. The heartbeat is {given.heartbeat / 1000:g} s. A client publishes a message once the one before is acknowledged, and is told all three brokers.\n"
    if all_.away:
        text += f"The database itself was away for {statistics.median(all_.away):.2f} s (median).\n"
    return text + "\n" + faults_table(figures, cluster_faults.CLIENTS)


def crowd(given, nodes):
    import cluster_crowd
    rooms = max(given.clients // 10, 1) | 1  # odd, so that each room has clients at both leaves
    works = [("one room, five messages a second", ["--rate", 5]),
             ("rooms of ten, a message a second in each", ["--rooms", rooms, "--rate", rooms])]
    rows = []
    for name, arguments in works:
        say(f"{given.clients:,} clients: {name}")
        with nodes.a_folder() as folder:
            rows.append([name, *cluster_crowd.row(given.clients, *cluster_crowd.measure(folder, given.clients, *arguments))])
    return f"{given.clients:,} clients on two leaves, the leader's log on disk.\n\n" + table(cluster_crowd.HEADER, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "../../build"))
    parser.add_argument("--only", default=",".join(PARTS), help="of: " + " ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=6, help="of fanout and acks; six or more give intervals of 95 %%")
    parser.add_argument("--faults", type=int, default=50, help="how often each failure happens")
    parser.add_argument("--fault", default="", help="only failures whose name holds these words")
    parser.add_argument("--heartbeat", type=int, default=5000, help="of the brokers of faults, in ms; a client misses a silent broker after three")
    parser.add_argument("--clients", type=int, default=9000, help="of the crowd")
    parser.add_argument("--scale", type=float, default=1, help="times as many messages in fanout and acks")
    parser.add_argument("--write", action="store_true", help="keep the tables in RESULTS.md")
    given = parser.parse_args()
    parts = given.only.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--only is of: {' '.join(PARTS)}")
    os.environ["ZRELAY_BUILD"] = os.path.abspath(given.build)
    import cluster_nodes  # reads it
    home.own()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # else what it started would go on
    if {"acks", "faults"} & set(parts) and not cluster_nodes.installed():
        raise SystemExit("PostgreSQL is not installed, or zrelayd was built without libpq")
    if "acks" in parts and not shutil.which("nats-server"):
        say(f"left out, as nats-server is not installed: {STREAM}")
    for part in parts:
        text = results.machine(cluster_nodes.BUILD, [results.first(["nats-server", "--version"]), results.first(["psql", "--version"])])
        text += {"fanout": fanout, "acks": acks, "faults": faults, "crowd": crowd}[part](given, cluster_nodes)
        print(text, flush=True)
        if given.write:
            results.keep(f"cluster-{part}", text)


if __name__ == "__main__":
    main()
