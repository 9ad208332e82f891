"""Rooms of a prefix: the list, frames and pongs show which there are."""
import unittest

from fake import OTHER_EPOCH, World, deliver
from zrelay.core.prefix import Forgotten, Prefix
from zrelay.core.reader import Options


class PrefixCase(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.edge, self.client = self.world.edge, self.world.client

    def join(self, listed=(), prefix="m/", **options):
        """Joins a prefix whose rooms are `listed`: (room, head)."""
        self.one, self.seen = self.client.join(prefix + "*", Options(**options)), []
        self.watch()
        self.edge.synced()
        self.edge.answer("follow", "ok", prefix=prefix)
        self.list(*listed)

    def watch(self):
        self.one.on("message", lambda each: self.seen.append((each.room, each.text)))
        for name in ("lost", "forgotten", "recovered"):
            self.one.on(name, lambda value, name=name: self.seen.append((name, value)))

    def list(self, *rooms, more=False):
        self.edge.answer("rooms", "rooms", rooms=[{"room": room, "seq": seq, "count": 0} for room, seq in rooms], more=more)

    def replays(self):
        return [(each["room"], each.get("after", -each.get("last", 0))) for each in self.edge.sent("replay")]

    def replayed(self, room, *frames, seq, **answer):
        asked = [each for each in self.edge.sent("replay") if each["room"] == room][-1]
        for frame in frames:
            self.edge.front(frame)
        self.edge.tell("replayed", **{"re": asked["id"], "room": room, "seq": seq, "complete": True, "more": False, "count": 1, **answer})

    def taken(self):
        found = []
        while (item := self.one.feed.take()) is not None:
            found.append((item.room, getattr(item, "text", "lost")))
        return found


class PrefixTest(PrefixCase):
    def test_existing_rooms_are_read_from_now_on(self):
        self.join([("m/a", 5), ("m/b", 0)])
        self.assertEqual((self.edge.sent("follow")[0]["prefix"], self.edge.link.topics, self.replays()), ("m/", [b"m/"], []))
        self.assertTrue(self.one.is_ready)
        self.edge.back(deliver("m/a", 5, (6, "six")))
        self.edge.back(deliver("m/b", 0, (1, "one")))
        self.edge.back(deliver("other", 0, (1, "not this one")))
        self.assertEqual(self.seen, [("m/a", "six"), ("m/b", "one")])
        self.assertEqual(self.taken(), self.seen)

    def test_the_list_is_read_to_its_end(self):
        self.one = self.client.join("m/*", Options())
        self.edge.synced()
        self.edge.answer("follow", "ok", prefix="m/")
        self.list(("m/a", 5), more=True)
        self.assertEqual(self.edge.sent("rooms")[-1]["after"], "m/a")
        self.assertFalse(self.one.is_ready)
        self.list(("m/b", 5))
        self.assertTrue(self.one.is_ready)
        self.assertEqual(sorted(self.one.rooms), ["m/a", "m/b"])

    def make_anew(self, **members):
        self.edge.lose()
        self.edge.run(0.5)
        self.edge.go_live(**members)
        self.edge.answer("follow", "ok", prefix="m/")

    def test_the_last_messages_or_all_of_existing_rooms_come_by_replay(self):
        self.join([("m/a", 5)], last=2)
        self.assertEqual(self.replays(), [("m/a", -2)])
        self.assertFalse(self.one.is_ready)
        self.replayed("m/a", deliver("m/a", 3, (4, "four"), (5, "five"), flags=1), seq=5)
        self.assertEqual((self.seen, self.one.is_ready), ([("m/a", "four"), ("m/a", "five")], True))
        self.one.leave()
        self.join([("m/a", 5)], after=0)
        self.assertEqual(self.replays()[-1], ("m/a", 0))

    def test_a_room_that_comes_up_later_is_read_from_its_beginning(self):
        self.join()
        self.edge.back(deliver("m/a", 0, (1, "one")))
        self.edge.back(deliver("m/b", 3, (4, "four")))
        self.assertEqual((self.seen, self.replays()), ([("m/a", "one")], [("m/b", 0)]))
        self.edge.tell("pong", heads={"m/c": 2, "other": 7}, versions={})
        self.edge.run(0.25)
        self.assertEqual(self.replays()[1:], [("m/c", 0)])

    def test_frames_that_come_before_the_list_are_not_missed(self):
        self.one, self.seen = self.client.join("m/*", Options()), []
        self.watch()
        self.edge.synced()
        self.edge.answer("follow", "ok", prefix="m/")
        self.edge.back(deliver("m/a", 5, (6, "six")))
        self.edge.back(deliver("m/new", 0, (1, "one")))
        self.list(("m/a", 5))
        self.assertEqual(self.replays(), [("m/a", 5), ("m/new", 0)])
        self.replayed("m/a", deliver("m/a", 5, (6, "six"), flags=1), seq=6)
        self.replayed("m/new", deliver("m/new", 0, (1, "one"), flags=1), seq=1)
        self.assertEqual((self.seen, self.one.is_ready), ([("m/a", "six"), ("m/new", "one")], True))

    def test_after_a_lost_session_rooms_are_listed_and_repaired(self):
        self.join([("m/a", 5), ("m/gone", 3)])
        self.make_anew()
        self.list(("m/a", 6), ("m/new", 2))
        self.assertEqual(self.replays(), [("m/a", 5), ("m/new", 0)])
        self.replayed("m/new", seq=2)
        self.assertEqual(self.replays()[2:], [("m/gone", 3)])
        self.replayed("m/a", deliver("m/a", 5, (6, "six"), flags=1), seq=6)
        self.assertNotIn("recovered", self.world.names())
        self.replayed("m/gone", seq=7, complete=False)
        self.assertEqual(self.seen[0], ("m/a", "six"))
        self.assertEqual(self.seen[1][0], "lost")
        self.assertEqual(self.world.last("recovered"), (1, False))

    def test_another_epoch_begins_its_rooms_anew(self):
        self.join([("m/a", 5)])
        self.make_anew(epoch=OTHER_EPOCH)
        self.list(("m/a", 2))
        self.assertEqual(self.replays(), [("m/a", 0)])
        self.assertEqual(self.seen[0][1].reason, "epoch")

    def test_a_pong_may_ask_for_another_list_or_another_ping(self):
        self.join([("m/a", 5)])
        self.edge.tell("pong", heads={}, versions={}, list=True)
        self.assertEqual(len(self.edge.sent("rooms")), 2)
        self.edge.tell("pong", heads={}, versions={}, list=True)
        self.list(("m/a", 5))
        self.assertEqual(len(self.edge.sent("rooms")), 3, "what came during a list is looked at after it")
        pings = len(self.edge.sent("ping"))
        self.edge.tell("pong", heads={}, versions={}, more=True)
        self.assertEqual(len(self.edge.sent("ping")), pings + 1)

    def test_a_room_that_may_not_be_read_now_keeps_its_position(self):
        self.join([("m/a", 5)])
        self.edge.back(deliver("m/a", 6, (7, "seven")))
        self.edge.refuse("replay", "forbidden")
        self.edge.run(3)
        self.assertEqual(self.replays(), [("m/a", 5)], "not again by itself")
        self.edge.back(deliver("m/a", 7, (8, "eight")))
        self.assertEqual(self.replays(), [("m/a", 5), ("m/a", 5)])

    def test_a_list_that_is_refused_is_asked_for_again(self):
        self.join([("m/a", 5)])
        self.edge.tell("pong", heads={}, versions={}, list=True)
        self.edge.refuse("rooms", "unknown")
        for _ in range(5):
            self.edge.run(1)
            self.edge.tell("pong", heads={}, versions={})
        self.assertEqual(len(self.edge.sent("rooms")), 3)

    def test_a_prefix_that_is_refused_ends(self):
        one = self.client.join("m/*", Options())
        self.edge.synced()
        self.edge.refuse("follow", "too-many-joins")
        self.assertEqual((one.is_over, one.failure.code, self.client.prefixes), (True, "too-many-joins", {}))

    def test_leaving_unfollows(self):
        self.join([("m/a", 5)])
        self.one.leave()
        self.assertEqual((self.edge.sent("unfollow")[0]["prefix"], self.edge.link.topics, self.client.prefixes), ("m/", [], {}))

    def test_a_room_may_be_joined_and_followed(self):
        self.join([("lobby/a", 5)], prefix="lobby/")
        _, seen = self.world.room("lobby/a", head=5)
        self.edge.back(deliver("lobby/a", 5, (6, "six")))
        self.assertEqual((seen, self.seen), (["six"], [("lobby/a", "six")]))

    def test_rooms_take_turns_in_a_loop(self):
        self.join([("m/a", 0), ("m/b", 0)])
        self.edge.back(deliver("m/a", 0, (1, "1"), (2, "2"), (3, "3")))
        self.edge.back(deliver("m/b", 0, (1, "1")))
        self.assertEqual(self.taken(), [("m/a", "1"), ("m/b", "1"), ("m/a", "2"), ("m/a", "3")])

    def test_all_rooms_are_the_empty_prefix(self):
        self.join([("m/a", 5)], prefix="")
        self.assertEqual(self.edge.link.topics, [b""])
        self.edge.back(deliver("m/a", 5, (6, "six")))
        self.assertEqual(self.seen, [("m/a", "six")])


class Bound(PrefixCase):
    def join_two(self):
        self.one = self.client.prefixes["m/"] = Prefix(self.client, "m/", Options(), 2)
        self.seen = []
        self.watch()
        self.client._begin(self.one)
        self.edge.synced()
        self.edge.answer("follow", "ok", prefix="m/")
        self.list(("m/a", 5), ("m/b", 5))

    def test_as_many_rooms_as_the_limit_are_kept(self):
        self.join_two()
        self.assertEqual((sorted(self.one.rooms), self.seen), (["m/a", "m/b"], []))

    def test_beyond_the_limit_the_room_that_moved_least_recently_is_forgotten(self):
        self.join_two()
        self.edge.back(deliver("m/a", 5, (6, "six")))
        self.one.feed.take()
        self.edge.back(deliver("m/c", 0, (1, "one")))
        self.assertEqual(self.seen[1:], [("forgotten", Forgotten("m/b", 5)), ("m/c", "one")])
        self.edge.back(deliver("m/b", 6, (7, "seven")))
        self.assertEqual(self.seen[-1], ("m/b", "seven"), "it is read again from its next message on")
        self.edge.tell("pong", heads={"m/a": 6}, versions={})
        self.assertNotIn("m/a", self.one.rooms, "a name without a frame says nothing")


if __name__ == "__main__":
    unittest.main()
