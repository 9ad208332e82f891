"""Limits of replays and of the log, in memory and on disk: each is tried on both sides."""
import json
import secrets
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
        self.publish_one_by_one(peer, "room", 3)
        broker.signal(signal.SIGSTOP)  # so that all of them are there when it wakes up
        for number in range(10):
            peer.send(json.dumps({"op": "replay", "room": "room", "after": 0, "id": number}).encode())
        broker.signal(signal.SIGCONT)
        answers = [self.answer(peer) for _ in range(10)]
        codes = [answer.get("code", "replayed") for answer in answers]
        self.assertLessEqual(set(codes), {"replayed", "too-many-replays"})
        self.assertGreaterEqual(codes.count("replayed"), 2)
        self.assertGreaterEqual(codes.count("too-many-replays"), 1)
        self.assertEqual(sorted(answer["re"] for answer in answers), list(range(10)))
        self.assertEqual(self.replay(peer, room="room", after=0)[0]["count"], 3)

    def slices(self, peer, room, entries, **request):
        """Replays it all in slices; each as its frames' numbers of entries."""
        found, seqs, after = [], [], 0
        while True:
            answer, frames = self.replay(peer, room=room, after=after, **request)
            self.assertTrue(answer["complete"])
            self.assertEqual(answer["count"], sum(map(len, frames)))
            found.append([len(frame) for frame in frames])
            seqs += [entry[0] for frame in frames for entry in frame]
            after = answer["seq"]
            self.assertEqual(after, seqs[-1])
            if not answer["more"]:
                self.assertEqual(seqs, list(range(1, entries + 1)))
                return found

    @covers("replay-entries")
    def test_replay_entries(self):
        peer = self.peer(self.broker(config=limits(replay_entries=3)))
        self.publish(peer, "room", *((mid, b"") for mid in range(1, 8)))  # all in one frame, which must be cut
        self.assertEqual(self.slices(peer, "room", 7), [[3], [3], [1]])
        self.assertEqual(self.slices(peer, "room", 7, limit=2), [[2], [2], [2], [1]])
        self.assertEqual(self.slices(peer, "room", 7, limit=100), [[3], [3], [1]])
        for key in range(7):
            peer.ask(op="publish", room="state", key=f"k{key}")
        self.assertEqual(self.snapshot(peer), [3, 3, 1])

    def snapshot(self, peer):
        counts, seqs, after = [], [], 0
        while True:
            request = {"op": "state", "room": "state", "after": after, "id": secrets.token_hex(4)}
            peer.send(json.dumps(request).encode())
            count = 0
            while (frame := peer.receive())[:1] != b"{":
                _, flags, prev, entries = deliver_entries(frame)
                self.assertEqual((flags & 2, prev), (2, after))
                seqs += [entry[0] for entry in entries]
                count += len(entries)
            answer = json.loads(frame)
            self.assertEqual((answer["op"], answer["count"]), ("ok", count))
            counts.append(count)
            after = answer["next"]
            if not answer["more"]:
                self.assertEqual(seqs, sorted(set(seqs)))
                return counts

    @covers("replay-frames")
    def test_replay_frames(self):
        peer = self.peer(self.broker(config=limits(replay_frames=2)))
        self.publish_one_by_one(peer, "room", 5)
        self.assertEqual(self.slices(peer, "room", 5), [[1, 1], [1, 1], [1]])

    @covers("replay-bytes")
    def test_replay_bytes(self):
        peer = self.peer(self.broker(config=limits(replay_bytes="1k")))
        self.publish_one_by_one(peer, "room", 4, bytes(400))
        self.publish_one_by_one(peer, "room", 1, bytes(4000), first=5)  # never before one frame
        self.assertEqual(self.slices(peer, "room", 5), [[1, 1], [1, 1], [1]])
        for key in range(4):
            peer.ask(op="publish", room="state", key=f"k{key}", text="x" * 400)
        self.assertEqual(self.snapshot(peer), [2, 2])


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

    @covers("room-entries")
    def test_state_outlives_the_log(self):
        peer = self.peer(self.broker(config=log(room_entries=2)))
        peer.ask(op="publish", room="room", key="key", text="value")
        self.publish_one_by_one(peer, "room", 5)
        peer.send(b'{"op":"state","room":"room","id":1}')
        self.assertEqual(deliver_entries(peer.receive())[3][0][4:], (b"key", b"value"))


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

    @covers("max-bytes")
    def test_bytes_of_a_room(self):
        peer = self.peer(self.durable("room\n    pattern = *\n    max-bytes = 4k\n"))
        self.publish_one_by_one(peer, "room", 10, bytes(900))
        self.wait_oldest(peer, "room", 5)  # frames are a little more than their bodies; the one that passes the limit stays


if __name__ == "__main__":
    unittest.main()
