import unittest

from fake import message
from zrelay.core.feed import MESSAGES_MAX, Budget, Feed, Left, Lost
from zrelay.core.log import Slice
from zrelay.errors import ZrelayError


class FeedTest(unittest.TestCase):
    """A feed over a log of `head` messages; `keep` is the seq up to which the log forgot. `answers` are replays under way."""

    def setUp(self):
        self.head, self.keep, self.asked, self.answers = 0, 0, [], []
        self.make()

    def make(self, budget=None):
        self.feed = Feed("lobby", self.replay, lambda: self.head, budget)

    def replay(self, after, limit, done):
        self.asked.append(after)
        self.answers.append(lambda: self.answer(after, limit, done))

    def answer(self, after, limit, done):
        start = max(after, self.keep)
        messages = [message(start + 1 + at) for at in range(max(0, min(limit, self.head - start)))]
        reached = messages[-1].seq if messages else start
        done(None, Slice(messages, reached, after >= self.keep, start + len(messages) < self.head))

    def push(self, count=1):
        for _ in range(count):
            self.head += 1
            self.feed.push(message(self.head))

    def read(self, count):
        found = []
        while len(found) < count:
            item = self.feed.take()
            if item is not None:
                found.append(item)
            elif self.answers:
                self.answers.pop(0)()
            else:
                break
        return found

    def seqs(self, count):
        return [each.seq for each in self.read(count)]

    def test_a_loop_that_waits_is_woken_by_each_item_and_by_the_end(self):
        woken = []
        self.feed.when_ready(lambda: woken.append(1))
        self.push(2)
        self.assertEqual(woken, [1])
        self.assertEqual(self.seqs(2), [1, 2])
        self.feed.when_ready(lambda: woken.append(2))
        self.feed.end()
        self.assertEqual(woken, [1, 2])

    def test_as_many_messages_as_the_limit_wait_for_a_loop(self):
        self.push(MESSAGES_MAX)
        self.assertEqual(len(self.read(MESSAGES_MAX)), MESSAGES_MAX)
        self.assertEqual(self.asked, [])

    def test_a_loop_that_is_further_behind_gets_the_rest_by_replay_each_message_once(self):
        self.push(MESSAGES_MAX + 2500)
        self.assertEqual(self.seqs(MESSAGES_MAX + 2500), list(range(1, MESSAGES_MAX + 2501)))
        self.assertGreaterEqual(len(self.asked), 3)
        self.push()
        self.assertEqual(self.seqs(1), [MESSAGES_MAX + 2501], "it is live again")

    def test_messages_that_came_while_it_read_the_log_are_not_missed(self):
        self.push(MESSAGES_MAX + 1)
        self.read(MESSAGES_MAX)
        self.push(3)
        self.assertEqual(self.seqs(4), [MESSAGES_MAX + 1 + at for at in range(4)])

    def test_messages_that_the_log_forgot_meanwhile_are_told_of(self):
        self.keep = MESSAGES_MAX + 5
        self.push(MESSAGES_MAX + 7)
        self.read(MESSAGES_MAX)
        lost, following = self.read(2)
        self.assertEqual((lost, following.seq), (Lost("lobby", "gone", MESSAGES_MAX, MESSAGES_MAX + 5), MESSAGES_MAX + 6))

    def test_a_replay_that_is_refused_is_told_of(self):
        self.make(Budget(1))
        self.push(3)
        self.read(1)
        self.feed.take()
        self.answers.clear()
        done = []
        self.make(Budget(1))
        self.feed._replay = lambda after, limit, answer: done.append(answer)
        self.push(2)
        self.feed.take()
        done[0](ZrelayError("forbidden", ""), None)
        self.assertEqual(self.feed.take(), Lost("lobby", "forbidden", 4, 5))

    def test_bytes_are_bounded_too(self):
        self.make(Budget(100, 10))
        self.head = 3
        for seq in (1, 2, 3):
            self.feed.push(message(seq, text="x" * 9))
        self.assertEqual([self.feed.take().seq, self.feed.take().seq], [1, 2])
        self.assertEqual(self.asked, [2])

    def test_a_feed_without_place_in_a_shared_budget_waits_for_its_turn(self):
        budget = Budget(1)
        self.make(budget)
        other = Feed("other", self.replay, lambda: 1, budget)
        self.push()
        woken = []
        other.when_ready(lambda: woken.append(1))
        other.push(message(1, "other"))
        self.assertEqual(woken, [1], "so that somebody takes, which begins to catch up")
        self.assertIsNone(other.take())
        self.answers.pop()()
        self.assertEqual(self.asked, [0], "not again while there is no place")
        self.feed.take()
        self.assertIsNone(other.take())
        self.answers.pop()()
        self.assertEqual(other.take().seq, 1)

    def test_another_epoch_ends_the_falling_behind(self):
        self.make(Budget(1))
        self.push(3)
        self.feed.push(Lost("lobby", "epoch", 3, 0))
        self.assertEqual([self.feed.take().seq, self.feed.take()], [1, Lost("lobby", "epoch", 3, 0)])

    def test_the_end_comes_after_what_was_not_read_yet(self):
        self.push()
        self.feed.end()
        self.assertEqual((self.feed.take().seq, self.feed.take(), self.feed.ended), (1, None, True))

    def test_a_loop_that_is_behind_is_told_what_it_misses_when_the_room_is_taken_away(self):
        self.make(Budget(1))
        self.push(3)
        self.feed.push(Left("lobby", "revoked", "", 3))
        self.assertEqual([self.feed.take() for _ in range(4)], [message(1), Lost("lobby", "left", 1, 3), Left("lobby", "revoked", "", 3), None])


if __name__ == "__main__":
    unittest.main()
