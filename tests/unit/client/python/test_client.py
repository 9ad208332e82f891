"""The client as a whole, without a broker: rooms, repair, publishing, and the end."""
import logging
import unittest

from fake import EPOCH, OTHER_EPOCH, World, ack, deliver
from zrelay.core.feed import Left, Lost
from zrelay.core.reader import Options, Where
from zrelay.core.wire import Message
from zrelay.errors import ZrelayError


class ClientCase(unittest.TestCase):
    def setUp(self):
        self.make()

    def make(self, **identity):
        self.world = World(**identity)
        self.edge, self.client = self.world.edge, self.world.client

    def again(self, **members):
        """The session is lost, and there is a new one."""
        self.edge.lose()
        self.edge.run(0.5)
        self.edge.go_live(**members)


class Reading(ClientCase):
    def test_a_new_reader_begins_with_the_next_message(self):
        reader, seen = self.world.room(head=5)
        self.assertEqual(self.edge.sent("replay"), [])
        self.assertTrue(reader.is_ready)
        self.edge.back(deliver("lobby", 5, (6, "six")))
        self.assertEqual((seen, reader.where), (["six"], Where(EPOCH, 6)))

    def test_the_last_messages_and_everything_after_a_seq_come_by_replay(self):
        _, seen = self.world.room(head=5, last=2)
        self.assertEqual(self.edge.sent("replay")[0]["last"], 2)
        self.world.replayed(deliver("lobby", 3, (4, "four"), (5, "five"), flags=1), seq=5)
        self.assertEqual(seen, ["four", "five"])
        _, seen = self.world.room("other", head=5, after=3, recovered=True)
        self.assertEqual((self.edge.sent("join")[-1]["after"], self.edge.sent("replay")[-1]["after"]), (3, 3))
        self.world.replayed(deliver("other", 3, (5, "five"), flags=1), seq=5)
        self.assertEqual(seen, ["five"])

    def test_a_position_of_another_epoch_is_told_as_lost(self):
        _, seen = self.world.room(head=5, after=3, epoch=OTHER_EPOCH, recovered=True)
        self.assertEqual(seen, ["lost"])
        self.assertEqual(self.edge.sent("replay")[-1]["after"], 0)
        self.make()
        _, seen = self.world.room(head=5, after=3, epoch=EPOCH, recovered=True)
        self.assertEqual(seen, [])

    def test_a_gap_is_repaired_by_a_replay_once_and_in_order(self):
        _, seen = self.world.room(head=5)
        self.edge.back(deliver("lobby", 6, (7, "seven")))
        self.edge.back(deliver("lobby", 7, (8, "eight")))
        self.assertEqual([each["after"] for each in self.edge.sent("replay")], [5])
        self.world.replayed(deliver("lobby", 5, (6, "six"), (7, "seven"), flags=1), seq=7)
        self.assertEqual(len(self.edge.sent("replay")), 2, "the eighth was dropped meanwhile")
        self.world.replayed(deliver("lobby", 7, (8, "eight"), flags=1), seq=8)
        self.assertEqual(seen, ["gap", "six", "seven", "gap", "eight"])

    def test_entries_of_a_private_room_come_over_the_dealer(self):
        _, seen = self.world.room(head=5)
        self.edge.front(deliver("lobby", 5, (6, "six")))
        self.assertEqual(seen, ["six"])

    def test_a_lost_tail_is_found_by_a_pong_after_a_grace(self):
        self.world.room(head=5)
        self.edge.tell("pong", heads={"lobby": 6}, versions={})
        self.edge.back(deliver("lobby", 5, (6, "six")))
        self.edge.run(0.3)
        self.assertEqual(self.edge.sent("replay"), [], "it came within the grace")
        self.edge.tell("pong", heads={"lobby": 7}, versions={})
        self.edge.run(0.24)
        self.assertEqual(self.edge.sent("replay"), [])
        self.assertFalse(self.client.session.syncing)
        self.edge.run(0.01)
        self.assertEqual(self.edge.sent("replay")[-1]["after"], 6)
        self.assertTrue(self.client.session.syncing, "the SUB may be dead")

    def test_messages_that_the_broker_forgot_are_told_of_in_their_place(self):
        reader, seen = self.world.room(head=9, after=2, oldest=7, recovered=False)
        lost = Lost("lobby", "gone", 2, 7)
        self.assertEqual(self.world.last("lost"), lost)
        self.world.replayed(deliver("lobby", 7, (8, "eight"), (9, "nine"), flags=1), seq=9)
        self.assertEqual(seen, ["lost", "eight", "nine"])
        self.assertEqual(reader.feed.take(), lost)
        self.assertIsInstance(reader.feed.take(), Message)

    def test_a_loss_that_nobody_listens_to_is_logged(self):
        self.client._listeners.clear()
        with self.assertLogs("zrelay", logging.WARNING) as logged:
            self.client.join("lobby", Options(after=2))
            self.edge.synced()
            self.world.joined("lobby", 9, 7, False)
        self.assertIn("messages after 2 are lost", logged.output[0])

    def test_after_a_lost_session_all_is_joined_repaired_and_told_of(self):
        _, seen = self.world.room(head=5)
        self.again()
        self.assertEqual(self.edge.sent("join")[0]["after"], 5)
        self.assertEqual(self.edge.link.topics[:2], [b"lobby\0", b"lobby\1"])
        self.world.joined("lobby", 7, recovered=True)
        self.world.replayed(deliver("lobby", 5, (6, "six"), (7, "seven"), flags=1), seq=7)
        self.assertEqual(seen, ["six", "seven"])
        self.assertEqual(self.world.last("recovered"), (2, False))

    def test_another_epoch_begins_every_room_anew(self):
        _, seen = self.world.room(head=5)
        self.again(epoch=OTHER_EPOCH)
        self.world.joined("lobby", 1, recovered=True)
        self.world.replayed(deliver("lobby", 0, (1, "new"), flags=1, epoch=OTHER_EPOCH), seq=1)
        self.assertEqual(seen, ["lost", "new"])
        self.assertEqual((self.world.last("recovered"), self.world.last("epoch")), ((1, True), (EPOCH, OTHER_EPOCH)))

    def test_a_replay_that_a_lost_session_interrupted_is_made_again(self):
        _, seen = self.world.room(head=5, last=5)
        self.edge.front(deliver("lobby", 3, (4, "four"), flags=1))
        self.again()
        self.world.joined("lobby", 5, recovered=True)
        self.assertEqual(self.edge.sent("replay")[0]["after"], 4)
        self.world.replayed(deliver("lobby", 4, (5, "five"), flags=1), seq=5)
        self.assertEqual(seen, ["four", "five"])

    def test_a_room_that_may_not_be_read_is_refused(self):
        reader = self.client.join("secret", Options())
        self.edge.synced()
        self.edge.refuse("join", "forbidden")
        self.assertEqual((reader.failure.code, self.client.rooms, self.edge.link.topics), ("forbidden", {}, []))

    def test_a_room_that_is_taken_away_ends(self):
        reader, seen = self.world.room(head=5)
        self.edge.tell("left", room="lobby", reason="revoked", seq=5)
        self.assertEqual((seen, self.world.last("left").reason, self.client.rooms), (["left"], "revoked", {}))
        self.assertIsInstance(reader.feed.take(), Left)
        self.assertTrue(reader.feed.ended)

    def test_a_room_that_is_left_is_unsubscribed_and_not_joined_again(self):
        reader, seen = self.world.room(head=5)
        reader.leave()
        self.assertEqual((self.edge.sent("leave")[0]["room"], self.edge.link.topics), ("lobby", []))
        self.edge.back(deliver("lobby", 5, (6, "six")))
        self.again()
        self.assertEqual((seen, self.edge.sent("join")), ([], []))

    def test_a_room_that_is_joined_twice_is_the_same(self):
        reader, _ = self.world.room("caf\u00e9")
        self.assertIs(self.client.join("cafe\u0301", Options(last=7)), reader)

    def test_a_silent_reader_hears_nothing_of_presence(self):
        _, seen = self.world.room(head=5, presence=False)
        self.assertEqual((self.edge.sent("join")[0]["presence"], self.edge.sent("who"), self.edge.link.topics), (False, [], [b"lobby\0"]))

    def test_presence_comes_over_both_sockets(self):
        reader, seen = self.world.room()
        self.edge.answer("who", "who", users=[{"nick": "ann"}], version=1, count=1, more=False)
        self.edge.back(b'lobby\x01{"op":"presence","room":"lobby","version":2,"joined":[{"nick":"bob"}],"left":[],"count":2}')
        self.edge.front(b'lobby\x01{"op":"presence","room":"lobby","version":3,"joined":[{"nick":"eve"}],"left":[],"count":3}')
        self.assertEqual((sorted(reader.presence.users), seen), (["ann", "bob", "eve"], ["presence"] * 3))

    def test_what_it_shows_is_said_again_at_the_next_join(self):
        reader, _ = self.world.room()
        told = []
        reader.show({"cursor": 1}, told.append)
        self.assertEqual(self.edge.sent("join")[-1]["meta"], {"cursor": 1})
        self.edge.answer("join", "joined", seq=0)
        reader.show({"cursor": "too long"}, told.append)
        self.edge.refuse("join", "bad-member")
        self.assertEqual([told[0], told[1].code], [None, "bad-member"])
        self.again()
        self.assertEqual(self.edge.sent("join")[0]["meta"], {"cursor": 1})

    def test_a_listener_that_fails_is_logged_and_harms_nobody(self):
        reader, seen = self.world.room(head=5)
        reader._listeners["message"].insert(0, lambda _: 1 / 0)
        with self.assertLogs("zrelay", logging.ERROR):
            self.edge.back(deliver("lobby", 5, (6, "six")))
        self.assertEqual(seen, ["six"])


