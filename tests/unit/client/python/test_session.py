import unittest

from fake import CLIENT, EPOCH, OTHER_EPOCH, SERVER, FakeEdge, deliver
from zrelay.core.servers import Server, Servers
from zrelay.core.owner import Identity
from zrelay.core.session import Session
from zrelay.errors import ZrelayError


class Owner:
    """Notes what the session tells."""

    def __init__(self):
        self.told, self.wanted = [], []

    def topics(self):
        return self.wanted

    def __getattr__(self, name):
        return lambda *values: self.told.append((name, *values))

    def names(self):
        return [each[0] for each in self.told]


class SessionCase(unittest.TestCase):
    def setUp(self):
        self.make()

    def make(self, **identity):
        self.edge, self.owner, self.answers = FakeEdge(), Owner(), []
        self.one = Session(self.edge, Servers([Server(SERVER)]), Identity(CLIENT, "test", **{"nick": "ann", **identity}), self.owner)
        self.one.dial()

    def ask(self, op, again=True, early=True, **members):
        self.one.ask(op, members, lambda error, m: self.answers.append((op, error.code if error else m)), again, early)

    def beat(self, count):
        """So many heartbeats with answers."""
        for _ in range(count):
            self.edge.run(1)
            self.edge.tell("pong")


class Life(SessionCase):
    def test_hello_subscribe_live_and_a_ping_every_heartbeat(self):
        self.owner.wanted = [b"lobby\0", b"lobby\1"]
        self.assertEqual(self.edge.sent("hello")[0]["client"], CLIENT)
        self.edge.welcome()
        self.assertEqual(self.edge.link.subs, ["tcp://127.0.0.1:5571"])
        self.assertEqual(self.edge.link.topics[:2], [b"lobby\0", b"lobby\1"])
        self.assertEqual(self.one.state, "subscribing")
        self.edge.synced()
        self.assertEqual((self.one.state, self.owner.names()), ("live", ["live"]))
        self.assertEqual(self.edge.link.topics, [b"lobby\0", b"lobby\1"], "the nonce is gone again")
        self.beat(3)
        self.assertEqual(len(self.edge.sent("ping")), 4)

    def test_without_an_answer_to_hello_it_says_hello_again_later_each_time(self):
        self.edge.run(5.0)
        self.assertEqual(len(self.edge.sent("hello")), 1, "the heartbeat and a random time")
        self.edge.run(0.1)
        self.assertEqual(len(self.edge.sent("hello")), 2)

    def test_three_silent_heartbeats_and_a_moment_for_what_waited_end_the_link(self):
        self.edge.go_live()
        self.edge.run(3.05)
        self.edge.tell("pong")  # it came while the machine slept
        self.edge.run(0.1)
        self.assertFalse(self.edge.link.closed)
        self.edge.run(2.95)
        self.assertEqual(len(self.edge.links), 1)
        self.edge.run(0.1)
        self.assertTrue(self.edge.links[0].closed)
        self.assertEqual(self.owner.names()[-2:], ["down", "waiting"])
        self.edge.run(0.1)
        self.assertEqual(len(self.edge.links), 2)

    def test_the_sub_alone_is_no_sign_of_life(self):
        self.edge.go_live()
        for _ in range(40):
            self.edge.run(0.1)
            self.edge.link.handlers.back_frame(deliver("lobby", 0, (1, "x")))
        self.assertTrue(self.edge.links[0].closed)

    def test_a_link_that_cannot_be_made_is_tried_again_with_a_back_off_up_to_ten_seconds(self):
        self.edge.lose()
        times = []
        for _ in range(12):
            before = self.edge.time
            while self.edge.link.closed:
                self.edge.run(0.05)
            times.append(round(self.edge.time - before, 2))
            self.edge.lose()
        self.assertEqual(times[:4], [0.05, 0.1, 0.2, 0.4], "half of the bound, as the random number has it")
        self.assertEqual(times[-1], 5.0)

    def test_hurry_connects_at_once_instead_of_after_the_back_off(self):
        self.edge.lose()
        self.one.hurry()
        self.assertEqual(len(self.edge.links), 2)
        self.one.hurry()
        self.assertEqual(len(self.edge.links), 2, "not while it connects already")

    def test_no_session_resumes_the_session_and_soon_after_a_welcome_it_backs_off_first(self):
        self.edge.go_live()
        self.edge.run(0.5)
        self.edge.tell("error", code="no-session", text="")
        self.assertTrue(self.edge.links[0].closed, "lost within ten seconds")
        self.edge.run(0.2)
        self.edge.go_live(resume="token-2")
        self.beat(11)
        self.edge.tell("error", code="no-session", text="")
        self.assertEqual(self.edge.sent("hello")[-1]["resume"], "token-2")
        self.assertEqual(self.one.state, "greeting")
        self.edge.tell("error", code="no-session", text="")
        self.assertEqual(len(self.edge.sent("hello")), 2, "answers to older frames change nothing")

    def test_another_epoch_is_told_before_the_session_is_live_again(self):
        self.edge.go_live()
        self.edge.lose()
        self.edge.run(0.2)
        self.edge.go_live(epoch=OTHER_EPOCH)
        self.assertEqual(self.owner.names(), ["live", "down", "waiting", "epoch", "live"])
        self.assertIn(("epoch", EPOCH, OTHER_EPOCH), self.owner.told)

    def test_a_sync_in_another_epoch_says_hello_again(self):
        self.edge.welcome()
        self.edge.synced(OTHER_EPOCH)
        self.assertEqual(self.one.state, "greeting")

    def test_a_frame_of_a_link_that_was_given_up_changes_nothing(self):
        old = self.edge.link.handlers
        self.edge.lose()
        old.front_frame(b'{"op":"welcome"}')
        old.lost("again")
        self.assertEqual(self.owner.names(), ["waiting"])

    def test_bye_says_whether_to_come_again(self):
        for reason, state, hellos in [(reason, "greeting", 2) for reason in ("shutdown", "replaced", "expired", "token-expired")] + [
                (reason, "closed", 1) for reason in ("revoked", "banned", "kicked", "flooding")]:
            self.make()
            self.edge.go_live()
            self.edge.tell("bye", reason=reason)
            self.edge.run(1)
            self.assertEqual((self.one.state, len(self.edge.sent("hello"))), (state, hellos), reason)

    def test_a_refused_hello_ends_the_session_or_is_tried_again(self):
        for code, welcomed, state, event in (("nick-in-use", False, "closed", "ended"), ("login-failed", False, "closed", "ended"),
                                             ("too-many-sessions", False, "greeting", "problem"), ("nick-in-use", True, "greeting", "problem")):
            self.make()
            if welcomed:
                self.edge.go_live()
                self.edge.lose()
                self.edge.run(0.3)
            hellos = len(self.edge.sent("hello"))
            self.edge.refuse("hello", code)
            self.edge.run(2)
            self.assertEqual((self.one.state, self.owner.names()[-1]), (state, event), code)
            self.assertEqual(len(self.edge.sent("hello")) > hellos, state == "greeting", code)

    def test_a_queued_login_is_waited_for_two_minutes_at_most(self):
        for second in range(127):
            self.edge.run(1)
            self.edge.tell("queued", ahead=5)
            if second == 118:
                self.assertEqual(len(self.edge.sent("hello")), 1)
        self.assertGreater(len(self.edge.sent("hello")), 1)

    def test_a_token_that_is_a_function_is_asked_for_each_hello(self):
        tokens = iter(["one", "two"])
        self.make(token=lambda: next(tokens))
        self.edge.go_live()
        self.edge.tell("bye", reason="token-expired")
        self.edge.run(0)
        self.assertEqual([each["token"] for each in self.edge.sent("hello")], ["one", "two"])
        self.edge.go_live()
        self.edge.tell("bye", reason="token-expired")
        self.edge.run(0)
        self.assertEqual(self.owner.told[-1][1].code, "login-failed", "the function failed")

    def test_a_back_elsewhere_is_refused(self):
        self.edge.welcome(back="tcp://10.0.0.1:5571")
        self.assertEqual((self.edge.links[0].subs, self.owner.names()), ([], ["problem", "waiting"]))
        self.assertEqual(self.owner.told[0][1].code, "bad-back")


