"""The specification: its form, its programs, and what it says that no other test looks at."""
import json
import os
import re
import secrets
import struct
import subprocess
import sys
import unittest

import zmq

from harness import Program, TestCase, publish_frame, wait_for

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../common/PROTOCOL.md")
with open(PROTOCOL, encoding="utf-8") as page:
    PAGE = page.read()
WORDS_MAX = 30


def blocks(section):
    """The pieces of code in that section."""
    text = PAGE[PAGE.index(f"\n{section}\n"):]
    return re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)


class Form(unittest.TestCase):
    def setUp(self):
        self.lines = re.sub(r"^ *```.*?^ *```$", "", PAGE, flags=re.M | re.S).splitlines()

    def sentences(self, text):
        text = re.sub(r"`[^`]*`", "X", text)
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        return [one for one in re.split(r"(?<=[.?!])\s+(?=[A-Z`(])", text.strip()) if one]

    def test_a_line_is_a_sentence_and_none_is_long(self):
        self.assertGreater(len(self.lines), 500)
        for line in self.lines:
            if line.startswith(("#", "[")) or re.match(r"\d+\. \[", line):
                continue
            cells = line.strip("|").split("|") if line.startswith("|") else [re.sub(r"^ *(-|\d+\.) ", "", line)]
            for cell in cells:
                found = [one for one in self.sentences(cell) if not re.fullmatch(r"(<a .*</a>)?\*\*.*\*\*", one)]
                for one in found:
                    self.assertLessEqual(len(one.split()), WORDS_MAX, one)
                if not line.startswith("|"):
                    self.assertLessEqual(len(found), 1, line)

    def test_sections_begin_with_an_example(self):
        for name, beginning in re.findall(r"^##+ (.*)\n+((?:.*\n){1,4})", PAGE, re.M):
            self.assertTrue("```" in beginning or "example" in beginning, name)

    def test_links_within_the_page_lead_somewhere(self):
        def anchor(heading):
            return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        anchors = {anchor(heading) for heading in re.findall(r"^##+ (.*)$", PAGE, re.M)} | set(re.findall(r'<a id="([\w-]+)">', PAGE))
        for link in re.findall(r"\]\(#([^)]*)\)", PAGE):
            self.assertIn(link, anchors)


class Programs(TestCase):
    """Those of the first ten minutes."""

    def run_page(self, number, *arguments):
        text = blocks("## The first ten minutes")[2 * number]
        program = Program([sys.executable, "-u", self.file(f"page{number}.py", text), *arguments], stdin=subprocess.DEVNULL)
        self.addCleanup(program.end)
        return program

    def test_a_writer_and_a_reader(self):
        broker = self.broker()
        reader = self.run_page(1, broker.server, "lobby")
        self.wait_members(broker, "lobby", 1)
        writer = self.run_page(0, broker.server, "lobby", "hello", "wörld")
        self.assertEqual(writer.finish(), 0, writer.errors())
        self.assertEqual(writer.text().count("'ack'"), 2)
        wait_for(lambda: len(reader.lines()) == 2, "the entries")
        self.assertRegex(reader.text(), r"\Aguest-\w+ hello\nguest-\w+ wörld\n\Z")