class State(ClientCase):
    def loaded(self, *values, seq, **answer):
        if values:
            self.edge.front(deliver("lobby", 0, *values, flags=2))
        self.edge.answer("state", "ok", room="lobby", seq=seq, count=len(values), next=seq, **{"more": False, **answer})

    def values(self, reader):
        return {key: message.text for key, message in reader.state.values.items()}

    def test_live_state_comes_from_a_snapshot_and_then_from_the_room(self):
        reader, _ = self.world.room(head=9)
        done, changes = [], []
        reader.live_state(done.append)
        self.edge.back(deliver("lobby", 9, (10, "blue", "colour")))  # newer than the snapshot
        self.loaded((3, "red", "colour"), (4, "round", "form"), seq=9)
        self.assertEqual((done, self.values(reader)), ([None], {"colour": "blue", "form": "round"}))
        reader.on("state", lambda each: changes.append((each.key, each.message and each.message.text, each.before and each.before.text)))
        self.edge.back(deliver("lobby", 10, (11, None, "form"), (12, "x", "new")))
        self.assertEqual((changes, self.values(reader)), ([("form", None, "round"), ("new", "x", None)], {"colour": "blue", "new": "x"}))

    def test_the_snapshot_is_asked_for_once_the_room_is_joined(self):
        reader, _ = self.world.room(enter=False)
        done = []
        reader.live_state(done.append)
        reader.live_state(done.append)
        self.assertEqual(self.edge.sent("state"), [], "what came between the two would be missed")
        self.edge.synced()
        self.world.joined("lobby", 9)
        self.loaded(seq=9)
        self.assertEqual((done, len(self.edge.sent("state"))), ([None, None], 1))

    def test_a_snapshot_may_be_cut_and_holds_what_was_deleted_between(self):
        reader, _ = self.world.room(head=9)
        reader.live_state(lambda _: None)
        self.edge.front(deliver("lobby", 0, (3, "red", "colour"), flags=2))
        self.edge.answer("state", "ok", room="lobby", seq=9, count=1, next=3, more=True)
        self.edge.back(deliver("lobby", 9, (10, None, "colour")))
        self.assertEqual(self.edge.sent("state")[-1]["after"], 3)
        self.loaded((4, "round", "form"), seq=10)
        self.assertEqual(self.values(reader), {"form": "round"})

    def test_after_a_loss_the_snapshot_is_read_again(self):
        reader, _ = self.world.room(head=9)
        reader.live_state(lambda _: None)
        self.loaded((3, "red", "colour"), (4, "round", "form"), seq=9)
        self.again()
        self.world.joined("lobby", 99, oldest=90, recovered=False)
        self.loaded((95, "blue", "colour"), seq=99)
        self.assertEqual(self.values(reader), {"colour": "blue"})

    def test_a_room_that_ends_before_its_state_is_here_says_so(self):
        reader, _ = self.world.room(enter=False)
        done = []
        reader.live_state(done.append)
        reader.leave()
        reader.live_state(done.append)
        self.assertEqual([error.code for error in done], ["closed", "closed"])