class Requests(SessionCase):
    def test_requests_of_a_lost_session_are_asked_again_or_interrupted(self):
        self.edge.go_live()
        self.ask("who", room="a")
        self.ask("direct", again=False, to="b", text="x")
        self.edge.lose()
        self.assertEqual(self.answers, [("direct", "interrupted")])
        self.ask("direct", again=False, to="b", text="later")
        self.ask("join", again=False, early=False, room="a")
        self.edge.run(0.2)
        self.assertEqual(self.answers[1:], [("join", "interrupted")])
        self.edge.go_live()
        self.assertEqual(self.edge.sent("direct")[0]["text"], "later", "what was not sent yet waits")
        self.edge.answer("who", "who", count=5)
        self.assertEqual(self.answers[-1][1]["count"], 5)

    def test_at_most_as_many_replays_as_the_broker_allows_are_under_way(self):
        self.edge.go_live()
        for room in "abc":
            self.ask("replay", room=room, after=0)
        self.assertEqual([each["room"] for each in self.edge.sent("replay")], ["a", "b"])
        self.edge.tell("replayed", re=self.edge.sent("replay")[0]["id"])
        self.assertEqual([each["room"] for each in self.edge.sent("replay")], ["a", "b", "c"])

    def test_at_most_200_requests_are_unanswered(self):
        self.edge.go_live()
        for _ in range(201):
            self.ask("who", room="a")
        self.assertEqual(len(self.edge.sent("who")), 200)
        self.edge.tell("who", re=self.edge.sent("who")[0]["id"])
        self.assertEqual(len(self.edge.sent("who")), 201)

    def test_rate_limited_requests_are_asked_again_after_the_wait_and_without_re_it_is_a_pause(self):
        self.edge.go_live()
        self.ask("who", room="a")
        self.edge.refuse("who", "rate-limited", wait=300)
        self.edge.run(0.29)
        self.assertEqual(len(self.edge.sent("who")), 1)
        self.edge.run(0.01)
        self.assertEqual(len(self.edge.sent("who")), 2)
        self.edge.tell("error", code="rate-limited", text="", wait=250)
        self.assertEqual(self.owner.told[-1], ("pause", 0.25))

    def test_the_end_answers_all_requests_and_leaves_no_timer(self):
        self.edge.go_live()
        self.ask("who", room="a")
        self.one.close(ZrelayError("closed", ""))
        self.ask("who", room="a")
        self.assertEqual((self.answers, self.edge.armed, self.edge.link.closed), ([("who", "closed")] * 2, 0, True))

    def test_renew_keeps_the_session_and_one_that_began_anew_is_greeted_again(self):
        self.edge.go_live()
        told = []
        self.one.renew(lambda error, _m: told.append(error), meta={"status": "away"})
        renewal = self.edge.sent("hello")[-1]
        self.assertEqual((renewal["meta"], "resume" in renewal, renewal["nick"]), ({"status": "away"}, False, "ann"))
        self.edge.welcome(re=renewal["id"], resumed=True)
        self.assertEqual((told, self.one.state), ([None], "live"))
        self.one.renew(lambda error, _m: told.append(error), nick="anna")
        self.edge.welcome(re=self.edge.sent("hello")[-1]["id"], resumed=False, nick="anna")
        self.assertEqual((self.one.state, self.edge.sent("hello")[-1]["nick"]), ("greeting", "anna"))

    def test_what_the_broker_refuses_to_renew_is_not_said_later_either(self):
        self.edge.go_live()
        codes = []
        self.one.renew(lambda error, _m: codes.append(error.code), nick="bob")
        self.edge.refuse("hello", "nick-in-use")
        self.assertEqual((codes, self.one.state), (["nick-in-use"], "live"))
        self.edge.lose()
        self.edge.run(0.5)
        self.assertEqual(self.edge.sent("hello")[0]["nick"], "ann")

    def test_the_own_nick_in_use_means_that_the_session_is_gone(self):
        self.edge.go_live()
        self.one.renew(lambda error, _m: self.answers.append(error), meta={})
        self.edge.refuse("hello", "nick-in-use")
        self.assertEqual(self.one.state, "greeting")


