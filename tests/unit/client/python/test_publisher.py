import struct
import unittest

import fake  # noqa: F401  the path of the sources
from zrelay.core.publisher import Publisher
from zrelay.core.wire import Ack, AckFrame
from zrelay.errors import ZrelayError


def ids(frame):
    """The room and the message ids of a PUBLISH frame."""
    at = 2 + frame[1]
    found = [frame[2:at].decode()]
    while at < len(frame):
        mid, flags, size = struct.unpack_from(">QBB", frame, at)
        found.append(mid)
        at += 10 + size + (8 if flags & 2 else 0)
        at += 4 + struct.unpack_from(">I", frame, at)[0]
    return found


class PublisherTest(unittest.TestCase):
    def setUp(self):
        self.frames, self.timers, self.answers = [], [], {}
        self.make()

    def make(self, queue_bytes=10 ** 9, **limits):
        self.frames.clear()
        self.one = Publisher(lambda frame: self.frames.append(ids(frame)), {"frame": 200, "entries": 10, "window": 300, **limits},
                             lambda seconds, run: self.timers.append((seconds, run)), queue_bytes)
        self.one.start()

    def publish(self, room, body="x", key=None, expect=None, deleted=False, name=None):
        self.one.publish(room, body, key, expect, deleted, lambda error, ack: self.answers.update({name: error.code if error else ack}))

    def run_soon(self):
        """What was to run at once."""
        for timer in [each for each in self.timers if each[0] == 0]:
            self.timers.remove(timer)
            timer[1]()

    def ack(self, mid, seq=0, level="memory"):
        self.one.ack(AckFrame(level, mid, seq))

    def refuse(self, code, **m):
        self.one.refuse({**m, "code": code, "text": "no"}, ZrelayError(code, "no", seq=m.get("seq")))

    def test_messages_of_one_moment_share_a_frame_for_each_room_in_order(self):
        for room in "aaba":
            self.publish(room)
        self.run_soon()
        self.assertEqual(self.frames, [["a", 1, 2], ["b", 3], ["a", 4]])

    def test_an_ack_answers_all_up_to_its_id_and_only_the_last_one_learns_its_seq(self):
        for name in "xyz":
            self.publish("a", name=name)
        self.run_soon()
        self.ack(2, 70, "disk")
        self.assertEqual(self.answers, {"x": Ack("a", None, "disk"), "y": Ack("a", 70, "disk")})
        self.assertEqual(self.one.unanswered, 1)

    def test_the_window_bounds_what_is_under_way_but_one_message_always_goes(self):
        self.make(frame=1000, window=100)
        self.publish("a", "x" * 300)
        self.publish("a")
        self.run_soon()
        self.assertEqual(self.frames, [["a", 1]])
        self.ack(1)
        self.assertEqual(self.frames, [["a", 1], ["a", 2]])

    def test_a_frame_has_at_most_its_limit_of_bytes_and_entries(self):
        self.make(frame=100, entries=3, window=10000)
        for body in [""] * 7 + ["x" * 60] * 2:
            self.publish("a", body)
        self.run_soon()
        self.assertEqual(self.frames, [["a", 1, 2, 3], ["a", 4, 5, 6], ["a", 7, 8], ["a", 9]])

    def test_a_new_session_gets_everything_unanswered_again_under_the_same_ids(self):
        for _ in range(3):
            self.publish("a")
        self.run_soon()
        self.ack(1, 1)
        self.one.stop()
        self.publish("a", name="late")
        self.run_soon()
        self.assertEqual(len(self.frames), 1)
        self.one.start()
        self.assertEqual(self.frames[1], ["a", 2, 3, 4])
        self.ack(4)
        self.assertIsNone(self.answers["late"].seq, "the position of a resend is not known")

    def test_a_refusal_ends_its_messages_and_no_others(self):
        for name in "xyz":
            self.publish("a", key="k", name=name)
        self.run_soon()
        self.refuse("conflict", mid=2, seq=47)
        self.ack(3, 9)
        self.assertEqual(self.answers, {"x": Ack("a", None, "memory"), "y": "conflict", "z": Ack("a", 9, "memory")})

    def test_a_refusal_of_a_range_and_of_a_frame_that_was_not_readable_ends_all_of_them(self):
        for refusal in ({"mid": 1, "upto": 3, "code": "forbidden"}, {"mid": 1, "code": "bad-frame"}):
            self.answers.clear()
            self.make()
            for name in "xyz":
                self.publish("a", name=name)
            self.run_soon()
            self.refuse(**refusal)
            self.assertEqual(set(self.answers.values()), {refusal["code"]})
            self.assertEqual(len(self.answers), 3)

    def test_at_most_64_compare_and_set_entries_are_under_way(self):
        self.make(frame=100000, entries=1000, window=100000)
        for _ in range(65):
            self.publish("a", "", key="k", expect=0)
        self.run_soon()
        self.assertEqual([len(frame) - 1 for frame in self.frames], [64])
        self.ack(1)
        self.assertEqual(self.frames[1], ["a", 65])

    def test_what_cannot_be_published_is_refused_at_once_and_takes_no_id(self):
        self.make(queue_bytes=150)
        for code, arguments in (("bad-room", {"room": ""}), ("too-large", {"room": "a", "body": "x" * 200}), ("bad-key", {"room": "a", "deleted": True}),
                                ("bad-key", {"room": "a", "expect": 0}), ("bad-argument", {"room": "a", "key": "k", "expect": -1}),
                                ("bad-argument", {"room": "a", "key": "k", "deleted": True, "body": "x"})):
            with self.assertRaises(ZrelayError) as caught:
                self.publish(**arguments)
            self.assertEqual(caught.exception.code, code)
        self.publish("a", "x" * 100)
        with self.assertRaises(ZrelayError) as caught:
            self.publish("a", "x" * 100)
        self.assertEqual(caught.exception.code, "queue-full")
        self.run_soon()
        self.assertEqual(self.frames, [["a", 1]])

    def test_the_end_refuses_what_is_unanswered(self):
        self.publish("a", name="x")
        idle = []
        self.one.when_below(0, lambda: idle.append(True))
        self.run_soon()
        self.assertEqual(idle, [])
        self.one.close(ZrelayError("closed", ""))
        self.assertEqual((self.answers, idle), ({"x": "closed"}, [True]))

    def test_drain_waits_until_enough_is_answered(self):
        self.make(frame=1000, window=10000, queue_bytes=1000)
        for _ in range(3):
            self.publish("a", "x" * 300)
        drained = []
        self.one.when_below(self.one.half, lambda: drained.append(True))
        self.run_soon()
        self.ack(1)
        self.assertEqual(drained, [])
        self.ack(2)
        self.assertEqual(drained, [True])

    def test_eight_frames_go_at_once_then_messages_wait_a_moment_for_company(self):
        self.make(frame=10 ** 6, entries=10000, window=10 ** 7)
        for _ in range(10):
            self.publish("a")
            self.run_soon()
        self.assertEqual(len(self.frames), 8)
        self.ack(1)
        self.assertEqual(self.frames[8], ["a", 9, 10])
        self.publish("a")
        self.run_soon()
        self.assertEqual(len(self.frames), 9)
        self.publish("a", "x" * 65536)
        self.assertEqual(self.frames[9], ["a", 11, 12], "a large one waits for nothing")
        self.publish("a")
        self.publish("a")
        self.run_soon()
        self.assertEqual(len(self.frames), 10)
        self.timers[-1][1]()
        self.assertEqual(self.frames[10], ["a", 13, 14], "and none waits for long")


if __name__ == "__main__":
    unittest.main()