class Logs(ClientCase):
    def test_history_is_read_beside_the_rooms_own_reading(self):
        _, seen = self.world.room(head=9)
        slices = []
        self.client.log("lobby").slice({"last": 2, "until": 4}, lambda error, part: slices.append(part))
        self.world.replayed(deliver("lobby", 2, (3, "three"), (4, "four"), flags=1), seq=4)
        self.assertEqual(([each.text for each in slices[0].messages], seen), (["three", "four"], []))

    def test_replays_of_a_room_come_one_after_the_other(self):
        self.client.log("lobby").slice({"after": 0}, lambda *_: None)
        self.client.log("lobby").slice({"after": 5}, lambda *_: None)
        self.assertEqual(len(self.edge.sent("replay")), 1)
        self.world.replayed(seq=5)
        self.assertEqual(self.edge.sent("replay")[-1]["after"], 5)
        self.world.replayed(seq=5)
        self.assertEqual(self.client._logs, {}, "nothing is kept of a room that is not read")

    def test_a_slice_that_a_lost_session_interrupted_is_read_anew(self):
        slices = []
        self.client.log("lobby").slice({"after": 0}, lambda error, part: slices.append(part))
        self.edge.front(deliver("lobby", 0, (1, "one"), flags=1))
        self.again()
        self.world.replayed(deliver("lobby", 0, (1, "one"), (2, "two"), flags=1), seq=2)
        self.assertEqual([each.text for each in slices[0].messages], ["one", "two"])

    def test_pages_are_asked_for_to_the_end(self):
        pages, ends = [], []
        self.client.pages("rooms", {"prefix": ""}, lambda m: pages.append(m) or m.get("next"), lambda error, m: ends.append(error))
        self.edge.answer("rooms", "rooms", next="b")
        self.assertEqual(self.edge.sent("rooms")[-1]["after"], "b")
        self.edge.answer("rooms", "rooms")
        self.assertEqual((len(pages), ends), (2, [None]))


