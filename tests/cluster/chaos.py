"""The faults that a run makes, each repaired before the next one comes. Those of `EVERYWHERE` need one server of PostgreSQL only, those of `NODES` a server
on each node."""
import os
import signal
import time

from cluster import SHIM, Cluster
from databases import patiently
from nodes import CLIENTS

HOUR = 3600


class Chaos(Cluster):
    EVERYWHERE = ["kill_leader", "stop_leader", "hand_over", "kill_follower", "kill_server", "jump_clock"]
    CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    NODES = ["kill_primary", "kill_both", "kill_standby", "cut_node", "cut_half", "cut_from_database", "fill_disk", "cancel_waits", "cancel_and_fail_over"]

    def chaos(self, seconds, only=None):
        if not os.path.exists(SHIM):
            raise AssertionError(f"build the target wrong_clock first: there is no {SHIM}")
        names = only or self.EVERYWHERE + (self.NODES if self.network else [])
        end = time.monotonic() + seconds
        self.random.shuffle(names)
        for name in names:
            if time.monotonic() > end and len(self.did) >= 2:
                break
            self.do(name)
        while time.monotonic() < end:
            self.do(self.random.choice(names))

    def do(self, name):
        patiently(self.leader, "a leader")
        self.did.append(name.replace("_", " "))
        getattr(self, name)()
        self.goes_on(self.did[-1])

    # Brokers

    def kill_leader(self):
        self.leader().signal(signal.SIGKILL)

    def stop_leader(self, sql="SELECT"):
        old = self.leader()
        old.signal(signal.SIGSTOP)
        try:
            self.database.sql(sql)
            self.other_than(old)
            self.goes_on("another leader")
        finally:
            old.signal(signal.SIGCONT)

    def hand_over(self):
        old = self.leader()
        old.signal(signal.SIGTERM)
        self.other_than(old)

    def kill_follower(self):
        self.random.choice(self.followers()).signal(signal.SIGKILL)

    def jump_clock(self):
        self.random.choice(self.members).set_clock(self.random.choice((-1, 1)) * self.random.randrange(HOUR, 48 * HOUR))

    # Servers

    def kill_server(self):
        self.database.kill()

    def kill_primary(self):
        self.database.primary.kill()
        old = self.database.fail_over()
        self.goes_on("the failover")
        self.database.repair(old)

    def kill_both(self):
        self.leader().signal(signal.SIGKILL)
        self.kill_primary()

    def kill_standby(self):
        standby = self.random.choice(self.database.standbys())
        standby.kill()
        self.goes_on("a standby was killed")
        standby.again()
        self.database.await_standbys()

    def fill_disk(self):
        """The publishers may be refused, or wait; the server may end itself."""
        server = self.database.primary
        server.fill()
        try:
            patiently(lambda: self._is_full(server), "a disk that is full", 30, every=0.5)
        except AssertionError:
            pass  # what is published fits into the segments that are there
        server.empty()
        server.again()

    def _is_full(self, server):
        before = self.clients["one"].count("acked")
        time.sleep(1)  # as long as nothing is acked
        return not server.runs() or self.clients["one"].count("acked") == before

    # Standbys that confirm nothing

    def cancel_waits(self):
        """An operator cancels commits that wait for a standby: the server then says that they succeeded, with a warning."""
        for standby in self.database.standbys():
            standby.stop_receiver()
        try:
            self._cancel()
        finally:
            for standby in self.database.standbys():
                standby.stop_receiver(signal.SIGCONT)

    def _cancel(self):
        for _ in range(2):  # the commit itself; then that which asks for its fate
            patiently(lambda: self.database.sql(self.CANCEL) != "0", "a commit that waits")

    def cancel_and_fail_over(self):
        """And then that server is lost, with what no standby has."""
        standbys = self.database.standbys()
        for standby in standbys:
            standby.stop_receiver()
        try:
            self._cancel()
            self.database.primary.kill()
        finally:
            for standby in standbys:
                standby.stop_receiver(signal.SIGCONT)
        old = self.database.fail_over()
        self.goes_on("the failover")
        self.database.repair(old)

    # Cuts

    def cut_node(self):
        node = self.random.randrange(1, self.network.count + 1)
        self._cut(f"cut node {node} off", [(node, other) for other in self.network.others(node)] + [(other, node) for other in self.network.others(node)], node)

    def cut_half(self):
        """One direction alone is lost."""
        node = self.random.randrange(1, self.network.count + 1)
        if self.random.random() < 0.5:
            self._cut(f"cut off what node {node} sends", [(node, other) for other in self.network.others(node)], node)
        else:
            self._cut(f"cut off what node {node} gets", [(other, node) for other in self.network.others(node)], node)

    def cut_from_database(self):
        """The leader reaches its clients and its followers, but not the server that leads. Where both are on one node, that node is cut off from the other
        nodes, and not from the clients."""
        leader, primary = self.leader().node, self.database.primary.node
        others = [node for node in self.network.others(leader) if node != CLIENTS] if leader == primary else [primary]
        self._cut(f"cut the broker on node {leader} off from the database", [pair for other in others for pair in ((leader, other), (other, leader))], leader)

    def _cut(self, what, pairs, node):
        self.did[-1] = what
        for pair in pairs:
            self.network.cut(*pair)
        lost = self.database.fail_over() if self.database.primary.node == node else None
        self.goes_on(what)
        demoted = lost and self.random.random() < 0.5  # before it is reached again, as a manager would; or it still passes for a primary
        if demoted:
            lost.kill()
        self.network.heal()
        if lost:
            if not demoted:
                self.goes_on("two primaries")
            self.database.repair(lost)


    # A loss

    def force(self):
        """A standby that lacks acknowledged entries is promoted by force, as all other servers are lost. Perhaps the leader is lost too."""
        stale = self.random.choice(self.database.standbys())
        stale.follow(None)
        self.goes_on("a standby stands still")
        self.goes_on("what it lacks")
        leader, others = self.leader(), [server for server in self.database.servers if server is not stale]
        for server in others:
            server.kill()
        self.did.append("a stale standby was promoted")
        if self.random.random() < 0.5:
            leader.signal(signal.SIGKILL)
            self.did.append("the leader was killed")
        self.database.lead(stale)
        for server in others:
            server.copy(stale)
            server.again()
        self.database.await_standbys()
        self.goes_on("the loss")