class Facts(TestCase):
    def code(self, peer, **request):
        answer = peer.ask(**request)
        self.assertEqual(answer["op"], "error", answer)
        return answer["code"]

    def raw(self, peer, text):
        """The answer to a frame that is written by hand."""
        peer.send(text.encode())
        return json.loads(peer.receive())

    def test_how_numbers_and_other_values_are_written(self):
        peer = self.peer(self.broker())
        for value in ("7.0", "7e0", "70e-1", '"7"', "null", "true", "-1", "9007199254740992"):
            self.assertEqual(self.raw(peer, '{"op":"join","room":"r","after":%s}' % value)["code"], "bad-member", value)
        for value in ("7", "null", "[]"):
            self.assertEqual(self.raw(peer, '{"op":"publish","room":"r","text":%s}' % value)["code"], "bad-member", value)
        for value in ("1", '"true"', "null"):
            self.assertEqual(self.raw(peer, '{"op":"join","room":"r","presence":%s}' % value)["code"], "bad-member", value)
        for value in ("7.0", "7e0", "null", "true"):
            self.assertEqual(self.raw(peer, '{"op":"ping","id":%s}' % value)["code"], "bad-member", value)
        for value in ("7", "-7", '"x"'):
            self.assertEqual(self.raw(peer, '{"op":"ping","id":%s}' % value)["re"], json.loads(value))
        for value in ("1e400", "99999999999999999999"):
            self.assertEqual(self.raw(peer, '{"op":"ping","else":%s}' % value)["code"], "bad-json", value)
        for value in ("7.5", "null", "[null]"):  # of a member that has no name here
            self.assertEqual(self.raw(peer, '{"op":"ping","else":%s}' % value)["op"], "pong", value)

    def test_hex_digits_are_lower_case(self):
        broker = self.broker()
        stranger = zmq.Context.instance().socket(zmq.DEALER)
        self.addCleanup(stranger.close, 0)
        stranger.connect(broker.server)
        stranger.send_json({"op": "hello", "proto": 1, "client": "ABCDEF" + "0" * 26})
        self.assertEqual(stranger.recv_json()["code"], "bad-member")
        client = "abcdef" + "0" * 26
        stranger.send_json({"op": "hello", "proto": 1, "client": client})
        welcome = stranger.recv_json()
        for text in (welcome["epoch"], welcome["resume"]):
            self.assertRegex(text, r"\A[0-9a-f]+\Z")
        sub = zmq.Context.instance().socket(zmq.SUB)
        self.addCleanup(sub.close, 0)
        sub.connect(welcome["back"])
        sub.subscribe(b"\xffABCDEF0123456789")
        sub.subscribe(b"\xffabcdef0123456789")  # handled after it
        self.assertEqual(sub.recv()[:17], b"\xffabcdef0123456789")
        other = zmq.Context.instance().socket(zmq.DEALER)
        self.addCleanup(other.close, 0)
        other.connect(broker.server)
        token = welcome["resume"]
        self.assertNotEqual(token, token.upper())
        other.send_json({"op": "hello", "proto": 1, "client": client, "resume": token.upper()})
        self.assertFalse(other.recv_json()["resumed"])

    def answers(self, peer, count):
        """So many ACKs as ("ack", N, seq), and errors as (code, mid, upto)."""
        found = []
        for _ in range(count):
            frame = peer.receive()
            if frame[:1] == b"\x02":
                found.append(("ack", *struct.unpack(">QQ", frame[2:])))
            else:
                error = json.loads(frame)
                found.append((error["code"], error.get("mid"), error.get("upto")))
        return found

    def test_which_ids_an_error_is_about(self):
        broker = self.broker(config="limits\n    max-entries = 3\n    max-keys = 1\n")
        peer = self.peer(broker)
        peer.send(publish_frame("r", *((mid, b"x") for mid in (2, 5, 7, 9))))
        self.assertEqual(self.answers(peer, 1), [("too-many-entries", 2, 9)])
        peer.send(publish_frame("bad room", (10, b"x"), (12, b"x")))
        self.assertEqual(self.answers(peer, 1), [("bad-room", 10, 12)])
        peer.send(publish_frame("r", (20, b"x"), (20, b"x")))  # nothing of it counts
        self.assertEqual(self.answers(peer, 1), [("bad-id", 20, None)])
        peer.send(publish_frame("r", (20, b"x")))
        self.assertEqual(self.answers(peer, 1), [("ack", 20, 1)])
        peer.send(publish_frame("r", (6, b"x")))  # a refused entry stays refused, and so does an id between that never came
        self.assertEqual(self.answers(peer, 1), [("too-many-entries", 6, None)])
        # No ACK followed the errors.
        self.assertEqual(peer.ask(op="ping")["op"], "pong")

    def test_a_lower_id_is_acked_and_not_stored(self):
        broker = self.broker()
        peer = self.peer(broker)
        peer.send(publish_frame("r", (10, b"ten")))
        self.assertEqual(self.answers(peer, 1), [("ack", 10, 1)])
        peer.send(publish_frame("r", (9, b"never sent before")))
        self.assertEqual(self.answers(peer, 1), [("ack", 9, 0)])
        self.assertEqual(self.run_zrelay(broker, "history", "r").lines(), [b"ten"])

    def test_a_dealer_without_a_bound_does_not_hang(self):
        """And one with libzmq's default does, once the broker is gone."""
        for bound in (0, None):
            broker = self.broker()
            front = zmq.Context.instance().socket(zmq.DEALER)
            self.addCleanup(front.close, 0)
            if bound == 0:
                front.sndhwm = 0
            front.connect(broker.server)
            front.send_json({"op": "hello", "proto": 1, "client": secrets.token_hex(16)})
            self.assertEqual(front.recv_json()["op"], "welcome")
            monitor = front.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            broker.end()
            self.assertTrue(monitor.poll(10000), "the connection to end")
            count = 0
            try:
                while count < 5000:
                    front.send(publish_frame("r", (count + 1, b"x")), zmq.DONTWAIT)
                    count += 1
            except zmq.Again:
                pass
            self.assertEqual(count == 5000, bound == 0, count)
            front.disable_monitor()
            monitor.close(0)


if __name__ == "__main__":
    unittest.main()
