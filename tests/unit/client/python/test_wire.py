import datetime
import unittest

from fake import vectors
from zrelay.core.wire import (AckFrame, Deliver, Outgoing, PresenceFrame, SettledFrame, WorkFrame, body_bytes, control, decode, encode_publish,
                              encode_settle, entry_size, key_name, parse_object, printable, publish_head, room_name)
from zrelay.errors import ZrelayError

READ = {"ack": AckFrame, "deliver": Deliver, "presence": PresenceFrame}


class Wire(unittest.TestCase):
    def test_frames_of_the_broker_are_read_as_the_golden_vectors_have_them(self):
        seen = 0
        for frame, vector in vectors():
            if vector.get("from") != "broker" or vector["kind"] not in READ:
                continue
            seen += 1
            found, value = decode(frame), vector["value"]
            self.assertIsInstance(found, READ[vector["kind"]], vector["name"])
            if isinstance(found, AckFrame):
                self.assertEqual(tuple(found), (value["level"], value["upto"], value["seq"]), vector["name"])
            elif isinstance(found, PresenceFrame):
                self.assertEqual(tuple(found), (value["room"], value["json"]), vector["name"])
            else:
                self.assertEqual(found[:4], (value["room"], value["flags"], value["epoch"], value["prev"]), vector["name"])
                self.assertEqual([{"seq": each.seq, "time": each.time, "flags": int(each.deleted) | (8 if each.ttl else 0), "sender": each.sender, "key": each.key or "",
                                   "body": each.body.hex(), **({"ttl": each.ttl} if each.ttl else {})} for each in found.messages], value["entries"], vector["name"])
        self.assertGreaterEqual(seen, 9)

    def test_frames_of_groups_are_those_of_the_golden_vectors(self):
        seen = set()
        for frame, vector in vectors():
            kind, value = vector["kind"], vector.get("value")
            if kind not in ("work", "settle", "settled"):
                continue
            seen.add((kind, value is not None))
            if value is None and kind != "settle":
                with self.assertRaises(ValueError, msg=vector["name"]):
                    decode(frame)
            elif kind == "settle" and value:
                ranges = [(each["first"], each["last"]) for each in value["ranges"]]
                reason = value.get("reason", "").encode()
                self.assertEqual(encode_settle(value["worker"], value["number"], value["verb"], value["ms"], ranges, reason), frame, vector["name"])
            elif kind == "work":
                inner = decode(bytes.fromhex(value["inner"]))
                self.assertEqual(decode(frame), WorkFrame(value["worker"], value["deliveries"], inner), vector["name"])
            elif kind == "settled":
                left = {each["first"]: each["became"] for each in value["left"]}
                self.assertEqual(decode(frame), SettledFrame(value["worker"], value["number"], value["level"], left), vector["name"])
        self.assertEqual(len(seen), 6)

    def test_publish_frames_are_the_bytes_of_the_golden_vectors(self):
        seen = 0
        for frame, vector in vectors():
            if vector["kind"] != "publish" or "value" not in vector:
                continue
            seen += 1
            room = vector["value"]["room"].encode()
            entries = [Outgoing(each["mid"], each["key"].encode(), bytes.fromhex(each["body"]), each["expect"] if each["flags"] & 2 else None,
                                bool(each["flags"] & 1), each.get("ttl")) for each in vector["value"]["entries"]]
            self.assertEqual(encode_publish(room, entries), frame, vector["name"])
            self.assertEqual(publish_head(room) + sum(map(entry_size, entries)), len(frame), vector["name"])
        self.assertGreaterEqual(seen, 7)

    def test_frames_that_are_cut_off_are_refused(self):
        for frame, vector in vectors():
            if vector["kind"] not in READ:
                continue
            if vector["name"].startswith("bad-") and "version" not in vector["name"]:
                with self.assertRaises(ValueError, msg=vector["name"]):
                    decode(frame)
            if "value" in vector and vector["kind"] != "presence":
                with self.assertRaises(ValueError, msg=vector["name"]):
                    decode(frame[:-1])

    def test_frames_of_a_later_version_are_nothing(self):
        for frame in (b"", b"\x1f\1\2", b"a\0\2" + bytes(17), b"a\2", b"\0" * 20, b"a" * 200):
            self.assertIsNone(decode(frame), frame)

    def test_a_body_is_a_text_or_bytes(self):
        self.assertEqual([body_bytes("ü"), body_bytes(b"\1"), body_bytes(bytearray(b"x")), body_bytes(memoryview(b"y")), body_bytes(None)],
                         [b"\xc3\xbc", b"\1", b"x", b"y", b""])
        with self.assertRaises(TypeError):
            body_bytes(7)

    def test_names_are_in_form_c_and_have_a_bounded_size(self):
        self.assertEqual(room_name("cafe\u0301"), "caf\u00e9")
        self.assertEqual(room_name("x" * 128), "x" * 128)
        self.assertEqual(key_name("k" * 255), "k" * 255)
        for call, name, code in ((room_name, "x" * 129, "bad-room"), (room_name, "", "bad-room"), (key_name, "ü" * 128, "bad-key")):
            with self.assertRaises(ZrelayError) as caught:
                call(name)
            self.assertEqual(caught.exception.code, code)
        with self.assertRaises(TypeError):
            room_name(7)

    def test_a_message_has_its_text_and_its_date(self):
        frame, = [frame for frame, vector in vectors() if vector["name"] == "work-first.hex"]
        found = decode(frame[7:]).messages[0]
        self.assertEqual(found.text, "hello")
        self.assertEqual(found.date, datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc))

    def test_a_text_for_a_terminal_controls_nothing(self):
        self.assertEqual(printable("grüß dich \x1b[31m\n\u202e\u200b 👋"), "grüß dich \\x1b[31m\\n\\u202e\\u200b 👋")

    def test_control_frames_leave_out_what_is_not_said(self):
        self.assertEqual(control("join", room="ü", after=0, meta=None), '{"op":"join","room":"ü","after":0}'.encode())

    def test_what_is_no_object_is_refused_however_deep(self):
        for data in (b"[]", b"7", b"{", b"\xff", b"[" * 100000):
            with self.assertRaises(ValueError, msg=data[:9]):
                parse_object(data)


if __name__ == "__main__":
    unittest.main()
