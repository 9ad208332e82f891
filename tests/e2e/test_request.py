"""Requests and answers, with the real programs."""
import json
import os
import signal
import unittest

from harness import TestCase, wait_for
from test_groups import FAST


class Requests(TestCase):
    def reply(self, broker, nick, *arguments):
        """`zrelay reply`, once it answers."""
        program = self.zrelay(broker, "--nick", nick, "reply", *arguments)
        program.wait_err(f"{nick} answers requests")
        return program

    def request(self, broker, *arguments, code=0, **options):
        return self.run_zrelay(broker, "request", *arguments, code=code, **options)

    def test_a_nick_answers(self):
        broker = self.broker()
        self.reply(broker, "echo")
        bob = self.reply(broker, "bob", "--exec", 'read n; echo "$ZRELAY_SENDER: $((n * n))"', "--jobs", "2", "--count", "2")
        self.reply(broker, "sign", "--text", "closed")
        self.assertEqual(self.request(broker, "echo", "hello", "there").text(), "hello there\n")
        self.assertEqual(self.request(broker, "echo", stdin="Ünïcode\nin lines\n".encode()).text(), "Ünïcode\nin lines\n")
        self.assertEqual(self.request(broker, "sign", "open?").text(), "closed\n")
        self.assertEqual(self.run_zrelay(broker, "--nick", "ann", "request", "bob", "7").text(), "ann: 49\n")
        answer = json.loads(self.request(broker, "bob", "9", "--json").text())
        self.assertEqual((answer["from"], answer["text"][-2:], answer["failed"]), ("bob", "81", False))
        self.assertEqual(bob.finish(), 0)

    def test_requests_that_fail(self):
        broker = self.broker()
        self.reply(broker, "bad", "--exec", "cat; exit 3")
        self.reply(broker, "mute", "--exec", "exit 3")
        self.reply(broker, "long", "--exec", "head -c 65536 /dev/zero | tr '\\0' x")
        self.reply(broker, "bytes", "--exec", "printf '\\377'")
        self.assertIn("nobody", self.request(broker, "nobody", "x", code=3).errors())
        for nick, why in (("bad", "x"), ("mute", "exit status 3"), ("long", "too long"), ("bytes", "no UTF-8")):
            self.assertRegex(self.request(broker, nick, "x", code=4).errors(), rf"\Azrelay: {nick}: failed: .*{why}\n\Z")
        self.zrelay(broker, "--nick", "deaf", "sub", "room")
        asker = self.peer(broker)
        wait_for(lambda: asker.ask(op="direct", to="deaf", text="x")["op"] == "ok", "deaf to be there")
        self.assertIn("no answer within 0.2 s", self.request(broker, "deaf", "x", "--timeout", "0.2", code=2).errors())

    def test_an_answer_is_of_one_request(self):
        """Another request's answer, a second answer, and a plain direct message are no answer."""
        broker = self.broker()
        bob, ann = self.peer(broker, "bob"), self.zrelay(broker, "--nick", "ann", "request", "bob", "2+2")
        asked = bob.control()
        self.assertEqual((asked["from"], asked["text"]), ("ann", "2+2"))
        for members in ({"text": "psst"}, {"text": "5", "answer": "x"}, {"text": "4", "answer": asked["ask"]}, {"text": "3", "answer": asked["ask"]}):
            bob.ask(op="direct", to="ann", **members)
        self.assertEqual(ann.finish(), 0)
        self.assertEqual(ann.text(), "4\n")

    def test_readers_of_a_room_answer(self):
        broker = self.broker()
        for nick in ("one", "two", "three"):
            self.reply(broker, nick, "sums", "--exec", f'read n; echo "{nick} $ZRELAY_ROOM $n"')
        self.wait_members(broker, "sums", 3)
        self.assertRegex(self.request(broker, "-r", "sums", "5").text(), r"\A(one|two|three) sums 5\n\Z")
        self.assertEqual(sorted(self.request(broker, "-r", "sums", "6", "--replies", "3").lines()), [b"one sums 6", b"three sums 6", b"two sums 6"])
        self.assertIn("answers within 0.5 seconds: 3 of 4", self.request(broker, "-r", "sums", "7", "-n", "4", "-t", "0.5", code=2).errors())
        self.assertEqual(len(self.request(broker, "-r", "sums", "7", "-n", "0", "-t", "0.5").lines()), 3)

    def test_the_workers_of_a_group_share_requests(self):
        """One that dies before it answered is replaced; each request gets one answer."""
        broker = self.broker(config=FAST)
        ready, go = self.path("ready"), self.path("go")
        dying = self.reply(broker, "dying", "sums", "--group", "g", "--exec", f"touch {ready}; while [ ! -e {go} ]; do sleep 0.1; done > /dev/null")
        asker = self.zrelay(broker, "request", "-r", "sums", "1", "--timeout", "60")
        wait_for(lambda: os.path.exists(ready), "it to take the request")
        dying.signal(signal.SIGKILL)
        self.file("go", "")
        workers = [self.reply(broker, f"w{n}", "sums", "--group", "g", "--exec", 'read n; echo "again $n"') for n in range(2)]
        self.assertEqual(asker.finish(), 0, asker.errors())
        self.assertEqual(asker.text(), "again 1\n")
        self.assertEqual(self.request(broker, "-r", "sums", "2", "-n", "0", "-t", "0.5").text(), "again 2\n")
        self.run_zrelay(broker, "pub", "sums", "nobody waits")  # its publisher is gone: that is no failure, and nothing is tried again
        wait_for(lambda: json.loads(self.run_zrelay(broker, "groups", "sums", "--json").text())["backlog"] == 0, "all to be done")
        workers[0].signal(signal.SIGTERM)
        self.assertEqual(workers[0].finish(), 0)

    def test_mistakes(self):
        broker = self.broker()
        for wrong in (["request"], ["request", "a b", "x"], ["request", "-r", "*", "x"], ["reply", "--group", "g"], ["reply", "--jobs", "2"],
                      ["reply", "--exec", "x", "--text", "y"], ["request", "bob", "x", "--replies", "many"]):
            self.assertRegex(self.run_zrelay(broker, *wrong, code=1).errors(), r"\Azrelay: [^\n]+\n\Z")
        self.assertIn("zero byte", self.request(broker, "bob", stdin=b"a\0b", code=1).errors())


if __name__ == "__main__":
    unittest.main()
