import unittest

import fake  # noqa: F401  the path of the sources
from zrelay.core.presence import PresenceCore, User
from zrelay.errors import ZrelayError


def frame(version, joined=(), left=(), count=0, **members):
    return {"version": version, "joined": [{"nick": nick} for nick in joined], "left": [{"nick": nick, "reason": "leave"} for nick in left],
            "count": count, **members}


class Presence(unittest.TestCase):
    def setUp(self):
        self.asked, self.told, self.known = [], [], []
        self.one = PresenceCore(lambda members, done: self.asked.append((members, done)), self.told.append, lambda: self.known.append(True))

    def answer(self, *nicks, version=1, more=False, count=None, **members):
        _, done = self.asked.pop(0)
        done(None, {"users": [{"nick": nick} for nick in nicks], "version": version, "more": more, "count": len(nicks) if count is None else count,
                    **members})

    def nicks(self):
        return sorted(self.one.users)

    def test_who_page_by_page_and_then_the_frames_after_it(self):
        self.one.joined({"version": 7, "count": 3})
        self.one.frame(frame(8, ["dora"], ["ann"], 3))
        self.answer("ann", "bob", version=7, more=True, count=3)
        self.assertEqual(self.asked[0][0], {"after": "bob"})
        self.answer("carl", version=9, count=3)
        self.assertEqual(self.nicks(), ["bob", "carl", "dora"], "the frame is newer than the first page")
        self.assertEqual(len(self.told), 2)
        self.assertEqual(self.told[1].left, [User("ann", {}, "leave")])

    def test_a_missed_version_asks_who_and_old_frames_change_nothing(self):
        self.one.joined({"version": 1, "count": 1})
        self.answer("ann", version=5)
        self.one.frame(frame(5, ["ghost"], count=2))
        self.assertEqual(self.nicks(), ["ann"])
        self.one.frame(frame(7, ["bob"], count=2))
        self.assertEqual(len(self.asked), 1)
        self.answer("ann", "bob", "carl", version=7)
        self.assertEqual(self.nicks(), ["ann", "bob", "carl"])

    def test_a_version_that_a_pong_names_and_no_frame_brings_asks_who(self):
        self.one.joined({"version": 1, "count": 1})
        self.answer("ann", version=5)
        self.one.heard(5)
        self.assertEqual(self.asked, [])
        self.one.heard(6)
        self.assertEqual(len(self.asked), 1)

    def test_a_version_that_a_pong_names_between_two_pages_asks_who_again(self):
        self.one.joined({"version": 1, "count": 2})
        self.answer("ann", version=5, more=True, count=2)
        self.one.heard(6)
        self.answer("bob", version=6, count=2)
        self.assertEqual(len(self.asked), 1)
        self.answer("bob", version=6)
        self.assertEqual((self.asked, self.nicks()), ([], ["bob"]))

    def test_a_refused_who_is_asked_again_when_a_pong_names_the_version(self):
        self.one.joined({"version": 1, "count": 1})
        self.assertEqual(self.known, [])
        self.asked.pop()[1](ZrelayError("rate-limited", ""), {})
        self.one.heard(1)
        self.assertEqual((len(self.asked), self.known), (1, [True]))
        self.answer("ann")
        self.assertEqual(self.known, [True], "once")

    def test_a_crowded_room_names_nobody_until_the_crowd_ends(self):
        self.one.joined({"version": 1, "count": 600, "crowded": True})
        self.assertEqual((self.asked, self.one.count, self.one.crowded), ([], 600, True))
        self.one.frame(frame(20, count=610, crowded=True))
        self.assertEqual((self.asked, self.one.count), ([], 610), "missed versions do not matter")
        self.one.frame(frame(19, count=7, crowded=True))
        self.assertEqual(self.one.count, 610, "a late frame changes nothing")
        self.one.frame(frame(21, count=200, crowded=False))
        self.answer("ann", "bob", version=21)
        self.assertEqual((self.one.crowded, self.nicks()), (False, ["ann", "bob"]))

    def test_what_a_user_shows_may_change(self):
        self.one.joined({"version": 1, "count": 1})
        self.answer("ann")
        self.one.frame(frame(2, count=1, changed=[{"nick": "ann", "meta": {"status": "away"}}, {"nick": "ghost", "meta": {"x": 1}}]))
        self.assertEqual(self.told[-1].changed, [User("ann", {"status": "away"})])
        self.assertEqual(self.one.users["ann"].meta["status"], "away")
        self.one.frame(frame(3, count=1, changed=[{"nick": "ann", "meta": {}}]))
        self.assertEqual(self.one.users, {"ann": User("ann", {})})

    def test_a_renamed_user_says_to_what(self):
        self.one.joined({"version": 1, "count": 1})
        self.answer("ann")
        self.one.frame({"version": 2, "joined": [{"nick": "anna", "was": "ann"}], "left": [{"nick": "ann", "reason": "renamed", "to": "anna"}], "count": 1})
        self.assertEqual(self.told[-1].left, [User("ann", {}, "renamed", "anna")])
        self.assertEqual(self.nicks(), ["anna"])


if __name__ == "__main__":
    unittest.main()