class Plants(Chaos):
    """Faults that must be found: what takes one promise of the database away, what happens then, and what the checker says of it."""
    KINDS = {"fences": ("loss", "double", "order", "reading"), "frames": ("loss",), "marks": ("double",), "keys": ("compare-and-set",), "groups": ("again",),
             "epoch": ("epoch",), "quorum": ("loss",)}
    ON_NODES = ("quorum",)
    # As it is, but for the check of the term; and without the constraints that forbid two leaders to continue from one position.
    UNFENCED = """ALTER TABLE zrelay.frames DROP CONSTRAINT frames_pkey, DROP CONSTRAINT frames_room_prev_key;
CREATE OR REPLACE FUNCTION zrelay.hold_lease(my_term bigint, my_batch bigint, level integer) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN UPDATE zrelay.lease SET batch = my_batch, until = clock_timestamp() + interval '5 seconds' WHERE term = my_term; END $$"""
    # The rows of a table stay as they are: what is committed is not stored.
    FORGETS = """CREATE FUNCTION zrelay.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON zrelay.{} FOR EACH ROW EXECUTE FUNCTION zrelay.forget()"""

    def plant(self, name):
        getattr(self, f"plant_{name}")()
        self.did.append(f"planted {name}")

    def another_leads(self):
        self.leader().signal(signal.SIGKILL)
        self.goes_on("another leader")

    def plant_fences(self):
        """Two leaders write: the client that is loyal to the old one goes on with it."""
        self.database.sql(self.UNFENCED)
        loyal, old = self.clients["loyal"], self.members[0]
        if self.leader() is not old:
            raise AssertionError("the first broker does not lead")
        self.stop_leader("UPDATE zrelay.lease SET until = '-infinity'")  # as if it had stood still for longer
        count = loyal.count("acked")
        patiently(lambda: loyal.count("acked") > count + 10, "the old leader acks")

    def plant_frames(self):
        self.database.sql("DELETE FROM zrelay.frames WHERE last = (SELECT min(last) FROM zrelay.frames)")

    def _forget(self, table):
        self.database.sql(self.FORGETS.format(table))
        self.goes_on("the trigger")
        self.goes_on("some of it is not stored")

    def plant_marks(self):
        """The next leader does not know which entries are stored. Some are in flight when the old one is killed."""
        self._forget("marks")
        for _ in range(8):
            self.another_leads()

    def plant_keys(self):
        """A client that comes later replaces a value of long ago."""
        self._forget("keys")
        self.another_leads()
        self.client("counter", "late", self.everywhere)
        patiently(lambda: self.clients["late"].count("acked"), "an ack over another value than the last")

    def plant_groups(self):
        self._forget("groups")
        self.another_leads()

    def plant_epoch(self):
        self.database.sql("UPDATE zrelay.log SET copy = true")
        self.another_leads()

    def _stop_standbys(self):
        for standby in self.database.standbys():
            standby.stop_receiver()

    def _lose_primary(self, leader):
        """With it goes the leader, which knows what was confirmed."""
        standbys = self.database.standbys()
        self.database.primary.kill()
        leader.signal(signal.SIGKILL)
        for standby in standbys:
            standby.stop_receiver(signal.SIGCONT)
        self.database.fail_over()
        self.goes_on("the failover")

    def plant_quorum(self):
        """Acks come before any standby has the entry: the server does not wait, and nothing asks whether it does."""
        self.database.sql(self.UNFENCED)
        leader = self.leader()
        self._stop_standbys()
        self.database.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.database.sql("SELECT pg_reload_conf()")
        self.goes_on("nothing waits")
        self._lose_primary(leader)
