"""The gateway's WebSockets with real programs: /v1/ws and plain rooms."""
import asyncio
import json
import os
import signal
import struct
import threading

import websockets

from gateway_case import BINARY, TEXT, GatewayCase
from harness import DEADLINE, deliver_entries, publish_frame, wait_for


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, DEADLINE))


async def until(socket, op):
    """The next message with this op."""
    while True:
        message = json.loads(await socket.recv())
        if message["op"] == op:
            return message


class Json(GatewayCase):
    def test_a_script_says_hello_joins_and_publishes(self):
        gateway = self.gateway(self.broker())

        async def script():
            async with websockets.connect(gateway.ws + "/v1/ws") as socket:
                await socket.send('{"op":"hello","nick":"ann"}')
                await socket.send('{"op":"join","room":"lobby"}')
                await socket.send('{"op":"publish","id":7,"room":"lobby","text":"hello"}')
                self.assertEqual((await until(socket, "welcome"))["nick"], "ann")
                self.assertFalse((await until(socket, "joined"))["private"])
                told = await until(socket, "entries")
                self.assertEqual((told["room"], told["prev"], [entry["text"] for entry in told["entries"]]), ("lobby", 0, ["hello"]))
                self.assertEqual((told["entries"][0]["sender"], told["entries"][0]["seq"]), ("ann", 1))
        run(script())

    def test_bodies_that_are_no_text_travel_as_base64(self):
        broker = self.broker()
        browser = self.browser(self.gateway(broker), "ann", "zrelay.v1.json")
        browser.say(op="join", room="r")
        browser.hear("joined")
        peer = self.peer(broker, "bob")
        peer.send(publish_frame("r", (1, b"\xff\0"), (2, b'"\x01\xc3\xa9', b"key"), (3, b"", b"key", 1)))
        entries = []
        while len(entries) < 3:
            entries += browser.hear("entries")["entries"]
        self.assertEqual(entries[0]["base64"], "/wA=")
        self.assertEqual((entries[1]["text"], entries[1]["key"]), ('"\x01é', "key"))
        self.assertTrue(entries[2]["deleted"])

    def test_presence_comes_and_a_leaver_hears_nothing_more(self):
        gateway = self.gateway(self.broker())
        ann, bob = self.browser(gateway, "ann"), self.browser(gateway, "bob")
        ann.say(op="join", id=1, room="r")
        ann.hear("joined")
        bob.say(op="join", id=1, room="r")
        bob.hear("joined")
        while not any(user["nick"] == "bob" for user in ann.hear("presence")["joined"]):
            pass
        ann.say(op="leave", id=2, room="r")
        ann.hear("ok")
        bob.say(op="publish", id=3, room="r", text="unheard")
        bob.hear("ack")
        ann.say(op="publish", id=4, room="other", text="x")
        while True:
            message = json.loads(ann.read_until(TEXT))
            self.assertNotEqual(message["op"], "entries")
            if message.get("re") == 4:
                break

    def test_wrong_messages_are_told(self):
        browser = self.browser(self.gateway(self.broker()), "ann")
        browser.frame(TEXT, b"hello")
        self.assertEqual(browser.hear("error")["code"], "bad-json")
        browser.frame(BINARY, b"\x02")
        self.assertEqual(browser.hear("error")["code"], "bad-frame")
        browser.say(op="open", id=1, channel=1)
        self.assertEqual(browser.hear("error")["code"], "forbidden")
        browser.say(op="subscribe", id=2, rooms=["a b"])
        self.assertEqual(browser.hear("error")["code"], "bad-member")
        browser.say(op="subscribe", id=3, rooms=[f"r{number}" for number in range(201)])
        self.assertEqual(browser.hear("error")["code"], "too-many-joins")
        browser.say(op="nonsense", id=4)
        self.assertEqual(browser.hear("error")["re"], 4)

    def test_without_a_session_nothing_is_subscribed_to(self):
        raw = self.raw(self.gateway(self.broker()))
        raw.upgrade("/v1/ws")
        raw.say(op="subscribe", id=1, rooms=["r"])
        self.assertEqual(raw.hear("error")["code"], "no-session")


