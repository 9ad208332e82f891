"""IRC by zrelay-gateway, with real programs: what a client does in a chat."""
import json
import pathlib
import re
import signal
import socket
import time
import unittest

from harness import publish_frame, wait_for
from irc_case import CAPS, IrcCase


class Registration(IrcCase):
    def test_a_client_is_welcomed(self):
        client = self.connect(self.irc_gateway(self.broker()))
        client.send("CAP LS 302", "NICK ann", "USER ann 0 * :Ann")
        caps = client.hear("CAP").params[-1].split()
        self.assertIn("sasl=PLAIN", caps)
        client.send("CAP END")
        numbers = [line.command for line in client.until("422")]
        self.assertEqual(numbers, ["001", "002", "003", "004", "005", "005", "251", "254", "255", "265", "266", "422"])

    def test_a_taken_nick_and_wrong_ones(self):
        gateway = self.irc_gateway(self.broker())
        self.client(gateway, "ann")
        other = self.connect(gateway)
        other.send("NICK ann", "USER x 0 * :x")
        self.assertEqual(other.hear("433").params, ["*", "ann", "Nickname is already in use"])
        other.send("NICK admin")
        self.assertEqual(other.hear("432").params[1], "admin")
        other.send("NICK b#")
        self.assertEqual(other.hear("001").params[0], "b#")

    def test_broker_away_at_the_start(self):
        broker = self.broker()
        server = broker.server
        broker.signal(signal.SIGTERM)
        broker.finish()
        gateway = self.irc_gateway(server, wait=False)
        client = self.connect(gateway)
        client.send("NICK ann", "USER ann 0 * :Ann")
        self.assertIn("away", client.hear("NOTICE").params[1])
        self.restart(broker)
        self.assertEqual(client.hear("001").params[0], "ann")

    def test_commands_need_registration_and_quit_ends_it(self):
        client = self.connect(self.irc_gateway(self.broker()))
        client.send("JOIN #r")
        client.hear("451")
        client.send("QUIT")
        client.hear("ERROR")
        self.assertIsNone(client.line())