class Publishing(ClientCase):
    def publish(self, room="lobby", body="hello"):
        answers = []
        self.client.publisher.publish(room, body, None, None, False, lambda error, ack: answers.append(error.code if error else ack))
        self.edge.run()
        return answers

    def test_what_is_published_goes_out_and_again_after_a_loss(self):
        answers = self.publish()
        self.assertEqual(len(self.edge.data()), 1)
        self.again()
        self.assertEqual(len(self.edge.data()), 1)
        self.edge.front(ack(1, 0))
        self.assertEqual(tuple(answers[0]), ("lobby", None, "memory"))

    def test_what_is_published_while_there_is_no_session_waits_for_one(self):
        self.world = World(live=False)
        self.edge, self.client = self.world.edge, self.world.client
        self.publish()
        self.assertEqual(self.edge.data(), [])
        self.edge.go_live()
        self.assertEqual(len(self.edge.data()), 1)

    def test_the_brokers_pause_stops_publishing_for_its_time(self):
        self.edge.tell("error", code="rate-limited", text="", wait=200)
        self.publish()
        self.assertEqual(self.edge.data(), [])
        self.edge.run(0.2)
        self.assertEqual(len(self.edge.data()), 1)

    def test_a_refusal_has_its_code(self):
        answers = self.publish()
        self.edge.tell("error", code="forbidden", text="no", room="lobby", mid=1)
        self.assertEqual((answers, "problem" in self.world.names()), (["forbidden"], False))


