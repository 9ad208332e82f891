import struct
import unittest

from fake import EPOCH, OTHER_EPOCH, World, deliver
from zrelay.core.worker import gaps
from zrelay.core.wire import SEQ_MAX

DONE, RETRY, REJECT, EXTEND, RETURN = 1, 2, 3, 4, 5
SETTLE = 5


def settle_parts(frame):
    """A SETTLE as (number, verb, milliseconds, ranges)."""
    _, worker, number, verb, milliseconds = struct.unpack_from(">BIQBI", frame)
    assert worker == 1
    return number, verb, milliseconds, [struct.unpack_from(">QQ", frame, at) for at in range(18, len(frame), 16)]


class WorkerCase(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.edge, self.client, self.answers = self.world.edge, self.world.client, []
        self.one = self.client.work(10, {"room": "mails", "group": "senders"})
        self.working()

    def working(self, held=0, **members):
        self.edge.answer("work", "working", **{"room": "mails", "group": "senders", "worker": 1, "credit": 10, "seq": 9, "held": held, "time": 30000,
                                               **members})

    def hand_out(self, *seqs, deliveries=1, epoch=EPOCH, worker=1):
        frame = deliver("mails", 0, *[(seq, f"mail {seq}") for seq in seqs], flags=4, epoch=epoch)
        self.edge.front(struct.pack(">BIH", 4, worker, deliveries) + frame)

    def take(self, count=1):
        return [self.one.take() for _ in range(count)]

    def settle(self, job, verb=DONE, seconds=0.0):
        self.one.settle(job, verb, seconds, lambda error, level: self.answers.append(error.code if error else level))

    def settles(self):
        return [settle_parts(frame) for frame in self.edge.data() if frame[0] == SETTLE]

    def settled(self, number, *left, level=2):
        self.edge.front(struct.pack(">BIQBI", 6, 1, number, level, 0) + b"".join(struct.pack(">BQQ", became, seq, seq) for seq, became in left))

    def again(self, resumed=True, held=0, **members):
        """The session is lost, and goes on, or not."""
        self.edge.lose()
        self.edge.run(0.5)
        self.edge.go_live(resumed=resumed, **members)
        self.working(held)


class WorkerTest(WorkerCase):
    def test_work_names_the_group_its_options_and_the_credit(self):
        asked = self.edge.sent("work")[0]
        self.assertEqual({**asked, "id": 0}, {"op": "work", "id": 0, "room": "mails", "group": "senders", "worker": 1, "credit": 10})
        self.assertEqual(self.one.group["time"], 30000)

    def test_jobs_come_in_order_with_how_often_they_were_handed_out(self):
        woken = []
        self.one.when_ready(lambda: woken.append(True))
        self.hand_out(1, 3)
        self.hand_out(2, deliveries=2)
        self.assertEqual([(job.message.seq, job.deliveries) for job in self.take(3)], [(1, 1), (3, 1), (2, 2)])
        self.assertEqual((self.take(), woken), ([None], [True]))

    def test_jobs_of_one_moment_are_settled_in_one_frame_a_verb(self):
        self.hand_out(1, 2, 3, 4)
        one, two, three, four = self.take(4)
        for job, verb, seconds in ((two, DONE, 0), (one, DONE, 0), (three, RETRY, 1.5), (four, REJECT, 0)):
            self.settle(job, verb, seconds)
        self.assertEqual(self.settles(), [])
        self.edge.run()
        self.assertEqual(self.settles(), [(1, DONE, 0, [(1, 1), (2, 2)]), (2, RETRY, 1500, [(3, 3)]), (3, REJECT, 0, [(4, 4)])])
        self.settled(1)
        self.settled(2, (3, 2))
        self.settled(3, level=1)
        self.assertEqual(self.answers, ["disk", "disk", "not-held", "memory"])

    def test_a_job_is_settled_once_and_extended_as_often_as_wanted(self):
        self.hand_out(1)
        job, = self.take()
        self.settle(job, EXTEND, 60)
        self.settle(job, EXTEND)
        self.settle(job)
        self.settle(job)
        self.edge.run()
        self.assertEqual((self.answers, [each[1:3] for each in self.settles()]), (["bad-argument"], [(EXTEND, 60000), (EXTEND, 0), (DONE, 0)]))

    def test_a_delay_is_a_day_at_most(self):
        self.hand_out(1)
        job, = self.take()
        for seconds in (86400.001, -1):
            self.settle(job, RETRY, seconds)
        self.settle(job, RETRY, 86400)
        self.edge.run()
        self.assertEqual((self.answers, [each[2] for each in self.settles()]), (["bad-argument"] * 2, [86400000]))

    def test_a_frame_holds_4096_ranges_at_most(self):
        self.hand_out(*range(1, 4099))
        for job in self.take(4098):
            self.settle(job)
        self.edge.run()
        self.assertEqual([len(each[3]) for each in self.settles()], [4096, 2])

    def test_a_job_whose_time_ran_out_while_it_waited_is_not_given(self):
        self.hand_out(1)
        for _ in range(29):
            self.edge.run(1)
            self.edge.tell("pong")
        self.hand_out(2)
        for _ in range(2):
            self.edge.run(0.6)
            self.edge.tell("pong")
        self.assertEqual(self.take()[0].message.seq, 2)

    def test_what_could_not_be_stored_is_sent_again(self):
        self.hand_out(1)
        self.settle(*self.take())
        self.edge.run()
        self.edge.tell("error", code="store-failed", text="", worker=1, settle=1)
        self.assertNotIn("problem", self.world.names())
        self.edge.run(1)
        self.assertEqual(self.settles(), [(1, DONE, 0, [(1, 1)])] * 2)
        self.settled(1)
        self.assertEqual(self.answers, ["disk"])

    def test_a_settle_that_is_refused_has_its_code(self):
        self.hand_out(1)
        self.settle(*self.take())
        self.edge.run()
        self.edge.tell("error", code="no-group", text="", worker=1, settle=1)
        self.assertEqual(self.answers, ["no-group"])

    def test_the_brokers_pause_holds_settles_back(self):
        self.hand_out(1)
        self.edge.tell("error", code="rate-limited", text="", wait=200)
        self.settle(*self.take())
        self.edge.run(0.1)
        self.assertEqual(self.settles(), [])
        self.edge.run(0.1)
        self.assertEqual(len(self.settles()), 1)

    def test_frames_of_another_epoch_or_worker_are_not_taken(self):
        self.hand_out(1, epoch=OTHER_EPOCH)
        self.hand_out(1, worker=2)
        self.settled(7)
        self.assertEqual(self.take(), [None])


class Resume(WorkerCase):
    def test_after_a_resumed_session_it_goes_on_with_what_it_has(self):
        self.hand_out(1, 2)
        one, = self.take()
        self.settle(one)
        self.edge.run()
        self.again(held=2)
        self.assertEqual([each["credit"] for each in self.edge.sent("work")], [0, 10], "nothing new before it is clear which worker has what")
        self.assertEqual(self.settles(), [(1, DONE, 0, [(1, 1)]), (2, RETURN, 0, [(3, SEQ_MAX)])], "numbers rise, or the broker does nothing")
        self.settled(1)
        self.assertEqual((self.answers, self.take()[0].message.seq), (["disk"], 2))

    def test_what_was_lost_on_its_way_is_given_back(self):
        self.hand_out(3, 5)
        self.again(held=4)
        self.assertEqual(self.settles(), [(1, RETURN, 0, [(1, 2), (4, 4), (6, SEQ_MAX)])])

    def test_after_a_session_that_ended_what_waits_is_given_up_and_what_is_done_is_said(self):
        self.hand_out(1, 2)
        one, = self.take()
        self.again(resumed=False)
        self.assertEqual(self.take(), [None])
        self.settle(one)
        self.edge.run()
        self.assertEqual(self.settles(), [(1, DONE, 0, [(1, 1)])])
        self.settled(1, (1, 3))
        self.assertEqual(self.answers, ["not-held"])

    def test_another_log_ends_the_jobs_of_the_old_one(self):
        self.hand_out(1, 2, 3, 4)
        one, two, three = self.take(3)
        self.settle(one)
        self.edge.run()
        self.assertEqual(len(self.settles()), 1)
        self.edge.lose()
        self.settle(two)
        self.edge.run(0.5)
        self.edge.go_live(resumed=False, epoch=OTHER_EPOCH)
        self.working()
        self.assertEqual((self.answers, self.take()), (["not-held"] * 2, [None]))
        self.hand_out(3, epoch=OTHER_EPOCH)
        self.settle(three)
        self.settle(self.take()[0])
        self.edge.run()
        self.assertEqual((self.answers, self.settles()), (["not-held"] * 3, [(2, DONE, 0, [(3, 3)])]))

    def test_what_is_settled_without_a_session_is_said_in_the_next_one(self):
        self.hand_out(1)
        one, = self.take()
        self.edge.lose()
        self.settle(one)
        self.edge.run(0.5)
        self.edge.go_live(resumed=True)
        self.assertEqual(self.settles(), [])
        self.working(1)
        self.assertEqual([verb for _number, verb, *_rest in self.settles()], [RETURN, DONE])

    def test_a_reject_has_a_reason(self):
        self.hand_out(1, 2, 3, 4)
        one, two, three, four = self.take(4)
        for job, reason in ((one, "no card"), (two, "no card"), (three, "é" * 128), (four, "é" * 128 + "x")):
            self.one.settle(job, REJECT, 0, lambda error, level: self.answers.append(error.code if error else level), reason)
        self.edge.run()
        self.assertEqual(self.answers, ["bad-argument"])
        frames = [frame for frame in self.edge.data() if frame[0] == SETTLE]
        self.assertEqual([frame[18:] for frame in frames], [struct.pack(">QQQQ", 1, 1, 2, 2) + b"no card",
                                                            struct.pack(">QQ", 3, 3) + ("é" * 128).encode()])

    def test_a_group_that_lost_messages(self):
        seen = []
        self.one.on("lost", seen.append)
        self.edge.tell("lost", worker=1, room="mails", group="senders", count=3)
        self.edge.tell("lost", worker=9, room="mails", group="senders", count=4)
        self.assertEqual(seen, [3])

    def test_the_ranges_between(self):
        self.assertEqual(gaps([]), [(1, SEQ_MAX)])
        self.assertEqual(gaps([1, 2, 5]), [(3, 4), (6, SEQ_MAX)])
        self.assertEqual(gaps([SEQ_MAX]), [(1, SEQ_MAX - 1)])


class End(WorkerCase):
    def test_leaving_says_what_is_settled_and_then_unwork(self):
        self.hand_out(1, 2)
        one, _ = self.take(2)
        self.settle(one)
        self.one.leave()
        self.assertEqual((len(self.settles()), self.edge.sent("unwork"), self.take()), (1, [], [None]))
        self.settled(1)
        self.assertEqual((self.edge.sent("unwork")[0]["worker"], self.client.workers, self.answers, self.one.failure), (1, {}, ["disk"], None))

    def test_leaving_without_a_session_waits_for_the_next_one(self):
        self.hand_out(1)
        one, = self.take()
        self.edge.lose()
        self.settle(one)
        self.one.leave()
        self.edge.run(0.5)
        self.edge.go_live(resumed=True)
        self.working(1)
        self.settled(2)
        self.assertEqual((self.answers, len(self.edge.sent("unwork")), [each["credit"] for each in self.edge.sent("work")]), (["disk"], 1, [0, 0]))

    def test_leaving_before_the_broker_answered_is_leaving(self):
        two = self.client.work(1, {"room": "mails", "group": "senders"})
        two.leave()
        self.assertEqual((len(self.edge.sent("unwork")), list(self.client.workers)), (1, [1]))

    def test_a_worker_that_is_refused_or_dismissed_ends_with_the_reason(self):
        self.edge.tell("dismissed", worker=1, room="mails", group="senders", reason="deleted")
        self.assertEqual((self.one.is_over, self.one.failure.code), (True, "dismissed"))
        two = self.client.work(1, {"room": "mails", "group": "senders"})
        self.edge.refuse("work", "forbidden")
        self.assertEqual((two.failure.code, self.client.workers), ("forbidden", {}))

    def test_the_end_of_the_relay_ends_it(self):
        self.edge.tell("bye", reason="kicked")
        self.assertEqual((self.one.is_over, self.one.failure.code), (True, "kicked"))


if __name__ == "__main__":
    unittest.main()
