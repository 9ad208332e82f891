"""Many clients on two leaves of which one is killed: how soon they are back at the other, and what the leader has to do meanwhile."""
import os
import threading
import time

import cluster_nodes as nodes
from harness import wait_for

CALM_S = 6  # of publishing before the leaf is killed
LOOK_S = 0.25
AFTER_S = 2  # at least, of the leader's work after the leaf was killed
BACK_S = 15  # until all clients are to be back, with all messages
LOAD = 0.5   # of a processor: what the leader may need more in its busiest second, and still has time for clients of its own


def load(samples, begin, end, span):
    """The most processors that were busy within `span` seconds, of samples (moment, processor seconds) between these moments; 0: there are too few."""
    inside = [sample for sample in samples if begin <= sample[0] <= end]
    most = 0
    for at, (moment, used) in enumerate(inside):
        later = next((other for other in inside[at + 1:] if other[0] - moment >= span), None)
        if later:
            most = max(most, (later[1] - used) / (later[0] - moment))
    return most


class Leader:
    """Samples of the leader, and when the leaf ended."""

    def __init__(self, leader, victim):
        self.leader, self.victim = leader, victim
        self.samples, self.memory, self.ended_at = [], [], None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.wait(LOOK_S):
            now = time.monotonic()
            self.samples.append((now, nodes.processor_s(self.leader.pid)))
            self.memory.append((now, nodes.memory_mb(self.leader.pid)))
            if self.ended_at is None and self.victim.process.poll() is not None:
                self.ended_at = now

    def is_over(self):
        """It looked long enough after the end of the leaf, or there was none."""
        return self.ended_at is None or self.samples[-1][0] >= self.ended_at + AFTER_S

    def end(self):
        self.over.set()
        self.thread.join()

    def found(self, seconds):
        """Processors busy before and in the busiest second after; megabytes before and at most."""
        if self.ended_at is None:
            raise SystemExit("the leaf was not killed")
        at, end = self.ended_at, self.ended_at + max(seconds, AFTER_S)
        calm = load(self.samples, at - CALM_S + 1, at - LOOK_S, CALM_S / 2)
        before = [megabytes for moment, megabytes in self.memory if moment < at]
        return calm, load(self.samples, at - LOOK_S, end, 1), before[-1] if before else 0, max(megabytes for _, megabytes in self.memory)


def measure(folder, clients, *arguments):
    """What `zrelay bench connect` found, and what the leader needed."""
    leader = nodes.Broker(folder, "leader", "--data", os.path.join(folder, "data")).await_text("listening")
    running = [leader]
    try:
        running += [nodes.leaf(folder, name, leader) for name in ("one", "two")]
        servers = ",".join(broker.front for broker in running)
        watch = Leader(leader, running[1])
        with nodes.ended(watch):
            result = nodes.run_json([nodes.ZRELAY, "-s", servers, "--connect-timeout", "60", "bench", "connect", "--json", "--timeout", "60",
                                     "--clients", str(clients), "--spread", "--hold", "1", *map(str, arguments),
                                     "--restart", f"sleep {CALM_S}; kill -9 {running[1].pid}"], allowed=(0, 4))
            wait_for(watch.is_over, "the leader's next seconds")
        return result, watch.found(result["restart"]["caught_up_s"] or 0)
    finally:
        for broker in reversed(running):
            broker.end()


def seconds(value):
    return "never" if value is None else f"{value:.2f} s"


def row(clients, result, leader):
    """Of a table: what came of it, with the verdict."""
    restart, (calm, busiest, before, most) = result["restart"], leader
    caught_up = restart["caught_up_s"]
    of_leaf = (clients + 1) // 2
    holds = result["whole"] and restart["back"] == of_leaf and caught_up is not None and caught_up <= BACK_S
    whole = f"{result['received']:,} deliveries, nothing missing, nothing out of order" if result["whole"] else \
        f"**NOT WHOLE**: {result['missing']:,} missing, {result['disordered']:,} out of order, {result['lost']:,} losses"
    return [f"{restart['back']:,} of {of_leaf:,}: the first {seconds(restart['first_back_s'])}, the last {seconds(restart['last_back_s'])}",
            f"{seconds(caught_up)}: {'holds' if holds else '**does not hold**'}", whole,
            f"{calm:.2f} before, {busiest:.2f} in the busiest second: {'flat' if busiest <= calm + LOAD else '**not flat**'}",
            f"{before:,.0f} MB before, {most:,.0f} MB at most"]


HEADER = ["one of two leaves is killed", "clients back at the other", f"all caught up (at most {BACK_S} s)", "each message at each client",
          "processors that the leader kept busy", "memory of the leader"]
