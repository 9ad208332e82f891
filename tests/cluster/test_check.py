"""The checker finds each kind of fault, and nothing in a history that is right."""
import copy
import unittest

from check import faults

HISTORY = [{"seq": 1, "id": "a1"}, {"seq": 2, "id": "b1", "key": "k"}, {"seq": 4, "id": "a2"}, {"seq": 5, "id": "b2", "key": "k"}]
LOGS = {
    "a": [{"event": "sent", "id": "a1"}, {"event": "acked", "id": "a1", "seq": 1}, {"event": "sent", "id": "a2"}, {"event": "acked", "id": "a2"}],
    "b": [{"event": "sent", "id": "b1", "expect": 0}, {"event": "sent", "id": "b0", "expect": 0}, {"event": "refused", "id": "b0", "code": "conflict"},
          {"event": "sent", "id": "b2", "expect": 2}, {"event": "acked", "id": "b2", "seq": 5}],
    "reader": [{"event": "read", "seq": entry["seq"], "id": entry["id"]} for entry in HISTORY],
}
for EVENTS in LOGS.values():
    for EVENT in EVENTS:
        EVENT["epoch"] = "e1"


def job(entry, at, became="done"):
    """A worker has the entry for three seconds."""
    return [{"event": "handed", "id": entry, "at": at, "epoch": "e1"}, {"event": "settled", "id": entry, "at": at + 2, "epoch": "e1"},
            {"event": became, "id": entry, "at": at + 3, "epoch": "e1"}]


class Case(unittest.TestCase):
    def setUp(self):
        self.logs, self.history, self.dead, self.lost = copy.deepcopy(LOGS), copy.deepcopy(HISTORY), [], False

    def found(self):
        return faults(self.logs, self.history, self.dead, self.lost)

    def finds(self, kind):
        found = self.found()
        self.assertTrue(any(one.startswith(kind) for one in found), f"{kind}: {found}")


class Entries(Case):
    def test_a_history_that_is_right(self):
        self.assertEqual(self.found(), [])
        self.logs["c"] = [{"event": "sent", "id": "c1"}]  # never answered, and not stored
        self.assertEqual(self.found(), [])

    def test_an_acked_entry_that_is_gone(self):
        del self.history[0]
        self.finds("loss")

    def test_an_entry_at_another_position(self):
        self.history[0]["seq"] = 0
        self.finds("position")

    def test_an_entry_that_is_stored_twice(self):
        self.history.append({"seq": 9, "id": "a1"})
        self.finds("double")

    def test_two_entries_at_one_seq(self):
        self.history[1]["seq"] = 1
        self.finds("order")

    def test_a_client_whose_entries_change_places(self):
        self.history[0]["id"], self.history[2]["id"] = "a2", "a1"
        self.finds("order")

    def test_a_refused_entry_that_is_stored(self):
        self.history.append({"seq": 9, "id": "b0", "key": "other"})
        self.finds("refusal")

    def test_a_reader_that_misses_doubles_or_swaps(self):
        for change in (lambda read: read.pop(1), lambda read: read.append(read[0]), lambda read: read.reverse(), lambda read: read.pop()):
            self.setUp()
            change(self.logs["reader"])
            self.finds("reading")

    def test_a_reader_that_was_told_of_a_loss_may_miss_and_not_swap(self):
        self.logs["reader"][1] = {"event": "lost"}
        self.assertEqual(self.found(), [])
        self.logs["reader"].append({"event": "read", "seq": 1, "id": "a1"})
        self.finds("reading")

    def test_a_value_that_replaced_another_than_expected(self):
        self.logs["b"][3]["expect"] = 1
        self.finds("compare-and-set")

    def test_two_epochs(self):
        self.logs["reader"][0]["epoch"] = "e2"
        self.finds("epoch")


class Groups(Case):
    def setUp(self):
        super().setUp()
        self.dead = ["b1"]
        self.logs["red"] = [*job("a1", 1), *job("b1", 5, "rejected"), *job("a2", 20)]
        self.logs["green"] = [*job("b2", 10), {"event": "handed", "id": "a2", "at": 12, "epoch": "e1"}, {"event": "left", "id": "a2", "at": 19, "epoch": "e1"}]

    def test_a_group_that_is_right(self):
        self.assertEqual(self.found(), [])

    def test_an_entry_that_is_handed_out_again_when_it_is_done_or_rejected(self):
        for entry, at in (("a1", 4.5), ("b1", 9)):
            self.setUp()
            self.logs["green"].append({"event": "handed", "id": entry, "at": at, "epoch": "e1"})
            self.finds("again")

    def test_an_entry_that_two_workers_settle(self):
        self.logs["green"] += job("a1", 0)
        self.finds("again")

    def test_an_entry_that_two_workers_have(self):
        self.logs["green"].append({"event": "handed", "id": "a1", "at": 2, "epoch": "e1"})
        self.finds("twice")

    def test_an_entry_that_no_worker_had(self):
        del self.logs["red"][:3]
        self.finds("undone")

    def test_a_rejected_entry_that_is_not_with_the_dead(self):
        self.dead = []
        self.finds("undone")

    def test_an_entry_that_is_dead_and_was_not_rejected_or_is_there_twice(self):
        for more in ("a9", "b1"):
            self.setUp()
            self.dead.append(more)
            self.finds("dead")


class Losses(Case):
    """The database lost the last two entries, and each client was told."""

    def setUp(self):
        super().setUp()
        self.lost = True
        del self.history[2:]
        self.history.append({"seq": 7, "id": "a3"})
        self.logs["a"] += [{"event": "epoch", "epoch": "e2"}, {"event": "sent", "id": "a3", "epoch": "e2"},
                           {"event": "acked", "id": "a3", "seq": 7, "epoch": "e2"}]
        self.logs["b"].append({"event": "epoch", "epoch": "e2"})
        self.logs["reader"] += [{"event": "lost", "epoch": "e2"}, {"event": "read", "seq": 7, "id": "a3", "epoch": "e2"}]

    def test_a_loss_of_which_all_were_told(self):
        self.assertEqual(self.found(), [])

    def test_a_client_that_was_not_told(self):
        self.logs["b"].pop()
        self.finds("silence")

    def test_a_client_that_knows_another_epoch(self):
        self.logs["b"][-1]["epoch"] = "e3"
        self.finds("silence")

    def test_a_loss_after_it(self):
        self.history.pop()
        self.finds("loss")


if __name__ == "__main__":
    unittest.main()