class Subscribing(SessionCase):
    def test_many_subscriptions_share_two_nonces(self):
        self.edge.go_live()
        live = []
        for room in "abc":
            self.one.subscribe([room.encode()], lambda room=room: live.append(room))
        self.edge.synced()
        self.assertEqual(live, ["a"], "the nonce was sent before the others")
        self.edge.synced()
        self.assertEqual((live, self.one.syncing), (["a", "b", "c"], False))

    def test_another_nonce_and_then_another_sub_when_the_answer_is_lost(self):
        self.owner.wanted = [b"a\0"]
        self.edge.welcome(heartbeat=60000)
        first = self.edge.link.nonce
        self.edge.run(2)
        self.assertNotEqual(self.edge.link.nonce, first)
        self.assertEqual(len(self.edge.link.topics), 2, "the first nonce is gone")
        self.edge.run(2)
        self.assertEqual((len(self.edge.link.subs), self.edge.link.topics[0]), (2, b"a\0"))
        self.edge.synced()
        self.assertEqual(self.one.state, "live")

    def test_what_is_dropped_is_unsubscribed_and_not_subscribed_again(self):
        self.edge.go_live()
        self.one.subscribe([b"a\0"], lambda: None)
        self.edge.synced()
        self.one.unsubscribe([b"a\0", b"never"])
        self.assertEqual(self.edge.link.topics, [])

    def test_the_answer_to_another_nonce_or_one_without_sense_changes_nothing(self):
        self.edge.welcome()
        self.edge.back(b"\xff0123456789abcdef{}")
        self.edge.back(self.edge.link.nonce + b"nonsense")
        self.assertEqual(self.one.state, "subscribing")


