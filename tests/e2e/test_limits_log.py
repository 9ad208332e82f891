"""Limits of replays and of the log, in memory and on disk."""
import json
import signal
import sqlite3
import unittest

from harness import deliver_entries, publish_frame, wait_for
from limit_case import LimitCase, covers, limits, log


class Replays(LimitCase):
    @covers("max-replays")
    def test_max_replays(self):
        broker = self.broker(config=limits(max_replays=2))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["replays"], 2)
        broker.signal(signal.SIGSTOP)  # so that all of them are there when it wakes up
        for number in range(10):
            peer.send(json.dumps({"op": "replay", "room": "room", "after": 0, "id": number}).encode())
        broker.signal(signal.SIGCONT)
        codes = [peer.control().get("code", "replayed") for _ in range(10)]
        self.assertEqual(set(codes), {"replayed", "too-many-replays"})
        self.assertGreaterEqual(codes.count("replayed"), 2)

    @covers("max-lists")
    def test_max_lists(self):
        broker = self.broker(config=limits(max_lists=2))
        peer = self.peer(broker)
        broker.signal(signal.SIGSTOP)  # so that all of them are there when it wakes up
        for number in range(10):
            peer.send(json.dumps({"op": "rooms", "id": number}).encode())
        broker.signal(signal.SIGCONT)
        codes = [peer.control().get("code", "rooms") for _ in range(10)]
        self.assertEqual(set(codes), {"rooms", "rate-limited"})
        self.assertGreaterEqual(codes.count("rooms"), 2)

    @covers("replay-entries", "replay-frames", "replay-bytes")
    def test_slices(self):
        """Of five frames of one entry each two are a slice. Where slices end exactly stands in the core's replay_test.c and state_test.c."""
        for config in (limits(replay_entries=2), limits(replay_frames=2), limits(replay_bytes="1k")):
            with self.subTest(config):
                peer = self.peer(self.broker(config=config))
                self.publish_one_by_one(peer, "room", 5, bytes(400))
                answer, frames = self.replay(peer, room="room", after=0)
                self.assertEqual((answer["count"], answer["seq"], answer["more"], len(frames)), (2, 2, True, 2))
                answer, frames = self.replay(peer, room="room", after=4)
                self.assertEqual((answer["count"], answer["seq"], answer["more"], len(frames)), (1, 5, False, 1))


class Log(LimitCase):
    def assert_kept(self, peer, room, oldest, head):
        """The log reaches back to `oldest` and says so wherever it matters."""
        joined = peer.ask(op="join", room=room, after=0)
        self.assertEqual((joined["seq"], joined["oldest"], joined["recovered"]), (head, oldest, oldest == 0))
        self.assertTrue(peer.ask(op="join", room=room, after=oldest)["recovered"])
        self.assertFalse(peer.ask(op="join", room=room, after=head + 1)["recovered"])
        answer, frames = self.replay(peer, room=room, after=0)
        self.assertEqual((answer["complete"], answer["seq"], answer["count"]), (oldest == 0, head, head - oldest))
        self.assertEqual([entry[0] for frame in frames for entry in frame], list(range(oldest + 1, head + 1)))
        answer, _ = self.replay(peer, room=room, after=oldest)
        self.assertTrue(answer["complete"])
        answer, _ = self.replay(peer, room=room, last=head)
        self.assertEqual((answer["complete"], answer["count"]), (oldest == 0, head - oldest))

    @covers("room-entries")
    def test_room_entries(self):
        peer = self.peer(self.broker(config=log(room_entries=5)))
        self.publish_one_by_one(peer, "room", 5)
        self.assert_kept(peer, "room", 0, 5)
        self.publish_one_by_one(peer, "room", 7, first=6)
        self.publish_one_by_one(peer, "other", 3, first=20)
        self.assert_kept(peer, "room", 7, 12)
        self.assert_kept(peer, "other", 0, 3)

    @covers("room-bytes")
    def test_room_bytes(self):
        peer = self.peer(self.broker(config=log(room_bytes="4k")))
        self.publish_one_by_one(peer, "other", 1)
        self.publish_one_by_one(peer, "room", 10, bytes(900), first=2)
        oldest = peer.ask(op="join", room="room")["oldest"]
        self.assertIn(oldest, range(6, 9))  # a little is added for the bookkeeping
        self.assert_kept(peer, "room", oldest, 10)
        self.assert_kept(peer, "other", 0, 1)

    @covers("entries")
    def test_entries_of_all_rooms(self):
        peer = self.peer(self.broker(config=log(entries=5)))
        self.publish_one_by_one(peer, "a", 3)
        self.publish_one_by_one(peer, "b", 4, first=4)
        self.assert_kept(peer, "a", 2, 3)
        self.assert_kept(peer, "b", 0, 4)
        self.publish_one_by_one(peer, "b", 2, first=8)
        self.assert_kept(peer, "a", 3, 3)
        self.assert_kept(peer, "b", 1, 6)

    @covers("bytes")
    def test_bytes_of_all_rooms(self):
        peer = self.peer(self.broker(config=log(bytes="4k")))
        self.publish_one_by_one(peer, "a", 2, bytes(900))
        self.publish_one_by_one(peer, "b", 3, bytes(900), first=3)
        oldest = peer.ask(op="join", room="a")["oldest"]
        self.assertIn(oldest, (1, 2))
        self.assert_kept(peer, "a", oldest, 2)
        self.assert_kept(peer, "b", 0, 3)


