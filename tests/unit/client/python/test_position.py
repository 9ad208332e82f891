import unittest

from fake import EPOCH, message
from zrelay.core.position import Hole, Position
from zrelay.core.wire import Deliver


def frame(prev, *seqs):
    return Deliver("lobby", 0, EPOCH, prev, [message(seq) for seq in seqs])


def seqs(messages):
    return [each.seq for each in messages]


def end(seq, complete=True, more=False):
    return {"seq": seq, "complete": complete, "more": more}


class PositionTest(unittest.TestCase):
    def test_messages_that_follow_are_taken_and_known_ones_dropped(self):
        position = Position(40)
        self.assertEqual(seqs(position.live(frame(40, 41, 43))[0]), [41, 43])
        self.assertEqual(seqs(position.live(frame(40, 41, 43, 44))[0]), [44])
        self.assertEqual(position.last, 44)

    def test_a_prev_above_the_last_seq_is_a_gap_and_its_messages_wait_for_the_replay(self):
        position = Position(40)
        self.assertEqual(position.live(frame(42, 43)), ([], True))
        self.assertTrue(position.behind)
        position.ask()
        self.assertEqual(seqs(position.replay(frame(40, 41, 42, 43))), [41, 42, 43])
        self.assertEqual(position.replayed(end(43)), (None, False))

    def test_a_live_frame_that_was_dropped_during_a_replay_makes_another_one_necessary(self):
        position = Position(40)
        position.ask()
        position.live(frame(45, 46))
        self.assertTrue(position.replayed(end(44))[1])
        position.ask()
        self.assertFalse(position.replayed(end(46))[1])
        position.ask()
        self.assertTrue(position.replayed(end(50, more=True))[1], "the slice was cut")

    def test_a_replay_that_begins_later_is_a_loss_only_when_it_is_not_complete(self):
        lost = Position(40)
        lost.ask()
        self.assertEqual(seqs(lost.replay(frame(50, 51))), [51])
        self.assertEqual(lost.replayed(end(51, complete=False))[0], Hole(40, 50))
        begins = Position(0)
        begins.ask()
        begins.replay(frame(50, 51))
        self.assertIsNone(begins.replayed(end(51))[0])
        empty = Position(40)
        empty.ask()
        self.assertEqual(empty.replayed(end(60, complete=False))[0], Hole(40, 60))
        self.assertEqual(empty.last, 60)

    def test_the_last_few_messages_are_no_loss_when_there_were_fewer(self):
        position = Position()
        position.ask()
        position.replay(frame(50, 51))
        self.assertEqual(position.replayed(end(51, complete=False), judge=False), (None, False))

    def test_live_messages_before_the_answer_to_a_replay_after_0_make_another_one_necessary(self):
        position = Position(0)
        position.ask()
        position.live(frame(0, 1))
        self.assertTrue(position.replayed(end(0))[1])

    def test_join_says_what_can_still_be_had(self):
        self.assertIsNone(Position().joined({"seq": 47, "oldest": 30}, None))
        self.assertIsNone(Position(41).joined({"seq": 47, "oldest": 30, "recovered": True}, 41))
        behind = Position(20)
        self.assertEqual(behind.joined({"seq": 47, "oldest": 30, "recovered": False}, 20), Hole(20, 30))
        self.assertEqual(behind.last, 30)
        self.assertEqual(Position(60).joined({"seq": 47, "oldest": 30, "recovered": True}, 60), Hole(60, 30), "beyond the head")

    def test_live_frames_that_overtake_the_answer_to_join_are_no_loss(self):
        position = Position(41)
        position.live(frame(41, 48))
        self.assertIsNone(position.joined({"seq": 47, "oldest": 0, "recovered": True}, 41))
        self.assertEqual(position.last, 48)

    def test_a_head_above_the_last_seq_shows_a_lost_tail(self):
        position = Position(40)
        self.assertFalse(position.head(40))
        self.assertTrue(position.head(41))
        position.live(frame(40, 41))
        self.assertFalse(position.behind)

    def test_another_epoch_voids_the_position(self):
        position = Position(40)
        position.head(50)
        self.assertEqual(position.epoch(), Hole(40, 0))
        self.assertEqual((position.last, position.behind), (0, False))
        self.assertIsNone(Position().epoch(), "a reader without a position lost nothing")

    def test_before_its_beginning_is_known_a_reader_only_remembers_what_it_heard_of(self):
        position = Position()
        self.assertEqual(position.live(frame(40, 41)), ([], False))
        position.last = 40
        self.assertTrue(position.behind)


if __name__ == "__main__":
    unittest.main()