class End(ClientCase):
    def test_close_waits_for_acks_says_bye_and_refuses_everything_afterwards(self):
        reader, _ = self.world.room()
        self.client.publisher.publish("lobby", "hello", None, None, False, lambda *_: None)
        self.edge.run()
        closed = []
        self.client.close(5, lambda: closed.append(True))
        self.assertEqual(self.edge.sent("bye"), [])
        self.edge.front(ack(1, 7))
        self.edge.answer("bye", "ok")
        self.assertEqual((closed, self.client.status, reader.is_over, reader.failure), ([True], "closed", True, None))
        self.assertEqual((self.edge.armed, self.client.failure), (0, None))

    def test_close_ends_without_an_answer_too(self):
        closed = []
        self.client.publisher.publish("lobby", "hello", None, None, False, lambda error, ack: closed.append(error.code))
        self.client.close(1, lambda: closed.append(True))
        self.edge.run(1)
        self.assertEqual(len(self.edge.sent("bye")), 1)
        self.edge.run(1)
        self.assertEqual(closed, ["closed", True])

    def test_close_ends_a_client_that_never_connected(self):
        world = World(live=False)
        closed = []
        world.client.close(5, lambda: closed.append(True))
        self.assertEqual((closed, world.client.status), ([True], "closed"))
        world.client.close(5, lambda: closed.append(True))
        self.assertEqual(closed, [True, True])

    def test_connecting_gives_up_after_its_time_and_says_why(self):
        world = World(live=False)
        world.client.open(1)
        world.edge.lose("the handshake failed")
        world.edge.run(1)
        self.assertEqual(world.last("closed").code, "timed-out")
        self.assertIn("the handshake failed", str(world.last("closed")))

    def test_a_session_that_the_broker_ended_ends_rooms_with_its_reason(self):
        reader, _ = self.world.room()
        self.edge.tell("bye", reason="kicked")
        self.assertEqual((reader.is_over, reader.failure.code, self.world.last("closed").code), (True, "kicked", "kicked"))

    def test_a_link_that_is_lost_while_bye_is_under_way_stays_closed(self):
        closed = []
        self.client.close(5, lambda: closed.append(True))
        self.edge.lose()
        self.edge.run(100)
        self.assertEqual((closed, self.client.status, len(self.edge.links)), ([True], "closed", 1))

    def test_a_client_that_is_closed_joins_nothing(self):
        self.client.close(0, lambda: None)
        self.edge.run()
        for call in (lambda: self.client.join("lobby", Options()), lambda: self.client.join("m/*", Options()), lambda: self.client.work(1, {})):
            with self.assertRaises(ZrelayError) as caught:
                call()
            self.assertEqual(caught.exception.code, "closed")

    def test_a_prefix_begins_at_no_seq(self):
        with self.assertRaises(ZrelayError):
            self.client.join("metrics/*", Options(after=7))


if __name__ == "__main__":
    unittest.main()