class OnDisk(LimitCase):
    """The limits of the log on disk; the first of a test's publishers has message ids from 1 on."""

    def durable(self, config=""):
        return self.broker("--data", self.path("data"), config=config)

    def database(self):
        connection = sqlite3.connect(self.path("data/zrelay.db"), isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def stop(self, broker):
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0, broker.errors())

    def wait_oldest(self, peer, room, oldest):
        wait_for(lambda: peer.ask(op="join", room=room)["oldest"] == oldest, f"everything up to {oldest} to be deleted")

    @covers("queue-bytes")
    def test_what_may_wait_for_the_disk(self):
        broker = self.durable(log(queue_bytes="64k"))
        peer, other = self.peer(broker), self.peer(broker)
        database = self.database()
        database.execute("BEGIN IMMEDIATE")  # nothing can be written
        peer.send(publish_frame("room", (1, bytes(60000))))
        self.assertEqual(other.ask(op="ping")["op"], "pong")
        peer.send(publish_frame("room", (2, bytes(60000))))

        def deaf():
            other.send(b'{"op":"ping","id":1}')
            return not other.front.poll(200) or not other.receive()
        wait_for(deaf, "the broker to read nothing any more")
        database.execute("ROLLBACK")
        self.assertEqual(other.control()["re"], 1)
        answer = self.answer(peer)
        if answer == ("ack", 1, 1):  # or one ack speaks of both
            answer = self.answer(peer)
        self.assertEqual(answer, ("ack", 2, 2))

    @covers("mark-age")
    def test_client_ids_are_forgotten(self):
        broker = self.durable()
        one, two = self.peer(broker), self.peer(broker)
        self.assertEqual(self.publish(one, "room", (1, b"")), ("ack", 1, 1))
        self.assertEqual(self.publish(two, "room", (1, b"")), ("ack", 1, 2))
        self.stop(broker)
        self.database().execute("UPDATE marks SET used = used - 120000000 WHERE client = ?", (one.client.encode(),))
        self.stop(self.durable(log(mark_age="1h")))
        broker = self.durable(log(mark_age="1m"))
        wait_for(lambda: self.database().execute("SELECT count(*) FROM marks").fetchone() == (1,), "a mark to be forgotten")
        self.stop(broker)
        broker = self.durable()
        self.assertEqual(self.publish(self.peer(broker, client=two.client), "room", (1, b"")), ("ack", 1, 0))
        self.assertEqual(self.publish(self.peer(broker, client=one.client), "room", (1, b"")), ("ack", 1, 3))

    @covers("max-age")
    def test_age_of_entries_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = room\n    max-age = 1s\n"))
        self.publish_one_by_one(peer, "room", 3)
        self.publish_one_by_one(peer, "other", 3, first=4)
        self.wait_oldest(peer, "room", 2)  # the newest stays
        self.assertEqual(peer.ask(op="join", room="other")["oldest"], 0)

    @covers("max-key-age")
    def test_age_of_values_of_a_room(self):
        """Readers get the deletion; after a restart the value stays away."""
        broker = self.durable("room\n    pattern = room\n    max-key-age = 1s\n")
        peer = self.peer(broker)
        reader = self.peer(broker)
        reader.subscribe(b"room\0")
        for room in ("room", "other"):
            peer.ask(op="publish", room=room, key="k", text="x")
        (first, second) = (deliver_entries(reader.live())[3][0] for _ in range(2))
        self.assertEqual((first[4], second[4]), (b"k", b"k"))
        self.assertTrue(second[2] & 1, second)  # DELETE
        self.assertEqual(second[3], first[3])  # the sender's name
        self.stop(broker)
        peer = self.peer(self.durable("room\n    pattern = room\n    max-key-age = 1s\n"))
        values = []
        for room in ("room", "other"):
            peer.send(json.dumps({"op": "state", "room": room, "id": 1}).encode())
            frames = iter(peer.receive, None)
            values.append(next(frames)[:1] != b"{")
            if values[-1]:
                peer.control()
        self.assertEqual(values, [False, True])

    @covers("max-ttl")
    def test_time_to_live_of_a_value(self):
        peer = self.peer(self.broker(config="limits\n    max-ttl = 1s\n"))
        publish = {"op": "publish", "room": "room", "key": "k", "text": "x"}
        self.assertEqual(self.code(peer.ask(**publish, ttl=1001)), "bad-member")
        self.assertEqual(peer.ask(**publish, ttl=1000)["seq"], 1)
        wait_for(lambda: peer.ask(op="rooms")["rooms"][0]["seq"] == 2, "the broker to delete the key")
        self.assertEqual(peer.ask(op="state", room="room")["count"], 0)

    @covers("forget-after")
    def test_rooms_are_forgotten(self):
        aged = "room\n    pattern = room*\n    max-age = 1s\n"
        broker = self.durable(log(forget_after="1s") + aged)
        peer = self.peer(broker)
        self.publish_one_by_one(peer, "room1", 3)
        self.publish_one_by_one(peer, "other", 1, first=4)  # is kept for ever
        peer.ask(op="join", room="room2")
        self.publish_one_by_one(peer, "room2", 1, first=5)
        names = lambda: [room["room"] for room in peer.ask(op="rooms")["rooms"]]
        wait_for(lambda: "room1" not in names(), "the room to be forgotten")
        self.assertEqual(names(), ["other", "room2"])  # somebody is in it
        self.assertEqual(self.publish(peer, "room1", (6, b"")), ("ack", 6, 4))
        self.stop(broker)
        peer = self.peer(self.durable(log(forget_after="1h") + aged))
        self.wait_oldest(peer, "room2", 0)
        self.assertEqual(names(), ["other", "room1", "room2"])

    @covers("max-entries")
    def test_entries_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = ro*\n    max-entries = 5\n"))
        self.publish_one_by_one(peer, "room", 8)
        self.wait_oldest(peer, "room", 3)
        peer.send(publish_frame("rooms", *((mid, b"") for mid in range(9, 109))))  # in one frame, of which the end stays
        self.wait_oldest(peer, "rooms", 95)

    @covers("max-bytes")
    def test_bytes_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = *\n    max-bytes = 4k\n"))
        self.publish_one_by_one(peer, "room", 10, bytes(900))
        self.wait_oldest(peer, "room", 6)  # frames are a little more than their bodies
        peer.send(publish_frame("rooms", *((mid, bytes(900)) for mid in range(11, 31))))  # in one frame, of which the end stays
        self.wait_oldest(peer, "rooms", 16)


if __name__ == "__main__":
    unittest.main()
