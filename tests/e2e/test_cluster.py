"""Brokers that share a PostgreSQL: one leads, the others follow it as leaves, and lead when it is gone."""
import json
import re
import signal
import socket
import subprocess
import unittest

from harness import ZRELAYD, publish_frame, wait_for
from postgres_case import PostgresCase, installed

CONFIG = "server\n    heartbeat = 1000\n    tick = 20\n"
LEADS = "no broker leads: this one does from now on"
FOLLOWS = "leads; this one follows it"


def setUpModule():
    if not installed():
        raise unittest.SkipTest("PostgreSQL is not installed, or zrelayd was built without libpq")


def free_ports():
    """Two ports in a row that are free now."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class ClusterCase(PostgresCase):
    def setUp(self):
        super().setUp()
        self.fronts = [f"tcp://127.0.0.1:{free_ports()}" for _ in range(3)]

    def member(self, number, config=CONFIG):
        front = self.fronts[number]
        return self.broker("--listen", front, "--store", self.cluster.uri, config=f"{config}cluster\n    advertise = {front}\n")

    def three(self):
        leader = self.member(0)
        followers = [self.member(1), self.member(2)]
        for follower in followers:
            follower.wait_err("a leaf of the broker at")
        return leader, followers

    def rows(self, number):
        done = self.run_zrelay(self.fronts[number], "cluster", "--json")
        return [json.loads(line) for line in done.lines()]

    def led_by(self):
        return self.cluster.sql("SELECT endpoint FROM zrelay.lease")


class Members(ClusterCase):
    def test_clients_of_all_brokers_are_in_one_room_and_learn_of_the_others(self):
        leader, followers = self.three()
        self.assertIn(FOLLOWS, followers[0].errors())
        peers = [self.peer(front, name) for front, name in zip(self.fronts, ("ann", "bob", "eve"))]
        for peer in peers:
            self.assertEqual(peer.welcome["epoch"], leader.epoch)
            peer.subscribe(b"room\0")
            self.assertEqual(peer.ask(op="join", room="room")["op"], "joined")
        peers[1].send(publish_frame("room", (1, b"x")))
        self.assertEqual(peers[1].receive()[:1], b"\2")
        for peer in peers:
            self.assertIn(b"x", peer.live())
        for number in range(3):
            others = sorted(self.fronts[:number] + self.fronts[number + 1:])
            wait_for(lambda number=number, others=others: sorted(self.peer(self.fronts[number]).welcome.get("peers", ())) == others, "peers")

    def test_an_operator_sees_who_leads(self):
        self.three()
        wait_for(lambda: len(self.rows(1)) == 3, "three brokers")
        self.assertEqual({row["endpoint"]: row["part"] for row in self.rows(2)}, dict(zip(self.fronts, ("leads", "follows", "follows"))))
        text = self.run_zrelay(self.fronts[1], "cluster").out
        self.assertRegex(bytes(text), rb"term [0-9]+ since ")


    def test_the_settings_of_a_follower_differ_in_nothing(self):
        """What it has from the broker that leads is no difference from its file."""
        self.member(0)
        config = f"{CONFIG}    settings-file = {self.path('in-force')}\nroom\n    pattern = a*\n    max-entries = 5\n"
        self.member(1, config).wait_err("a leaf of the broker at")
        text = f"{config}cluster\n    advertise = {self.fronts[1]}\n"
        done = subprocess.run([ZRELAYD, "--listen", self.fronts[1], "--store", self.cluster.uri, "--config", self.file("again.conf", text),
                               "--check-config"], capture_output=True, text=True, check=True)
        self.assertIn("SIGHUP changes:\n  nothing\na restart changes:\n  nothing\n", done.stdout)


class TakeOver(ClusterCase):
    def go_on(self, end):
        leader, followers = self.three()
        epoch = leader.epoch
        everywhere = ",".join(self.fronts)
        reader = self.zrelay(everywhere, "sub", "room", "--all", "--count", "200")
        publisher = self.zrelay(everywhere, "pub", "room")
        publisher.write(b"".join(b"%d\n" % number for number in range(1, 101)))
        wait_for(lambda: len(reader.lines()) >= 100, "the first entries")
        end(leader)
        publisher.write(b"".join(b"%d\n" % number for number in range(101, 201)))
        publisher.close_stdin()
        self.assertEqual((publisher.finish(), reader.finish()), (0, 0), publisher.errors() + reader.errors())
        self.assertEqual(bytes(reader.out), b"".join(b"%d\n" % number for number in range(1, 201)))
        self.assertIn(self.led_by(), self.fronts[1:])
        self.assertEqual(sum(LEADS in follower.errors() for follower in followers), 1)
        self.assertEqual(self.peer(self.led_by()).welcome["epoch"], epoch)
        return leader, followers

    def test_after_sigterm(self):
        def end(leader):
            leader.signal(signal.SIGTERM)
            self.assertEqual(leader.finish(), 0)
        leader, _ = self.go_on(end)
        again = self.member(0)  # it comes back and follows
        again.wait_err("a leaf of the broker at")
        self.assertIn(FOLLOWS, again.errors())
        self.assertEqual(self.peer(again).welcome["epoch"], leader.epoch)

    def test_after_kill_9(self):
        self.go_on(lambda leader: leader.signal(signal.SIGKILL))

    def test_a_leader_that_stood_still_stores_nothing_more(self):
        leader, followers = self.three()
        peer = self.peer(leader, "ann")
        leader.signal(signal.SIGSTOP)
        self.addCleanup(leader.signal, signal.SIGCONT)
        self.cluster.sql("UPDATE zrelay.lease SET until = '-infinity'")  # as if it had stood still for longer than its lease lasts
        wait_for(lambda: self.led_by() in self.fronts[1:], "another leader")
        next(follower for follower in followers if follower.server == self.led_by()).wait_err(LEADS)
        peer.send(publish_frame("room", (1, b"late")))
        leader.signal(signal.SIGCONT)
        self.assertEqual(leader.finish(), 1)
        self.assertIn("another broker leads", leader.errors())
        wait_for(lambda: self.run_zrelay(self.led_by(), "history", "room").out == b"", "nothing was stored")


class Doubt(ClusterCase):
    """What a broker does while it cannot know whether it leads, and when the database lost what was acknowledged."""

    def test_a_leader_whose_lease_is_over_says_nothing_more(self):
        config = "server\n    heartbeat = 3000\nroom\n    pattern = memory\n    level = memory\n"
        leader = self.member(0, config)
        self.run_zrelay(leader, "pub", "room", "x")  # from now on the lease lasts 5 s, as after each commit
        peer = self.peer(leader, "ann")
        peer.send(publish_frame("memory", (1, b"x")))
        self.assertEqual(peer.receive()[:1], b"\2")
        with subprocess.Popen(["psql", "-XAtq", "-d", self.cluster.uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            other.stdin.write("BEGIN; SELECT one FROM zrelay.lease FOR UPDATE;\n")  # no renewal is confirmed
            other.stdin.flush()
            self.assertEqual(other.stdout.readline(), "t\n")
            leader.wait_err("it stands still")
            peer.send(publish_frame("memory", (2, b"late")))
            other.stdin.write("UPDATE zrelay.lease SET term = term + 1, holder = 'another', until = 'infinity', pid = 0; COMMIT;\n")
        self.assertEqual(leader.finish(), 1)
        self.assertIn("another broker leads", leader.errors())
        self.assertFalse(peer.front.poll(0) and peer.receive(), "an ack")

    def test_a_follower_that_knows_of_a_loss_begins_an_epoch(self):
        leader, followers = self.three()
        client = self.zrelay(",".join(self.fronts[1:]), "sub", "room")
        for text in ("one", "two", "three"):
            self.run_zrelay(leader, "pub", "room", text)
        seen = "SELECT min(seen) > '{}' FROM zrelay.brokers"
        for _ in range(2):  # a follower notes itself, and then looks
            now = self.cluster.sql("SELECT clock_timestamp()")
            wait_for(lambda now=now: self.cluster.sql(seen.format(now)) == "t", "a look of each broker")
        leader.signal(signal.SIGSTOP)
        self.addCleanup(leader.signal, signal.SIGCONT)
        self.cluster.sql("UPDATE zrelay.lease SET batch = 0")
        wait_for(lambda: "lost messages that it had confirmed" in "".join(follower.errors() for follower in followers), "a line about it")
        client.wait_err("the broker has another log")


class Encrypted(ClusterCase):
    """Each broker has keys of its own. The others find them in the database, and clients are told each."""

    def pair(self, name):
        made = subprocess.run([ZRELAYD, "--keygen", self.path(name)], capture_output=True, check=True, text=True)
        return re.search(r"public key, (.{40})\n", made.stdout)[1]

    def encrypted(self, number, users):
        secret = self.path(f"broker{number}_secret")
        config = f"{CONFIG}upstream\n    certificate = {secret}\nauth\n    encrypt = all\n    server-key = {secret}\n    users = {users}\n"
        return self.member(number, config)

    def test_a_client_goes_on_at_the_other_broker_by_its_key(self):
        keys = [self.pair(f"broker{number}") for number in range(2)]
        users = self.users("".join(f'user\n    name = b{number}\n    key = "{key}"\n    allow = "leaf : *"\n' for number, key in enumerate(keys)) +
                           f'user\n    name = ann\n    key = "{self.pair("ann")}"\n    allow = "all : *"\n')
        leader = self.encrypted(0, users)
        follower = self.encrypted(1, users)
        follower.wait_err("a leaf of the broker at")
        both = f"{self.fronts[1]},{self.fronts[0]}"
        given = ["--certificate", self.path("ann"), "--server-key", f"{keys[1]},{keys[0]}"]
        reader = self.zrelay(both, "sub", "room", "--all", "--count", "2", *given)
        self.run_zrelay(both, "pub", "room", "one", *given)
        leader.signal(signal.SIGKILL)
        self.run_zrelay(both, "pub", "room", "two", *given, "--connect-timeout", "20")
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(bytes(reader.out), b"one\ntwo\n")
        wrong = [*given[:-1], f"{keys[0]},{keys[1]}"]
        self.assertIn("another key", self.run_zrelay(both, "pub", "room", "x", *wrong, code=1).errors())

    def test_a_broker_with_a_key_does_not_follow_a_leader_elsewhere_in_the_clear(self):
        self.broker("--listen", self.fronts[0], "--store", self.cluster.uri, config=f"{CONFIG}cluster\n    advertise = tcp://192.0.2.1:5570\n")
        users = self.users(f'user\n    name = b\n    key = "{self.pair("b")}"\n    allow = "all : *"\n')
        config = self.file("x.conf", f"auth\n    encrypt = all\n    users = {users}\n    server-key = {self.path('b_secret')}\n"
                           f"cluster\n    advertise = {self.fronts[1]}\n")
        self.assertIn("not encrypted at tcp://192.0.2.1:5570", self.refused("--store", self.cluster.uri, "--config", config))


class Refused(ClusterCase):
    def test_it_needs_a_database(self):
        broker = ["--listen", self.fronts[0], "--config", self.file("x.conf", f"cluster\n    advertise = {self.fronts[0]}\n")]
        self.assertIn("log/store", self.refused(*broker))

    def test_a_leader_without_an_endpoint_is_not_followed(self):
        self.durable(config=CONFIG)
        config = self.file("x.conf", f"cluster\n    advertise = {self.fronts[0]}\n")
        self.assertIn("cluster/advertise there too", self.refused("--store", self.cluster.uri, "--config", config))

    def test_a_follower_that_cannot_start_says_why(self):
        self.member(0)
        config = self.file("x.conf", f"cluster\n    advertise = {self.fronts[1]}\n")
        self.assertIn(self.fronts[0], self.refused("--listen", self.fronts[0], "--store", self.cluster.uri, "--config", config))


if __name__ == "__main__":
    unittest.main()
