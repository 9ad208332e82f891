"""The servers of a client: one is in use, and after a loss the next one is."""
import unittest

from fake import World
from zrelay.core.servers import SERVERS_MAX, Server, Servers

A, B, C = ("tcp://192.0.2.1:1", "tcp://192.0.2.2:1", "tcp://192.0.2.3:1")


class ServersTest(unittest.TestCase):
    def test_the_next_one_follows_and_the_first_after_the_last(self):
        servers = Servers([Server(A), Server(B)])
        seen = []
        for _ in range(3):
            seen.append(servers.now().endpoint)
            servers.next()
        self.assertEqual(seen, [A, B, A])

    def test_peers_are_learned_with_the_key_of_their_namer_and_by_the_rules_for_the_back(self):
        servers = Servers([Server(A, "key a"), Server(B, "key b")])
        servers.learn([A, C, "tcp://127.0.0.1:1", "nonsense", 7])
        self.assertEqual(len(servers), 3)
        servers.next()
        servers.next()
        self.assertEqual(servers.now(), Server(C, "key a"))
        servers.learn([])  # the one in use stays
        self.assertEqual((len(servers), servers.now().endpoint), (3, C))
        servers.next()
        servers.learn([])
        self.assertEqual((len(servers), str(servers)), (2, f"{A},{B}"))

    def test_at_most_so_many_are_kept(self):
        servers = Servers([Server(A)])
        servers.learn([f"tcp://192.0.2.9:{port}" for port in range(1, 30)])
        self.assertEqual(len(servers), SERVERS_MAX)


HERE = ("tcp://127.0.0.1:1", "tcp://127.0.0.1:2")  # the fake broker names a back on this machine


class FailOver(unittest.TestCase):
    def test_a_lost_session_goes_on_at_the_next_server(self):
        world = World(servers=HERE)
        self.assertEqual(world.edge.links[-1].server.endpoint, HERE[0])
        world.edge.links[-1].handlers.lost("gone")
        world.edge.run(1)
        self.assertEqual(world.edge.links[-1].server.endpoint, HERE[1])
        self.assertEqual(len({link.sent[0]["client"] for link in world.edge.links}), 1)

    def test_a_server_that_cannot_be_reached_is_left_only_for_another(self):
        world = World(live=False, servers=(A, B))
        world.edge.links[-1].handlers.unreachable("nobody")
        world.edge.run(1)
        self.assertEqual([link.server.endpoint for link in world.edge.links], [A, B])
        alone = World(live=False, servers=(A,))
        alone.edge.links[-1].handlers.unreachable("nobody")
        alone.edge.run(1)
        self.assertEqual(len(alone.edge.links), 1)
