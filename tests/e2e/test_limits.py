"""Every limit of PROTOCOL.md, section 10, with a small value. A request within the limit is taken; one beyond it gets the specified answer.
Here are the limits of frames and ticks, and the table of all; the others are in test_limits_*.py."""
import json
import os
import re
import signal
import unittest

import zmq

import test_auth_addresses
import test_auth_tokens
import test_limits_flow  # these four for the limits that their tests cover
import test_limits_held
import test_limits_log
import test_limits_raw
from harness import publish_frame, wait_for
from limit_case import COVERED, LimitCase, covers, limits, log

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")


def padded(size, **members):
    """A control frame of exactly `size` bytes."""
    frame = json.dumps({**members, "pad": ""})
    return (frame[:-2] + "x" * (size - len(frame)) + frame[-2:]).encode()


class Frames(LimitCase):
    @covers("max-frame")
    def test_max_frame(self):
        broker = self.broker(config=limits(max_frame="4k", max_control="1k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["frame"], 4096)
        head = len(publish_frame("room", (1, b"")))
        self.assertEqual(self.publish(peer, "room", (1, bytes(4096 - head))), ("ack", 1, 1))
        error = self.publish(peer, "room", (2, bytes(4097 - head)))
        self.assertEqual((self.code(error), error["mid"], error["room"]), ("too-large", 2, "room"))
        error = self.publish(peer, "room", (3, bytes(2000)), (4, b""), (5, bytes(3000)))
        self.assertEqual((self.code(error), error["mid"], error["upto"]), ("too-large", 3, 5))
        frame = publish_frame("room", (6, b""))
        error = self.publish(peer, "room", (6, bytes(8192 - len(frame))))
        self.assertEqual(self.code(error), "too-large")
        self.assertEqual(self.publish(peer, "room", (7, b"fits")), ("ack", 7, 2))
        # Beyond twice that the connection is closed; the session waits for the resume.
        events = peer.front.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        peer.send(publish_frame("room", (8, bytes(8193 - len(frame)))))
        self.assertTrue(events.poll(60_000), "the connection stays open")
        peer.front.disable_monitor()
        events.close()
        self.assertEqual(self.code(peer.ask(op="ping")), "no-session")
        self.assertTrue(peer.hello(resume=peer.welcome["resume"])["resumed"])
        self.assertEqual(self.publish(peer, "room", (9, b"again")), ("ack", 9, 3))

    @covers("max-frame")
    def test_what_one_broker_takes_every_reader_gets(self):
        """Entries beyond 64 MiB, with the command line for a reader: live, and by replay."""
        size = 70 << 20
        broker = self.broker(config=limits(max_frame="128M", route_bytes="256M", all_route_bytes="1G") + log(bytes="1G", room_bytes="1G"))
        reader = self.zrelay(broker, "sub", "room", "--count", "1", "--timeout", "20")
        peer = self.peer(broker)
        self.wait_members(broker, "room", 1)
        self.assertEqual(self.publish(peer, "room", (1, b"x" * size)), ("ack", 1, 1))
        self.assertEqual(reader.finish(), 0, reader.errors())
        self.assertEqual(len(reader.out), size + 1)
        self.assertEqual(len(self.run_zrelay(broker, "history", "room").out), size + 1)

    @covers("window")
    def test_window(self):
        """The client keeps to it (test_library.py); one that does not is answered all the same."""
        broker = self.broker(config=limits(window="4k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["window"], 4096)
        broker.signal(signal.SIGSTOP)
        for mid in range(1, 101):
            peer.send(publish_frame("room", (mid, bytes(4000))))
        broker.signal(signal.SIGCONT)
        while self.answer(peer) != ("ack", 100, 100):
            pass

    @covers("max-control")
    def test_max_control(self):
        broker = self.broker(config=limits(max_frame="4k", max_control="1k"))
        peer = self.peer(broker)
        self.assertEqual(peer.welcome["limits"]["control"], 1024)
        peer.send(padded(1024, op="ping"))
        self.assertEqual(peer.control()["op"], "pong")
        peer.send(padded(1025, op="ping"))
        self.assertEqual(self.code(peer.control()), "too-large")
        self.assertEqual(peer.ask(op="ping")["op"], "pong")

    @covers("max-entries")
    def test_max_entries(self):
        peer = self.peer(self.broker(config=limits(max_entries=3)))
        self.assertEqual(peer.welcome["limits"]["entries"], 3)
        self.assertEqual(self.publish(peer, "room", *((mid, b"") for mid in (1, 2, 3))), ("ack", 3, 3))
        self.assertEqual(self.code(self.publish(peer, "room", *((mid, b"") for mid in (4, 5, 6, 7)))), "too-many-entries")


class Ticks(LimitCase):
    @covers("heartbeat")
    def test_heartbeat(self):
        broker = self.broker(config="server\n    heartbeat = 200\n")
        peer, other = self.peer(broker), self.peer(broker)
        self.assertEqual(peer.welcome["heartbeat"], 200)
        start = peer.welcome["time"]

        def gone():
            other.ask(op="ping")
            return peer.front.poll(20)
        wait_for(gone, "a bye")
        self.assertEqual(peer.control(), {"op": "bye", "reason": "expired"})
        self.assertGreaterEqual(other.ask(op="ping")["time"] - start, 600_000)

    @covers("tick")
    def test_tick(self):
        broker = self.broker(config="server\n    tick = 1000\n")
        watcher, ann = self.peer(broker), self.peer(broker, "ann")
        watcher.subscribe(b"room\x01")
        start = ann.ask(op="ping")["time"]
        for _ in range(100):
            ann.ask(op="join", room="room")
            ann.ask(op="leave", room="room")
        ann.ask(op="join", room="room")
        ticks = (ann.ask(op="ping")["time"] - start) // 1_000_000 + 1
        frames = [json.loads(watcher.live()[len(b"room\x01"):])]
        while frames[-1]["count"] == 0:
            frames.append(json.loads(watcher.live()[len(b"room\x01"):]))
        self.assertLessEqual(len(frames), ticks + 1)
        first = frames[0]["version"]
        self.assertEqual([frame["version"] for frame in frames], list(range(first, first + len(frames))))


# These are tested where connections and tokens are.
covers("max-address-connections")(test_auth_addresses.Addresses.test_connections_at_a_time)
covers("rate-handshakes")(test_auth_addresses.Addresses.test_connections_a_second)
covers("time to wait after a failed login of a user")(test_auth_tokens.Tokens.test_guesses_are_slowed)

# Limits without a setting that need no sockets: the unit tests that prove them.
UNIT = {
    "values in a control frame from a client: members and elements, however deep": ("common/control_test.c test_values_of_a_request",),
    "nesting of JSON": ("common/control_test.c test_depth", "broker/core/dispatch_test.c test_json_that_is_none"),
    "bytes of room / nick / key": ("broker/core/limits_test.c test_bytes_of_names", "common/text/names_test.c test_lengths"),
    "bytes of id, of agent": ("broker/core/dispatch_test.c test_ids", "broker/core/limits_test.c test_bytes_of_names"),
    "users in who, rooms in rooms and in pong, changes in a presence frame":
        ("broker/core/cmd/who_test.c test_at_most_five_hundred", "broker/core/cmd/rooms_test.c test_at_most_five_hundred",
         "broker/core/cmd/ping_test.c test_the_rooms_that_do_not_fit_come_next",
         "broker/core/room/presence_test.c test_changes_of_a_frame_are_bounded"),
    "refusals remembered of a client id": ("broker/core/session/dedupe_test.c test_beyond_the_last_refusals_the_outcome_is_unknown",),
    "bytes of token": ("broker/core/session/login_test.c test_members",),
    "bytes of ask and of answer": ("broker/core/cmd/direct_test.c test_a_request_and_its_answer",),
    "bytes of reason": ("broker/core/cmd/admin_test.c test_members", "broker/core/cmd/kick_test.c test_members"),
    "seconds of for in kick": ("broker/core/cmd/kick_test.c test_members",),
    "users that are kept out, counted once for each room": ("broker/core/room/barred_test.c test_so_many",),
    "tokens that were checked and need not be checked again; for how long":
        ("broker/core/session/known_tokens_test.c test_so_many_are_known", "broker/core/session/known_tokens_test.c test_for_so_long"),
    "bytes of meta, as JSON without blanks": ("broker/core/session/meta_test.c test_bytes",),
    "nesting of meta, itself included": ("broker/core/session/meta_test.c test_what_is_no_meta",),
    "bytes of meta of the joins of a session": ("broker/core/session/meta_test.c test_bytes_of_all_joins",),
    "bytes of metas, about, in a page of who, and that a room hears of in a tick":
        ("broker/core/session/meta_test.c test_a_page_of_who_is_bounded", "broker/core/session/meta_test.c test_a_tick_is_bounded"),
    "logins that wait until their tokens are checked, and as many with JWTs; one of a connection or channel":
        ("broker/core/session/login_jwt_test.c test_two_lanes", "broker/core/session/login_test.c test_so_many_in_all", "broker/core/session/login_test.c test_one_at_a_time_of_a_connection"),
    "of these, logins of channels from one address; loopback and local sockets apart":
        ("broker/core/session/login_test.c test_so_many_of_an_address",),
    "bytes of address in open": ("broker/core/cmd/channel_test.c test_addresses_that_are_none",),
    "bytes that a leaf sent and that its upstream did not read yet": ("broker/leaf/upstream_test.c test_the_window",),
    "topics that a leaf subscribes to one by one, and their bytes, 16 more for each":
        ("broker/leaf/wanted_test.c test_many_topics_are_everything", "broker/leaf/wanted_test.c test_long_topics_are_everything_sooner"),
    "changes of a leaf's subscriptions in a second, 1,000 at once": ("broker/leaf/wanted_test.c test_fast_changes_are_everything",),
    "bytes of nonces that wait for an answer at a leaf": ("broker/leaf/wanted_test.c test_nonces_that_wait_have_a_limit",),
    "frames of a client that a leaf passes on before the upstream accepted its channel":
        ("broker/leaf/leaf_test.c test_a_client_that_says_much_too_early",),
    "time that a hello at a leaf is told to wait while the upstream is away":
        ("broker/leaf/leaf_test.c test_clients_are_told_once_that_the_upstream_is_away",),
    "time that a client of a leaf may be silent": ("broker/leaf/leaf_test.c test_a_silent_client_loses_its_channel",),
    "time that frames wait for a trunk that takes no frames": ("broker/loop/trunk_queue_test.c test_one_that_is_stuck",),
    "max-trunk-channels": ("broker/core/cmd/channel_test.c test_channels_of_a_trunk_and_of_all",),
    "max-channels": ("broker/core/cmd/channel_test.c test_channels_of_a_trunk_and_of_all",),
    "bytes of a JWT": ("broker/core/session/login_jwt_test.c test_forms", "broker/auth/jwt_test.c test_size"),
    "roles that a JWT names": ("broker/auth/jwt_test.c test_users_and_roles",),
    "values that the broker deletes in a second because their time is over": ("broker/core/room/key_age_test.c test_many_ends_at_once",),
    "max-groups": ("broker/core/group/groups_manage_test.c test_limits_of_groups_on_both_sides",),
    "max-room-groups": ("broker/core/group/groups_manage_test.c test_limits_of_groups_on_both_sides",),
    "max-user-groups": ("broker/core/group/groups_manage_test.c test_groups_of_a_user",),
    "max-group-workers": ("broker/core/group/groups_manage_test.c test_workers_of_a_group",),
    "bytes of the reason of a reject": ("common/wire_work_test.c test_the_reason_of_a_reject",),
    "bytes of reasons of a group that wait for its room for dead entries": ("broker/core/group/group_test.c test_reasons_are_bounded",),
    "max-group-entries": ("broker/core/group/groups_manage_test.c test_all_entries_of_groups_are_bounded",),
    "max-group-keep": ("broker/log/log_memory_test.c test_what_groups_keep", "broker/log/sqlite/db_retain_test.c test_what_groups_keep"),
    "max-group-bytes": ("broker/core/group/groups_manage_test.c test_the_memory_of_groups_is_bounded",),
    "ranges in a SETTLE": ("common/wire_work_test.c test_a_settle_of_the_most_ranges_is_read_and_one_more_is_not",),
    "entries that a worker holds (each of the group)": ("broker/core/group/groups_manage_test.c test_options_are_shown_and_changed",),
    "entries of a group that are handed out or wait for that (total)":
        ("broker/core/group/group_test.c test_space_is_what_total_leaves", "broker/core/group/groups_manage_test.c test_options_on_both_sides_of_their_bounds"),
    "rows in a page of stats; in a ranking": ("broker/core/stats/stats_test.c test_a_page_is_bounded",),
    "rankings of stats under way in all": ("broker/core/stats/stats_test.c test_rankings_are_bounded",),
    "sessions that follow the audit": ("broker/core/cmd/admin_test.c test_so_many_follow_the_audit",),
    "jwt-leeway": ("broker/auth/jwt_test.c test_times",),
}


class Table(unittest.TestCase):
    def test_every_limit_of_the_specification_is_covered(self):
        with open(PROTOCOL, encoding="utf-8") as file:
            section = re.search(r"^## 10\. Limits$(.*?)^## ", file.read(), re.M | re.S).group(1)
        rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\|.*\|$", section, re.M)][2:]
        self.assertGreater(len(rows), 20)
        found = set()
        for name, _, bounds, _ in rows:
            # A limit has one or more names, or none: then the thing that it bounds is its name.
            found |= set(re.findall(r"`([a-z-]+)`", re.sub(r"\(.*?\)", "", name))) or {bounds.replace("`", "")}
        covered = set(COVERED) | set(UNIT)
        self.assertEqual(found - covered, set(), "limits without a test")
        self.assertEqual(covered - found, set(), "tests of limits that the specification does not name")
        for place in sum(UNIT.values(), ()):
            name, test = place.split()
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../unit", name), encoding="utf-8") as file:
                self.assertIn(f"TEST({test})", file.read(), name)


if __name__ == "__main__":
    unittest.main()