class Binary(GatewayCase):
    def test_frames_are_those_of_the_protocol(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        browser = self.browser(gateway, "ann", "zrelay.v1")
        self.assertNotIn("back", browser.welcome)
        browser.say(op="subscribe", id=1, rooms=["r"], presence=True)
        self.assertEqual(browser.hear("subscribed")["rooms"], ["r"])
        browser.say(op="join", id=2, room="r")
        browser.hear("joined")
        browser.frame(BINARY, publish_frame("r", (1, b"one"), (2, b"two")))
        frames = []
        while len(frames) < 2:
            opcode, payload = browser.read()
            if opcode == BINARY:
                frames.append(payload)
        frames.sort(key=lambda one: one[0] == 2)
        room, flags, prev, entries = deliver_entries(frames[0])
        self.assertEqual((room, flags, prev, [entry[5] for entry in entries]), ("r", 0, 0, [b"one", b"two"]))
        self.assertEqual(struct.unpack(">BBQQ", frames[1]), (2, 1, 2, 2))
        peer = self.peer(broker, "bob")
        peer.subscribe(b"r\0")
        peer.ask(op="join", room="r")
        peer.ask(op="publish", room="r", text="same bytes")
        self.assertEqual(peer.live(), browser.read_until(BINARY))

    def test_only_members_hear_a_room(self):
        broker = self.broker()
        browser = self.browser(self.gateway(broker), "ann", "zrelay.v1")
        browser.say(op="subscribe", id=1, rooms=["r", "s"])
        browser.hear("subscribed")
        browser.say(op="join", id=2, room="s")
        browser.hear("joined")
        peer = self.peer(broker, "bob")
        peer.ask(op="publish", room="r", text="not for ann")
        peer.ask(op="publish", room="s", text="for ann")
        self.assertEqual(deliver_entries(browser.read_until(BINARY))[0], "s")

    def test_a_prefix_brings_its_rooms_once_followed(self):
        broker = self.broker()
        browser = self.browser(self.gateway(broker), "ann", "zrelay.v1")
        browser.say(op="subscribe", id=1, prefixes=["m/"])
        browser.hear("subscribed")
        browser.say(op="follow", id=2, prefix="m/")
        browser.hear("ok")
        self.peer(broker, "bob").ask(op="publish", room="m/cpu", text="97")
        self.assertEqual(deliver_entries(browser.read_until(BINARY))[0], "m/cpu")

    def test_pongs_tell_of_heads_without_being_asked_for(self):
        broker = self.broker("--config", self.file("fast.conf", "server\n    heartbeat = 200\n"))
        browser = self.browser(self.gateway(broker), "ann", "zrelay.v1")
        browser.say(op="join", id=2, room="r")  # not subscribed to: only the heartbeat tells of it
        browser.hear("joined")
        self.peer(broker, "bob").ask(op="publish", room="r", text="x")
        while (heads := browser.hear("pong")["heads"]) != {"r": 1}:
            self.assertIn(heads, ({}, {"r": 0}))

    def test_sessions_live_as_long_as_their_sockets(self):
        broker = self.broker("--config", self.file("fast.conf", "server\n    heartbeat = 100\n"))
        gateway = self.gateway(broker)
        browser, peer = self.browser(gateway, "ann"), self.peer(broker, "bob")
        browser.say(op="join", id=1, room="r")
        browser.hear("joined")
        beats = []  # the gateway's pings keep ann's session; bob pings for himself
        wait_for(lambda: beats.append(peer.ask(op="ping")) or len(beats) > 20, "twenty looks")
        wait_for(lambda: peer.ask(op="ping") and peer.ask(op="who", room="r")["count"] == 1, "ann to be there")
        browser.close()
        wait_for(lambda: peer.ask(op="ping") and peer.ask(op="who", room="r")["count"] == 0, "ann to be gone")


class Readers(GatewayCase):
    def read_all(self, browser, last, upto):
        """Reads entries up to that seq; a gap is filled by replay. Returns the seqs."""
        seqs, asking = [last], False
        while seqs[-1] < upto:
            opcode, payload = browser.read()
            missed = False
            if opcode == TEXT:
                message = json.loads(payload)
                missed = message["op"] == "pong" and message["heads"].get("r", 0) > seqs[-1] or message["op"] == "replayed"
                asking = asking and message["op"] != "replayed"
            elif opcode == BINARY and payload[0] != 2:
                _, _, prev, entries = deliver_entries(payload)
                missed = prev > seqs[-1]
                seqs += [] if missed else [entry[0] for entry in entries if entry[0] > seqs[-1]]
            if missed and not asking:
                asking = True
                browser.say(op="replay", room="r", after=seqs[-1])
        return seqs[1:]

    def test_a_slow_browser_sees_what_it_missed(self):
        broker = self.broker(config="server\n    heartbeat = 200\n")
        gateway = self.gateway(broker)
        slow, quick = self.browser(gateway, "slow", "zrelay.v1", receive=4096), self.browser(gateway, "quick", "zrelay.v1")
        for browser in (slow, quick):
            browser.say(op="subscribe", id=1, rooms=["r"])
            browser.hear("subscribed")
            browser.say(op="join", id=2, room="r")
            browser.hear("joined")
        found = []
        reader = threading.Thread(target=lambda: found.append(self.read_all(quick, 0, 600)))
        reader.start()
        peer = self.peer(broker, "bob")
        for number in range(1, 601):  # more than a kernel holds for one connection
            peer.send(publish_frame("r", (number, b"x" * 20000)))
            peer.ask(op="ping")
        reader.join(DEADLINE)
        self.assertEqual(found, [list(range(1, 601))])
        self.assertRegex(self.get(gateway, "/metrics")[2], rb"(?m)^zrelay_gateway_websocket_dropped_total [1-9]")
        self.assertEqual(self.read_all(slow, 0, 600), list(range(1, 601)))


class Plain(GatewayCase):
    def test_a_hundred_hear_each_other(self):
        gateway = self.gateway(self.broker())

        async def one(number, ready, everybody):
            async with websockets.connect(gateway.ws + "/v1/rooms/hall/ws") as socket:
                await ready(socket, number)
                await everybody.wait()
                await socket.send(f"from {number}")
                heard = set()
                while not {f"from {other}" for other in range(100)} <= heard:
                    heard.add(await socket.recv())

        async def all_of_them():
            everybody, there = asyncio.Event(), 0

            async def ready(socket, number):
                nonlocal there
                await socket.send(f"here {number}")
                while await socket.recv() != f"here {number}":
                    pass
                there += 1
                if there == 100:
                    everybody.set()
            await asyncio.gather(*(one(number, ready, everybody) for number in range(100)))
        run(all_of_them())

    def test_formats(self):
        broker = self.broker()
        gateway = self.gateway(broker)

        async def listen():
            async with websockets.connect(gateway.ws + "/v1/rooms/caf%C3%A9%2Fx/ws?nick=ann&format=nick") as nick, \
                    websockets.connect(gateway.ws + "/v1/rooms/caf%C3%A9%2Fx/ws?format=json") as lines, \
                    websockets.connect(gateway.ws + "/v1/rooms/caf%C3%A9%2Fx/ws") as body:
                for socket in (lines, body, nick):  # each is live once it hears itself
                    await socket.send(f"live {id(socket)}")
                    while str(id(socket)) not in await socket.recv():
                        pass
                await nick.send("grüß dich")
                await nick.send(b"\xff\0")
                while (heard := await nick.recv()) != "ann: grüß dich":
                    pass
                self.assertEqual(await nick.recv(), b"ann: \xff\0")
                while (heard := await body.recv()) != "grüß dich":
                    pass
                self.assertEqual(await body.recv(), b"\xff\0")
                while (heard := json.loads(await lines.recv())).get("body") != "grüß dich":
                    pass
                self.assertEqual((heard["room"], heard["sender"]), ("café/x", "ann"))
                self.assertEqual(json.loads(await lines.recv())["body_base64"], "/wA=")
        run(listen())

    def test_messages_go_to_and_come_from_other_clients(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        reader = self.zrelay(broker, "sub", "r", "--count", "1")
        self.wait_members(broker, "r", 1)

        async def talk():
            async with websockets.connect(gateway.ws + "/v1/rooms/r/ws") as socket:
                await socket.send("from the socket")
                self.assertEqual(await socket.recv(), "from the socket")
                await asyncio.to_thread(self.run_zrelay, broker, "pub", "r", "from zrelay")
                self.assertEqual(await socket.recv(), "from zrelay")
        run(talk())
        self.assertEqual(reader.finish(), 0)
        self.assertEqual(reader.text(), "from the socket\n")

    def test_faults_close_with_a_reason(self):
        gateway = self.gateway(self.broker())
        self.browser(gateway, "ann")
        raw = self.raw(gateway)
        self.assertEqual(raw.upgrade("/v1/rooms/r/ws?nick=ann")[0], 101)
        code, reason = raw.close_code()
        self.assertEqual((code, reason.split(":")[0]), (1008, "nick-in-use"))
        for path, status in (("/v1/rooms/a%00b/ws", 400), ("/v1/rooms/a%20b/ws", 400), ("/v1/rooms/r/ws?format=xml", 400),
                             ("/v1/rooms//ws", 404), ("/v1/rooms/r/wss", 404)):
            raw = self.raw(gateway)
            found, headers = raw.upgrade(path)
            self.assertIn(found, (status, 400, 404), path)
            self.assertEqual(headers["content-type"], "application/problem+json")

    def test_a_slow_reader_gets_everything_later_and_disturbs_nobody(self):
        broker = self.broker()
        gateway = self.gateway(broker, config="limits\n    reader-queue = 4k\n    answer-queue = 8M\n")
        slow, quick = self.raw(gateway), self.raw(gateway)
        for raw in (slow, quick):
            raw.upgrade("/v1/rooms/r/ws")
            raw.frame(TEXT, b"live")
            while raw.read() != (TEXT, b"live"):
                pass
        peer, size, count = self.peer(broker, "bob"), 20000, 1000  # more than the kernel's buffers hold
        for number in range(1, count + 1):
            peer.send(publish_frame("r", (number, b"%06d" % number + b"." * size)))
            if number % 20 == 0:
                peer.ask(op="ping")
        for raw in (quick, slow):
            found = []
            while len(found) < count:
                _, payload = raw.read()
                if payload != b"live":
                    found.append(int(payload[:6]))
            self.assertEqual(found, list(range(1, count + 1)))


class Files(GatewayCase):
    def test_the_page_and_nothing_else(self):
        os.makedirs(self.path("page/sub"))
        self.file("page/index.html", "<p>hello")
        self.file("page/sub/a.js", "1")
        self.file("page/secret.key", "x")
        self.file("page/.hidden.html", "x")
        gateway = self.gateway(self.broker(), "--page", self.path("page"))
        for path in ("/", "/index.html", "/?q"):
            status, headers, body = self.get(gateway, path)
            self.assertEqual((status, body, headers["content-type"]), (200, b"<p>hello", "text/html; charset=utf-8"))
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        self.assertEqual(self.get(gateway, "/", f"If-None-Match: {headers['etag']}")[0], 304)
        self.assertEqual(self.get(gateway, "/sub/a.js")[1]["content-type"], "text/javascript; charset=utf-8")
        self.assertEqual(self.get(gateway, "/", method="HEAD")[2], b"")
        self.assertEqual(self.get(gateway, "/", method="DELETE")[0], 405)
        for path in ("/secret.key", "/.hidden.html", "/sub", "/sub/", "/../page/index.html", "/sub/../index.html", "//index.html", "/%69ndex.html",
                     "/nothing"):
            self.assertEqual(self.get(gateway, path)[0], 404, path)


class Recovery(GatewayCase):
    def test_plain_peers_survive_the_broker(self):
        data = self.path("data")
        broker = self.broker("--data", data)
        gateway = self.gateway(broker)
        raw = self.raw(gateway)
        raw.upgrade("/v1/rooms/r/ws?nick=ann")
        heard = []

        def hear(count):
            while len(heard) < count:
                opcode, payload = raw.read()
                if opcode == TEXT:
                    heard.append(payload.decode())
        for number in range(3):
            raw.frame(TEXT, f"before {number}".encode())
        hear(3)
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.wait_away(gateway)
        raw.frame(TEXT, b"meanwhile")
        again = self.broker("--listen", broker.server, "--back", broker.back, "--data", data)
        self.wait_back(gateway)
        self.peer(again, "bob").ask(op="publish", room="r", text="after")
        hear(5)
        self.assertEqual(heard[:3], [f"before {number}" for number in range(3)])
        self.assertEqual(sorted(heard[3:]), ["after", "meanwhile"])

    def test_clients_are_told_and_resume(self):
        data = self.path("data")
        broker = self.broker("--data", data)
        gateway = self.gateway(broker)
        browser = self.browser(gateway, "ann", "zrelay.v1")
        browser.say(op="subscribe", id=1, rooms=["r"])
        browser.hear("subscribed")
        browser.say(op="join", id=2, room="r")
        browser.hear("joined")
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.assertEqual(browser.hear("broker")["state"], "away")
        browser.say(op="ping", id=3)
        self.assertEqual(browser.hear("error")["code"], "no-session")
        browser.say(op="hello", id=4, proto=1, client=browser.client, nick="ann", resume=browser.welcome["resume"])
        again = self.broker("--listen", broker.server, "--back", broker.back, "--data", data)
        self.assertEqual(browser.hear("broker")["state"], "back")
        welcome = browser.hear("welcome")
        self.assertEqual((welcome["re"], welcome["epoch"]), (4, browser.welcome["epoch"]))
        browser.say(op="join", id=5, room="r", after=0)
        browser.hear("joined")
        self.peer(again, "bob").ask(op="publish", room="r", text="after")
        self.assertEqual(deliver_entries(browser.read_until(BINARY))[3][0][5], b"after")

    def test_sessions_survive_the_gateway(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        browser = self.browser(gateway, "ann", "zrelay.v1")
        browser.say(op="join", id=1, room="r")
        browser.hear("joined")
        gateway.signal(signal.SIGKILL)
        gateway.finish()
        browser.wait_end()
        self.peer(broker, "bob").ask(op="publish", room="r", text="meanwhile")
        again = self.gateway(broker, "--http", gateway.address)
        raw = self.raw(again)
        raw.upgrade("/v1/ws", "Sec-WebSocket-Protocol: zrelay.v1")
        raw.say(op="hello", id=1, proto=1, client=browser.client, nick="ann", resume=browser.welcome["resume"])
        welcome = raw.hear("welcome")
        self.assertEqual((welcome["nick"], welcome["resumed"]), ("ann", True))
        raw.say(op="subscribe", id=2, rooms=["r"])
        raw.hear("subscribed")
        raw.say(op="join", id=3, room="r", after=0)
        self.assertTrue(raw.hear("joined")["recovered"])
        raw.say(op="replay", id=4, room="r", after=0)
        self.assertEqual(deliver_entries(raw.read_until(BINARY))[3][0][5], b"meanwhile")

    def test_a_gateway_that_starts_before_the_broker(self):
        broker = self.broker()
        broker.signal(signal.SIGTERM)
        broker.finish()
        gateway = self.gateway(broker, wait=False)
        self.wait_away(gateway)
        raw = self.raw(gateway)
        raw.upgrade("/v1/ws")
        raw.say(op="hello", nick="ann")
        self.broker("--listen", broker.server, "--back", broker.back)
        self.assertEqual(raw.hear("welcome")["nick"], "ann")

    def test_stopping_says_so(self):
        gateway = self.gateway(self.broker())
        browser = self.browser(gateway, "ann")
        gateway.signal(signal.SIGTERM)
        self.assertEqual(browser.close_code()[0], 1001)
        self.assertEqual(gateway.finish(), 0)