class Hostile(SessionCase):
    def test_frames_of_another_epoch_are_dropped_and_asked_about_unreadable_ones_dropped(self):
        self.edge.go_live()
        pings = len(self.edge.sent("ping"))
        self.edge.back(deliver("a", 0, (1, "x"), epoch=OTHER_EPOCH))
        self.edge.back(deliver("a", 0, (1, "x"))[:20])
        self.edge.front(b"{not json")
        self.edge.front(b"")
        self.assertEqual((self.owner.names(), len(self.edge.sent("ping"))), (["live"], pings + 1))

    def test_answers_without_what_the_protocol_says_are_told_and_harm_nothing(self):
        self.edge.go_live()
        for frame in (b'{"op":"error"}', b'{"op":"welcome"}', b'{"op":{}}', b'{"op":[]}', b'{"op":"error","code":"rate-limited","wait":"x"}',
                      b'{"op":"ok","re":{}}', b'{"op":"welcome","resume":1,"heartbeat":"x"}', b"[" * 50000, b'{"a":' * 50000):
            self.edge.front(frame)
        self.assertEqual(self.one.state, "live")
        self.assertEqual({each[1].code for each in self.owner.told if each[0] == "problem"}, {"bad-answer"})

    def test_a_control_frame_of_8_mib_is_read_and_a_longer_one_is_not(self):
        self.edge.go_live()
        for size, told in ((8 * 1024 * 1024, True), (8 * 1024 * 1024 + 1, False)):
            frame = b'{"op":"direct","from":"ann","text":"%s"}'
            self.edge.front(frame % (b"x" * (size - len(frame) + 2)))
            self.assertEqual("direct" in self.owner.names(), told)
            self.owner.told.clear()

    def test_limits_without_sense_are_not_taken(self):
        self.edge.go_live(limits={"frame": -1, "entries": "many", "window": 2 ** 60, "replays": 3})
        self.assertEqual([self.one.limits[name] for name in ("frame", "entries", "window", "replays")], [1048576, 4096, 65536, 3])


if __name__ == "__main__":
    unittest.main()
