"""The checker finds each kind of fault, and nothing in a history that is right."""
import copy
import unittest

from check import faults

HISTORY = [{"seq": 1, "id": "a1"}, {"seq": 2, "id": "b1", "key": "k"}, {"seq": 4, "id": "a2"}, {"seq": 5, "id": "b2", "key": "k"}]
LOGS = {
    "a": [{"event": "sent", "id": "a1"}, {"event": "acked", "id": "a1", "seq": 1}, {"event": "sent", "id": "a2"}, {"event": "acked", "id": "a2"}],
    "b": [{"event": "sent", "id": "b1", "expect": 0}, {"event": "sent", "id": "b0", "expect": 0}, {"event": "refused", "id": "b0", "code": "conflict"},
          {"event": "sent", "id": "b2", "expect": 2}, {"event": "acked", "id": "b2", "seq": 5}],
    "reader": [{"event": "read", "seq": entry["seq"], "id": entry["id"], "epoch": "e1"} for entry in HISTORY],
}


class Check(unittest.TestCase):
    def setUp(self):
        self.logs, self.history = copy.deepcopy(LOGS), copy.deepcopy(HISTORY)

    def finds(self, kind):
        found = faults(self.logs, self.history)
        self.assertTrue(any(one.startswith(kind) for one in found), f"{kind}: {found}")

    def test_a_history_that_is_right(self):
        self.assertEqual(faults(self.logs, self.history), [])
        self.logs["c"] = [{"event": "sent", "id": "c1"}]  # never answered, and not stored
        self.assertEqual(faults(self.logs, self.history), [])

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
        self.assertEqual(faults(self.logs, self.history), [])
        self.logs["reader"].append({"event": "read", "seq": 1, "id": "a1"})
        self.finds("reading")

    def test_a_value_that_replaced_another_than_expected(self):
        self.logs["b"][3]["expect"] = 1
        self.finds("compare-and-set")

    def test_two_epochs(self):
        self.logs["reader"][0]["epoch"] = "e2"
        self.finds("epoch")


if __name__ == "__main__":
    unittest.main()
