"""The time without acks at each kind of failure of a cluster, as its clients see it."""
import signal
import time

import cluster_nodes as nodes
from harness import wait_for

ACKS = 20  # that a client gets before a failure, and after it, until it counts as repaired
CLIENTS = ("C", "Python")


def pause(times, moment):
    """The longest time between two acks of which the later one came after `moment`; 0: there are none."""
    return max((later - earlier for earlier, later in zip(times, times[1:]) if later > moment), default=0)


class Faults:
    """The failures by name. Each returns the moment when the repair has begun; acks after it show that all goes on."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.away = []  # seconds that the database took to start again
        self.all = {
            "the leader is stopped (SIGTERM)": self._by_signal(signal.SIGTERM),
            "the leader is killed (kill -9)": self._by_signal(signal.SIGKILL),
            "the leader stands still (SIGSTOP)": self._stand_still,
            "the clients' follower is killed (kill -9)": self._kill_follower,
            "the database is killed (kill -9) and started again": self._restart_database,
        }

    def _taken_over(self, before):
        wait_for(lambda: self.brokers.takeovers() > before, "another leader", nodes.PATIENCE)
        return time.monotonic()

    def _by_signal(self, number):
        def run(leader, _follower, _watchers):
            before = self.brokers.takeovers()
            leader.signal(number)
            return self._taken_over(before)
        return run

    def _stand_still(self, leader, _follower, watchers):
        before = self.brokers.takeovers()
        with nodes.stands_still(leader):
            after = self._taken_over(before)
            for watcher in watchers:
                watcher.await_acks(ACKS, after, "the leader stands still")
        return after

    def _kill_follower(self, _leader, follower, _watchers):
        follower.signal(signal.SIGKILL)
        return time.monotonic()

    def _restart_database(self, _leader, _follower, _watchers):
        begin = time.monotonic()
        self.brokers.database.restart()
        self.away.append(time.monotonic() - begin)
        return time.monotonic()

    def measure(self, name):
        """Seconds without acks, by client. Its clients begin at the leader, or at the follower that fails."""
        leader, others = self.brokers.settled()
        fault = self.all[name]
        order = [others[0], leader, others[1]] if fault == self._kill_follower else [leader, *others]
        watchers = [nodes.Watcher(kind, [member.front for member in order]) for kind in CLIENTS]
        with nodes.ended(*watchers):
            for watcher in watchers:
                watcher.await_acks(ACKS, 0, "before a failure")
            begin = time.monotonic()
            after = fault(leader, others[0], watchers)
            for watcher in watchers:
                watcher.await_acks(ACKS, after, name)
            return {watcher.kind: pause(watcher.times, begin) for watcher in watchers}