class Rooms(IrcCase):
    def test_two_clients_talk(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", channel="#lobby")
        bob = self.client(gateway, "bob", channel="#lobby")
        self.assertEqual(ann.hear("JOIN").source, "bob!~u@zrelay")
        ann.send("PRIVMSG #lobby :hello bob", "NOTICE #lobby :a notice", "PRIVMSG #lobby :\1ACTION waves\1")
        self.assertEqual(bob.hear("PRIVMSG").params, ["#lobby", "hello bob"])
        self.assertEqual(bob.hear("NOTICE").params, ["#lobby", "a notice"])
        self.assertEqual(bob.hear("PRIVMSG").params, ["#lobby", "\1ACTION waves\1"])
        bob.send("PART #lobby :enough")
        self.assertEqual(bob.hear("PART").params, ["#lobby", "enough"])
        self.assertEqual(ann.hear("PART").nick, "bob")
        bob.join("#lobby")
        ann.hear("JOIN")
        bob.send("QUIT :gone")
        self.assertEqual(ann.hear("QUIT").nick, "bob")
        self.assertEqual([line.command for line in ann.mark()], [])

    def test_one_room_in_irc_in_the_browser_and_on_the_command_line(self):
        broker = self.broker()
        gateway = self.irc_gateway(broker)
        ann = self.client(gateway, "ann", channel="#lobby")
        browser = self.browser(gateway, "web", "zrelay.v1.json")
        browser.say(op="join", room="lobby")
        browser.hear("joined")
        self.assertEqual(ann.hear("JOIN").nick, "web")
        reader = self.zrelay(broker, "sub", "lobby", "--all")
        ann.send("PRIVMSG #lobby :from irc")
        self.assertEqual(browser.hear("entries")["entries"][0]["text"], "from irc")
        reader.wait_out("from irc")
        browser.say(op="publish", room="lobby", text="from the web")
        self.assertEqual((line := ann.hear("PRIVMSG")).params, ["#lobby", "from the web"])
        self.assertEqual(line.nick, "web")
        peer = self.peer(broker, "script")
        peer.send(publish_frame("lobby", (1, b"two\nlines"), (2, b"\xff\0")))
        self.assertEqual([ann.hear("PRIVMSG").params[1] for _ in range(3)], ["two", "lines", "[2 bytes that are no UTF-8 text] \\xff\\x00"])

    def test_nicks_change_for_all(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", channel="#r")
        bob = self.client(gateway, "bob", channel="#r")
        ann.hear("JOIN")
        ann.send("NICK eve")
        self.assertEqual((line := ann.hear("NICK")).params, ["eve"])
        self.assertEqual(line.nick, "ann")
        self.assertEqual(bob.hear("NICK").params, ["eve"])
        ann.send("NICK bob")
        ann.hear("433")
        ann.send("PRIVMSG #r :me")
        self.assertEqual(bob.hear("PRIVMSG").nick, "eve")

    def test_names_that_irc_cannot_say_are_spelled(self):
        broker = self.broker()
        gateway = self.irc_gateway(broker)
        ann = self.client(gateway, "ann")
        ann.join("#a%2Cb")
        peer = self.peer(broker, "x!y")
        peer.ask(op="join", room="a,b")
        self.assertEqual(ann.hear("JOIN").source, "x%21y!~u@zrelay")
        peer.send(publish_frame("a,b", (1, b"hi")))
        self.assertEqual(ann.hear("PRIVMSG").params, ["#a%2Cb", "hi"])
        ann.send("PRIVMSG x%21y :psst")
        self.assertEqual(json.loads(next(f for f in iter(peer.receive, None) if b'"direct"' in f))["text"], "psst")

    def test_topics(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", channel="#r")
        ann.send("TOPIC #r")
        ann.hear("331")
        ann.send("TOPIC #r :grüße")
        self.assertEqual(ann.hear("TOPIC").params, ["#r", "grüße"])
        bob = self.client(gateway, "bob")
        lines = bob.join("#r")
        self.assertEqual([line.params[2] for line in lines if line.command == "332"], ["grüße"])
        self.assertEqual([line.params[2] for line in lines if line.command == "333"], ["ann"])
        bob.send("TOPIC #r :")
        self.assertEqual(ann.hear("TOPIC").params, ["#r", ""])
        bob.hear("TOPIC")
        bob.send("TOPIC #r")
        bob.hear("331")

    def test_names_who_whois_list(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", channel="#r")
        bob = self.client(gateway, "bob", channel="#r")
        ann.hear("JOIN")
        ann.send("NAMES #r")
        self.assertEqual(sorted(ann.hear("353").params[3].split()), ["ann", "bob"])
        ann.hear("366")
        ann.send("WHO #r")
        self.assertEqual([line.params[5] for line in ann.until("315")[:-1]], ["ann", "bob"])
        ann.send("WHO #r %tcuhnfdaor,7")
        self.assertEqual(ann.hear("354").params[:6], ["ann", "7", "#r", "~u", "zrelay", "ann"])
        ann.hear("315")
        ann.send("WHOIS bob")
        self.assertEqual([line.command for line in ann.until("318")], ["311", "319", "312", "318"])
        ann.send("WHOIS nobody")
        self.assertEqual([line.command for line in ann.until("318")], ["401", "318"])
        bob.send("PRIVMSG #q :x")
        ann.send("LIST")
        self.assertIn(["ann", "#r", "2", ""], [line.params for line in ann.until("323") if line.command == "322"])
        ann.send("USERHOST bob", "ISON bob nobody")
        self.assertEqual(ann.hear("302").params[1], "bob=+~u@zrelay")
        self.assertEqual(ann.hear("303").params[1], "bob")

    def test_a_crowd_is_counted_and_not_named(self):
        broker = self.broker(config="limits\n    presence-names = 3\n")
        gateway = self.irc_gateway(broker)
        for i in range(5):
            self.client(gateway, f"n{i}", channel="#r")
        ann = self.client(gateway, "ann")
        names = [line.params[3] for line in ann.join("#r") if line.command == "353"]
        self.assertEqual(names, ["ann"])
        ann.send("NAMES #r")
        self.assertEqual(len(ann.hear("353").params[3].split()), 6)

    def test_direct_messages(self):
        broker = self.broker()
        gateway = self.irc_gateway(broker)
        ann, bob = self.client(gateway, "ann", "echo-message"), self.client(gateway, "bob")
        ann.send("PRIVMSG bob :psst")
        self.assertEqual(ann.hear("PRIVMSG").params, ["bob", "psst"])
        self.assertEqual((line := bob.hear("PRIVMSG")).params, ["bob", "psst"])
        self.assertEqual(line.nick, "ann")
        ann.send("PRIVMSG nobody :psst")
        ann.hear("401")
        peer = self.peer(broker, "chat")
        peer.ask(op="direct", to="ann", text="hi")
        self.assertEqual(ann.hear("PRIVMSG").nick, "chat")


class Covered(unittest.TestCase):
    """What the gateway announces is tested and explained."""

    ROOT = pathlib.Path(__file__).parents[2]

    def read(self, *patterns):
        return "".join(path.read_text(encoding="utf-8") for pattern in patterns for path in self.ROOT.glob(pattern))

    def test_each_capability_command_and_reply(self):
        tests = self.read("tests/e2e/test_irc*.py", "tests/e2e/irc_case.py", "tests/unit/client/gateway/irc/**/*.c")
        page = self.read("client/gateway/IRC.md")
        for name in re.findall(r'^    {"([a-z/-]+)", IRC_', self.read("client/gateway/irc/text/irc_caps.c"), re.M):
            self.assertTrue(f"`{name}`" in page and name in tests, name)
        commands = re.findall(r'^const irc_command_t \w+ = {"([A-Z]+)"', self.read("client/gateway/irc/cmd/*.c"), re.M)
        self.assertGreater(len(commands), 25)
        for name in commands:
            self.assertTrue(re.search(rf"Commands: [^.]*\b{name}\b", page), name)
            self.assertTrue(re.search(rf"\b{name}\b", tests), name)
        replies = re.findall(r"X\((\w+), (\d+),", self.read("client/gateway/irc/text/irc_numerics.h"))
        self.assertGreater(len(replies), 60)
        for name, number in replies:
            self.assertTrue(re.search(rf"\b{int(number):03}\b", tests), name)


class Capabilities(IrcCase):
    def test_each_one_that_is_listed_can_be_had(self):
        gateway = self.irc_gateway(self.broker())
        client = self.connect(gateway)
        client.send("CAP LS 302")
        listed = [cap.partition("=")[0] for cap in client.hear("CAP").params[-1].split()]
        self.assertEqual(sorted(listed), sorted((CAPS + " sasl").split()))
        for cap in listed:
            client.send(f"CAP REQ {cap}")
            self.assertEqual(client.hear("CAP").params[1], "ACK")

    def test_echo_labels_ids_and_times(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", CAPS, channel="#r")
        bob = self.client(gateway, "bob", "message-tags server-time", channel="#r")
        ann.send("@label=one PRIVMSG #r :hello")
        echo = ann.hear("PRIVMSG")
        self.assertEqual(echo.tags["label"], "one")
        heard = bob.hear("PRIVMSG")
        self.assertEqual((heard.tags["msgid"], heard.tags["time"]), (echo.tags["msgid"], echo.tags["time"]))
        self.assertRegex(heard.tags["msgid"], r"^[0-9a-f]{16}:\d+$")
        self.assertNotIn("label", heard.tags)
        ann.send("@label=two PING x")
        self.assertEqual(ann.hear("PONG").tags["label"], "two")
        ann.send("@label=three PONG x", "@label=four WHOIS bob")
        batch = ann.hear("BATCH")
        self.assertEqual((batch.tags["label"], batch.params[1]), ("four", "labeled-response"))
        self.assertTrue(all(line.tags["batch"] == batch.params[0][1:] for line in ann.until("318")))
        ann.hear("BATCH")
        ann.send("@label=five PRIVMSG #other :x")
        self.assertEqual(ann.hear("PRIVMSG").tags["label"], "five")
        ann.send("@label=six MONITOR C")
        self.assertEqual(ann.hear("ACK").tags["label"], "six")

    def test_away_and_typing_are_seen(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", CAPS, channel="#r")
        bob = self.client(gateway, "bob", CAPS, channel="#r")
        ann.send("AWAY :lunch")
        ann.hear("306")
        self.assertEqual(bob.hear("AWAY").params, ["lunch"])
        bob.send("PRIVMSG ann :x")
        self.assertEqual(bob.hear("301").params, ["bob", "ann", "lunch"])
        bob.send("WHOIS ann")
        bob.hear("301")
        bob.send("WHO #r")
        self.assertEqual(bob.hear("352").params[6], "G")
        ann.send("AWAY")
        ann.hear("305")
        self.assertEqual(bob.hear("AWAY").params, [])
        ann.send("@+typing=active TAGMSG #r")
        self.assertEqual(bob.hear("TAGMSG").tags["+typing"], "active")
        ann.send("PRIVMSG #r :done")
        self.assertEqual(bob.hear("TAGMSG").tags["+typing"], "done")

    def test_names_and_joins_with_more(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", CAPS)
        lines = ann.join("#r")
        self.assertEqual(next(line.params for line in lines if line.command == "JOIN"), ["#r", "*", "ann"])
        self.assertEqual(next(line.params[3] for line in lines if line.command == "353"), "ann!~u@zrelay")

    def test_long_messages_go_whole_with_multiline_and_in_parts_without(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", CAPS, channel="#r")
        bob = self.client(gateway, "bob", channel="#r")
        cat = self.client(gateway, "cat", CAPS, channel="#r")
        first, second = "é" * 200, "z" * 400
        ann.send("@label=m BATCH +1 draft/multiline #r", f"@batch=1 PRIVMSG #r :{first}",
                 f"@batch=1;draft/multiline-concat PRIVMSG #r :{second}", "@batch=1 PRIVMSG #r :last", "BATCH -1")
        parts = []
        while "last" not in parts:
            parts.append(bob.hear("PRIVMSG").params[1])
        self.assertEqual("".join(parts[:-1]), first + second)
        for client in (cat, ann):
            opened = client.hear("BATCH", where=lambda line: "draft/multiline" in line.params)
            text = ""
            for line in client.until("BATCH")[:-1]:
                self.assertEqual(line.tags["batch"], opened.params[0][1:])
                text += ("" if not text or "draft/multiline-concat" in line.tags else "\n") + line.params[1]
            self.assertEqual(text, f"{first}{second}\nlast")
            self.assertIn("msgid", opened.tags)

    def test_watched_nicks(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann")
        ann.send("MONITOR + bob")
        ann.hear("731")
        bob = self.client(gateway, "bob")
        self.assertEqual(ann.hear("730").params[1], "bob!~u@zrelay")
        bob.send("QUIT")
        self.assertEqual(ann.hear("731").params[1], "bob")
        ann.send("MONITOR L")
        self.assertEqual([line.command for line in ann.until("733")], ["732", "733"])

    def test_text_that_is_not_utf8_is_refused(self):
        ann = self.client(self.irc_gateway(self.broker()), "ann", channel="#r")
        ann.socket.sendall(b"PRIVMSG #r :\xff\r\n")
        self.assertEqual(ann.hear("FAIL").params[:2], ["PRIVMSG", "INVALID_UTF8"])


class History(IrcCase):
    def filled(self, count=30, caps=CAPS):
        broker = self.broker()
        gateway = self.irc_gateway(broker)
        peer = self.peer(broker, "bob")
        for mid in range(1, count + 1):
            peer.ask(op="publish", id=mid, room="r", text=f"m{mid}", mid=mid)
        return broker, gateway, self.client(gateway, "ann", caps)

    def slice(self, client, question):
        client.send("CHATHISTORY " + question)
        opened = client.hear("BATCH", "FAIL")
        self.assertEqual(opened.command, "BATCH", opened)
        return [line for line in client.until("BATCH")[:-1]]

    def test_slices(self):
        _, _, ann = self.filled()
        texts = lambda question: [line.params[1] for line in self.slice(ann, question)]
        names = lambda first, last: [f"m{i}" for i in range(first, last + 1)]
        latest = self.slice(ann, "LATEST #r * 5")
        self.assertEqual([line.params[1] for line in latest], names(26, 30))
        ids = {f"m{i}": f"msgid={line.tags['msgid'].rsplit(':', 1)[0]}:{i}" for line in latest[:1] for i in range(1, 31)}
        self.assertEqual(texts(f"LATEST #r {ids['m27']} 10"), names(28, 30))
        self.assertEqual(texts(f"BEFORE #r {ids['m10']} 5"), names(5, 9))
        self.assertEqual(texts(f"AFTER #r {ids['m10']} 5"), names(11, 15))
        self.assertEqual(texts(f"AROUND #r {ids['m10']} 6"), names(7, 12))
        self.assertEqual(texts(f"BETWEEN #r {ids['m10']} {ids['m20']} 5"), names(11, 15))
        self.assertEqual(texts(f"BETWEEN #r {ids['m20']} {ids['m10']} 5"), names(15, 19))
        self.assertEqual(texts(f"BEFORE #r {ids['m1']} 5"), [])
        self.assertEqual(texts("LATEST #empty * 5"), [])

    def test_moments(self):
        broker = self.broker()
        gateway = self.irc_gateway(broker)
        peer = self.peer(broker, "bob")
        ann = self.client(gateway, "ann", CAPS, channel="#r")
        times = []
        for mid in range(1, 12):
            wait_for(lambda: not times or time.time() > self.seconds(times[-1]) + 0.002, "the clock to go on")
            peer.ask(op="publish", id=mid, room="r", text=f"m{mid}", mid=mid)
            times.append(ann.hear("PRIVMSG").tags["time"])
        texts = lambda question: [line.params[1] for line in self.slice(ann, question)]
        names = lambda first, last: [f"m{i}" for i in range(first, last + 1)]
        at = lambda i: "timestamp=" + times[i - 1]
        self.assertEqual(texts(f"BEFORE #r {at(6)} 3"), names(3, 5))
        self.assertEqual(texts(f"AFTER #r {at(6)} 3"), names(7, 9))
        self.assertEqual(texts(f"LATEST #r {at(6)} 30"), names(7, 11))
        self.assertEqual(texts(f"BETWEEN #r {at(3)} {at(7)} 30"), names(4, 6))
        self.assertEqual(texts(f"BETWEEN #r {at(7)} {at(3)} 2"), names(5, 6))
        ann.send(f"CHATHISTORY TARGETS {at(1)} timestamp=2999-01-01T00:00:00Z 10")
        ann.hear("BATCH")
        self.assertEqual(ann.hear("CHATHISTORY").params, ["TARGETS", "#r", times[-1]])
        ann.hear("BATCH")

    @staticmethod
    def seconds(text):
        import calendar
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(text[19:-1])

    def test_a_client_that_cannot_ask_gets_some_on_joining(self):
        _, _, ann = self.filled(caps="batch server-time")
        ann.send("JOIN #r")
        opened = ann.hear("BATCH")
        self.assertEqual(opened.params[1:], ["chathistory", "#r"])
        lines = ann.until("BATCH")[:-1]
        self.assertEqual([line.params[1] for line in lines], [f"m{i}" for i in range(11, 31)])
        self.assertTrue(all("time" in line.tags for line in lines))

    def test_wrong_questions(self):
        _, _, ann = self.filled(1)
        for question, code in (("LATEST #r * x", "INVALID_PARAMS"), ("LATEST bob * 5", "INVALID_TARGET"),
                               ("BEFORE #r msgid=0000000000000000:5 5", "MESSAGE_ERROR"), ("WHAT #r * 5", "INVALID_PARAMS")):
            ann.send("CHATHISTORY " + question)
            self.assertEqual(ann.hear("FAIL").params[:2], ["CHATHISTORY", code])


class Restart(IrcCase):
    def test_the_client_stays_and_gets_what_it_missed(self):
        data = self.path("data")
        broker = self.broker("--data", data)
        gateway = self.irc_gateway(broker)
        ann = self.client(gateway, "ann", CAPS, channel="#r")
        bob = self.client(gateway, "bob", channel="#r")
        ann.hear("JOIN")
        broker.signal(signal.SIGKILL)
        self.assertIn("away", ann.hear("NOTICE").params[1])
        ann.send("PRIVMSG #r :held", "TOPIC #r :no")
        self.assertEqual(ann.hear("FAIL").params[:2], ["TOPIC", "BROKER_AWAY"])
        broker = self.restart(broker, "--data", data)
        self.assertIn("back", ann.hear("NOTICE").params[1])
        self.assertEqual(ann.hear("PRIVMSG").params, ["#r", "held"])
        self.assertEqual(bob.hear("PRIVMSG").params, ["#r", "held"])
        bob.send("PRIVMSG #r :and on")
        self.assertEqual(ann.hear("PRIVMSG").params, ["#r", "and on"])
        self.wait_members(broker, "r", 2)

    def test_the_gateway_says_goodbye(self):
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann")
        gateway.signal(signal.SIGTERM)
        self.assertIn("stops", ann.hear("ERROR").params[0])
        self.assertIsNone(ann.line())


class Hostile(IrcCase):
    def test_a_client_that_floods_is_slowed_and_the_others_are_not(self):
        broker = self.broker()
        gateway = self.gateway(broker, "--irc", "127.0.0.1:*")
        flooder = self.client(gateway, "flood", channel="#r")
        ann, bob = self.client(gateway, "ann", channel="#q"), self.client(gateway, "bob", channel="#q")
        flooder.socket.setblocking(False)
        try:
            while True:
                flooder.socket.send(b"PRIVMSG #r :flood\r\n" * 1000)
        except BlockingIOError:
            pass
        ann.send("PRIVMSG #q :hello")
        self.assertEqual(bob.hear("PRIVMSG").params[1], "hello")

    def test_a_client_that_reads_slowly_gets_everything(self):
        broker = self.broker()
        gateway = self.irc_gateway(broker, config="limits\n    reader-queue = 16k\n    answer-queue = 4M\n")
        slow = self.client(gateway, "slow", channel="#r", receive=4096)
        peer = self.peer(broker, "bob")
        for mid in range(1, 401):
            peer.ask(op="publish", id=mid, room="r", text=f"{mid} " + "x" * 300, mid=mid)
        self.assertEqual([int(slow.hear("PRIVMSG").params[1].split()[0]) for _ in range(400)], list(range(1, 401)))

    def test_lines_that_are_no_irc(self):
        gateway = self.irc_gateway(self.broker())
        client = self.connect(gateway)
        client.socket.sendall(b"\r\n\r\n:\r\n@\r\nNICK ann\r\nUSER a 0 * :a\r\n")
        client.hear("001")
        client.socket.sendall(b"GET / HTTP/1.1\r\n" + b"x" * 20000 + b"\r\n")
        client.hear("421")
        client.hear("417")

    def test_a_web_page_writes_nothing(self):
        """A browser sends such a request to any port that a page names."""
        gateway = self.irc_gateway(self.broker())
        ann = self.client(gateway, "ann", channel="#r")
        body = b"NICK eve\r\nUSER e 0 * :e\r\nJOIN #r\r\nPRIVMSG #r :smuggled\r\n"
        for target in (b"/", b"/" + b"x" * 20000):
            page = self.connect(gateway)
            page.socket.sendall(b"POST " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + body)
            page.hear("ERROR")
        bob = self.client(gateway, "bob", channel="#r")
        bob.send("PRIVMSG #r :hello")
        self.assertEqual(ann.hear("PRIVMSG").params[1], "hello")

    def test_one_that_ends_its_side_leaves_at_once(self):
        gateway = self.irc_gateway(self.broker())
        ann, bob = self.client(gateway, "ann", channel="#r"), self.client(gateway, "bob", channel="#r")
        ann.hear("JOIN")
        bob.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(ann.hear("QUIT").nick, "bob")

    def test_one_that_says_nothing_is_disconnected(self):
        gateway = self.irc_gateway(self.broker(), config="limits\n    request-timeout = 1s\n")
        self.assertIn("timed out", self.connect(gateway).hear("ERROR").params[0])
