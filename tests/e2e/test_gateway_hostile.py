"""What peers do to the gateway that they should not: an error with a status or a close with a code, and nobody else notices."""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time

from gateway_case import GATEWAY, BINARY, CLOSE, PING, PONG, TEXT, GatewayCase, frame
from harness import DEADLINE, own_address, publish_frame, wait_for


class Frames(GatewayCase):
    def setUp(self):
        super().setUp()
        self.server = self.broker()
        self.door = self.gateway(self.server, config="limits\n    max-message = 64k\n    request-timeout = 1s\n")
        self.honest = self.browser(self.door, "honest")
        self.honest.say(op="join", id="j", room="r")
        self.honest.hear("joined")

    def tearDown(self):
        self.honest.say(op="publish", room="r", text="still here")
        while self.honest.hear("entries")["entries"][-1]["text"] != "still here":
            pass

    def closes(self, code, *sent, path="/v1/ws"):
        raw = self.raw(self.door)
        self.assertEqual(raw.upgrade(path)[0], 101)
        for data in sent:
            raw.send(data)
        self.assertEqual(raw.close_code()[0], code, (path, sent))
        raw.close()

    def test_broken_frames_close_with_a_code(self):
        for path in ("/v1/ws", "/v1/rooms/q/ws"):
            self.closes(1002, frame(TEXT, b"{}", mask=False), path=path)
            self.closes(1002, frame(TEXT, b"{}", rsv=4), path=path)
            self.closes(1002, frame(TEXT, b"{}", rsv=1), path=path)
            self.closes(1002, frame(3, b"{}"), path=path)
            self.closes(1002, frame(11, b""), path=path)
            self.closes(1002, frame(0, b"continued, but what"), path=path)
            self.closes(1002, frame(TEXT, b"{", fin=False), frame(TEXT, b"}"), path=path)
            self.closes(1002, frame(PING, b"p", fin=False), path=path)
            self.closes(1002, frame(PING, b"p" * 126), path=path)
            self.closes(1002, frame(CLOSE, b"\x03"), path=path)
            self.closes(1002, frame(CLOSE, struct.pack(">H", 999)), path=path)
            for code in (0, 1004, 1005, 1006, 1015, 2999, 5000, 65535):  # reserved, or of nobody
                self.closes(1002, frame(CLOSE, struct.pack(">H", code)), path=path)
            self.closes(1007, frame(TEXT, b"\xff\xfe"), path=path)
            self.closes(1007, frame(TEXT, b"\xc3", fin=False), frame(0, b"x"), path=path)
            self.closes(1007, frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), path=path)
            self.closes(1009, frame(BINARY, b"\x01" * 65537), path=path)
            self.closes(1009, frame(BINARY, b"\x01" * 40000, fin=False), frame(0, b"\x01" * 40000), path=path)
            self.closes(1009, b"\x82\xff" + struct.pack(">Q", 1 << 62) + b"maskx", path=path)
            self.closes(1002, b"\x82\xff" + struct.pack(">Q", 1 << 63) + b"maskx", path=path)

    def test_the_largest_message_passes(self):
        raw = self.browser(self.door, "ann")
        raw.frame(BINARY, publish_frame("r", (1, b"x" * (65536 - 17))))
        self.assertEqual(raw.read_until(BINARY)[:2], b"\2\1")

    def test_fragments_within_a_character_are_put_together(self):
        raw = self.raw(self.door)
        raw.upgrade("/v1/rooms/q/ws")
        for opcode, part in ((TEXT, b"gr\xc3"), (0, b"\xbc")):
            raw.frame(opcode, part, fin=False)
            raw.frame(PING, b"between")
            self.assertEqual(raw.read_until(PONG), b"between")
        raw.frame(0, b"\xc3\x9f")
        self.assertEqual(raw.read_until(TEXT).decode(), "grüß")

    def test_bytes_one_by_one(self):
        raw = self.raw(self.door)
        raw.upgrade("/v1/rooms/q/ws")
        for byte in frame(TEXT, b"slow") + frame(TEXT, b"and steady"):
            raw.send(bytes([byte]))
        self.assertEqual([raw.read(), raw.read()], [(TEXT, b"slow"), (TEXT, b"and steady")])

    def test_frames_behind_the_request_are_taken(self):
        raw = self.raw(self.door)
        self.assertEqual(raw.upgrade("/v1/rooms/q/ws", extra=frame(TEXT, b"early") + frame(TEXT, b"birds"))[0], 101)
        self.assertEqual([raw.read(), raw.read()], [(TEXT, b"early"), (TEXT, b"birds")])

    def test_a_hundred_thousand_pings(self):
        raw = self.raw(self.door)
        raw.upgrade("/v1/ws")
        pings = frame(PING, b"x") * 1000
        for _ in range(100):
            raw.send(pings)
            for _ in range(1000):
                self.assertEqual(raw.read(), (PONG, b"x"))

    def test_pings_of_a_peer_that_reads_nothing(self):
        """The gateway stops reading it: the sender's own buffer fills."""
        raw = self.raw(self.door)
        raw.upgrade("/v1/ws")
        raw.socket.settimeout(1)
        pings = frame(PING, b"x" * 125) * 1000
        with self.assertRaises(TimeoutError):
            for _ in range(10000):
                raw.send(pings)
        raw.close()

    def test_a_peer_that_does_not_read_its_answers(self):
        door = self.gateway(self.server, config="limits\n    reader-queue = 64k\n    answer-queue = 64k\n")
        raw = self.browser(door, "deaf")
        publisher = self.peer(self.server, "bob")
        for number in range(1, 9):
            publisher.send(publish_frame("big", (number, b"x" * 1000000)))
        wait_for(lambda: publisher.ask(op="rooms", prefix="big")["rooms"][0]["seq"] == 8, "eight entries")
        for number in range(12):
            raw.say(op="replay", id=number, room="big", after=0)
        raw.frame(PING, b"")
        wait_for(lambda: publisher.ask(op="ping") and publisher.ask(op="direct", to="deaf", text="?")["op"] == "error", "the end of it")
        code, reason = 0, ""
        try:
            code, reason = raw.close_code()
        except EOFError:
            pass  # the frame that was under way was never taken
        self.assertIn(code, (0, 1013), reason)

    def test_words_before_and_after_the_close(self):
        raw = self.raw(self.door)
        raw.upgrade("/v1/ws")
        raw.frame(CLOSE, struct.pack(">H", 1000) + b"thank you")
        self.assertEqual(raw.close_code()[0], 1000)
        raw.wait_end()

    def test_silent_peers_are_closed(self):
        door = self.gateway(self.server, config="limits\n    ping = 100\n")
        raw = self.raw(door)
        raw.upgrade("/v1/ws")
        raw.wait_end()
        self.assertIn(b"\x89\x00", raw.buffer)
        alive = self.browser(door, "alive")
        for _ in range(10):
            alive.read_until(PING)
            alive.frame(PONG)


class Requests(GatewayCase):
    def test_handshakes_that_are_none(self):
        door = self.gateway(self.broker())
        good = {"Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        for change, expected in (({}, 101), ({"Upgrade": "h2c"}, 426), ({"Connection": "close"}, 426), ({"Sec-WebSocket-Version": "8"}, 426),
                                 ({"Sec-WebSocket-Key": "short"}, 400), ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
                                 ({"Sec-WebSocket-Protocol": "mqtt"}, 400), ({"Sec-WebSocket-Protocol": "mqtt, zrelay.v1"}, 101)):
            for path in ("/v1/ws", "/v1/rooms/r/ws"):
                if "Protocol" in "".join(change) and path != "/v1/ws":
                    continue
                raw = self.raw(door)
                raw.request(path, *(f"{name}: {value}" for name, value in {**good, **change}.items()))
                status, headers = raw.head()
                self.assertEqual(status, expected, (path, change))
                if expected == 101:
                    self.assertEqual(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
                else:
                    self.assertEqual(json.loads(raw.body(headers))["status"], expected)
        raw = self.raw(door)
        raw.request("/v1/ws", *(f"{name}: {value}" for name, value in good.items()), method="POST")
        self.assertEqual(raw.head()[0], 405)

    def test_pages_of_other_origins_stay_out(self):
        broker = self.broker()
        door = self.gateway(broker)
        listed = self.gateway(broker, "--origin", "https://chat.example.org")
        anybody = self.gateway(broker, "--origin", "*")
        for one, origin, expected in ((door, None, 101), (door, f"http://{door.address}", 101), (door, "http://evil.example", 403),
                                      (door, "null", 403), (listed, "https://chat.example.org", 101),
                                      (listed, "https://chat.example.org.evil.example", 403), (listed, "http://chat.example.org", 403),
                                      (listed, f"http://{listed.address}", 403), (anybody, "http://evil.example", 101)):
            for path in ("/v1/ws", "/v1/rooms/r/ws"):
                raw = self.raw(one)
                status, _ = raw.upgrade(path, *([f"Origin: {origin}"] if origin else []))
                self.assertEqual(status, expected, (origin, path))
                raw.close()

    def test_headers_that_are_too_large(self):
        door = self.gateway(self.broker())
        for size, expected in ((7000, (200,)), (40000, (400, 413, 414, 431))):
            status, _, _ = self.get(door, "/healthz", "X-Long: " + "x" * size)
            self.assertIn(status, expected)
        raw = self.raw(door)
        raw.request("/" + "x" * 40000)
        self.assertIn(raw.head()[0], (400, 413, 414, 431))

    def test_bodies_that_are_too_large(self):
        door = self.gateway(self.broker(), config="limits\n    max-body = 1000\n")
        for size, expected in ((1000, 405), (1001, 413)):
            raw = self.raw(door)
            raw.request("/index.html", f"Content-Length: {size}", method="POST")
            raw.send(b"x" * size)
            status, _ = raw.head()
            self.assertIn(status, (expected, 404) if expected == 405 else (expected,))
        raw = self.raw(door)
        raw.request("/index.html", "Transfer-Encoding: chunked", method="POST")
        try:
            for _ in range(100):
                raw.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        except ConnectionError:
            pass
        raw.wait_end()

    def test_requests_that_never_end(self):
        door = self.gateway(self.broker(), config="limits\n    request-timeout = 1s\n")
        raws = [self.raw(door) for _ in range(3)]
        raws[0].send(b"GET / HT")
        raws[1].send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
        drips, begin = 0, time.monotonic()
        try:
            while time.monotonic() < begin + DEADLINE:  # a byte now and then does not help
                raws[2].send(b"X-A: b\r\n" if drips else b"GET /healthz HTTP/1.1\r\n")
                raws[2].socket.settimeout(0.1)
                drips += 1
                try:
                    if not raws[2].more():
                        break
                except TimeoutError:
                    pass
        except ConnectionError:
            pass
        self.assertLess(time.monotonic() - begin, DEADLINE / 2)
        for raw in raws[:2]:
            raw.wait_end()
        self.assertEqual(self.get(door, "/healthz")[0], 200)

    def test_requests_one_after_the_other_on_a_connection(self):
        door = self.gateway(self.broker())
        raw = self.raw(door)
        raw.send(f"GET /healthz HTTP/1.1\r\nHost: {door.address}\r\n\r\n".encode() * 50)
        for _ in range(50):
            status, headers = raw.head()
            self.assertEqual((status, json.loads(raw.body(headers))["status"]), (200, "ok"))

    def test_a_body_before_an_upgrade_is_a_body(self):
        door = self.gateway(self.broker())
        honest = self.raw(door)
        self.assertEqual(honest.upgrade("/v1/rooms/r/ws")[0], 101)
        hidden = frame(TEXT, b"hidden")
        raw = self.raw(door)
        self.assertEqual(raw.upgrade("/v1/rooms/r/ws", f"Content-Length: {len(hidden)}", extra=hidden + frame(TEXT, b"seen"))[0], 101)
        self.assertEqual(honest.read_until(TEXT), b"seen")

    def test_requests_behind_a_handshake_are_no_requests(self):
        """What follows an upgrade is frames; what follows a refused one is a request of its own."""
        door = self.gateway(self.broker())
        request = f"POST /v1/rooms/r?nick=smuggler HTTP/1.1\r\nHost: {door.address}\r\nContent-Length: 2\r\n\r\nhi".encode()
        raw = self.raw(door)
        self.assertEqual(raw.upgrade("/v1/rooms/r/ws", extra=request)[0], 101)
        self.assertEqual(raw.close_code()[0], 1002)
        self.assertNotIn(b"smuggler", self.get(door, "/v1/rooms/r?last=1")[2])
        raw = self.raw(door)
        status, headers = raw.upgrade("/v1/rooms/r/ws", "Origin: http://evil.example", extra=request)
        self.assertEqual(status, 403)
        raw.body(headers)
        self.assertEqual(raw.head()[0], 201)

    def test_two_lengths_are_one_request(self):
        """A proxy that reads the other one would take the rest for a request of somebody else."""
        door = self.gateway(self.broker())
        for headers in (("Transfer-Encoding: chunked", "Content-Length: 4"), ("Content-Length: 4", "Content-Length: 5"),
                        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), ("Transfer-Encoding : chunked",)):
            raw = self.raw(door)
            head = ["POST /v1/rooms/r?nick=a HTTP/1.1", f"Host: {door.address}", *headers, "", ""]
            raw.send("\r\n".join(head).encode() + b"0\r\n\r\n" + f"POST /v1/rooms/smuggled?nick=b HTTP/1.1\r\nHost: {door.address}\r\nContent-Length: 2\r\n\r\nhi".encode())
            raw.end()
            raw.wait_end()
            with self.subTest(headers):
                self.assertTrue(raw.buffer.startswith(b"HTTP/1.1 400 "), raw.buffer)
                self.assertEqual(raw.buffer.count(b"HTTP/1.1"), 1)

    def test_nonsense_instead_of_http(self):
        door = self.gateway(self.broker(), config="limits\n    request-timeout = 1s\n")
        for data in (b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"):
            raw = self.raw(door)
            raw.send(data)
            raw.end()
            with self.subTest(data):
                raw.wait_end()
        self.assertEqual(self.get(door, "/healthz")[0], 200)


class Limits(GatewayCase):
    def test_connections_of_all(self):
        """@covers max-connections"""
        door = self.gateway(self.broker(), config="limits\n    max-connections = 3\n")
        raws = [self.raw(door) for _ in range(3)]
        for raw in raws:
            self.assertEqual(raw.upgrade("/v1/ws")[0], 101)
        self.raw(door).wait_end()
        raws[0].close()
        wait_for(lambda: self.fits(door), "a free place")

    def fits(self, door):
        raw = self.raw(door)
        raw.request("/healthz")
        try:
            return raw.head()[0] == 200
        except EOFError:
            return False
        finally:
            raw.close()

    def test_connections_of_an_address(self):
        """@covers max-address-connections"""
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        door = self.gateway(self.broker(), "--insecure", "--http", f"{address}:*", config="limits\n    max-address-connections = 3\n")
        raws = [self.raw(door) for _ in range(3)]
        for raw in raws:
            self.assertEqual(raw.upgrade("/v1/ws")[0], 101)
        self.raw(door).wait_end()

    def test_topics_of_all(self):
        """@covers max-topics"""
        door = self.gateway(self.broker(), config="limits\n    max-topics = 8\n")
        browser = self.browser(door, "ann")
        browser.say(op="subscribe", id=1, rooms=[f"r{number}" for number in range(8)])
        browser.hear("subscribed")
        browser.say(op="subscribe", id=2, rooms=["another"])
        self.assertEqual(browser.hear("error")["code"], "too-many-joins")
        raw = self.raw(door)
        raw.upgrade("/v1/rooms/yet-another/ws")
        self.assertEqual(raw.close_code()[0], 1013)
        browser.say(op="unsubscribe", id=3, rooms=["r0"])
        browser.hear("ok")
        browser.say(op="subscribe", id=4, rooms=["another"])
        browser.hear("subscribed")


    def test_names_as_long_as_can_be_leave_topics_to_others(self):
        """@covers max-topic-bytes. A broker ends a SUB with too many bytes of topics, and with it all live messages of the gateway."""
        broker = self.broker()
        door = self.gateway(broker)
        honest = self.raw(door)
        self.assertEqual(honest.upgrade("/v1/rooms/lobby/ws")[0], 101)
        brought = []
        for number in range(5):
            greedy = self.browser(door)
            rooms = [f"{number:03}-{room:03}".ljust(128, "x") for room in range(200)]
            for at in range(0, 200, 10):
                greedy.say(op="subscribe", id=at, rooms=rooms[at:at + 10], presence=True)
                answer = json.loads(greedy.read_until(TEXT))
                if answer["op"] == "error":
                    self.assertEqual(answer["code"], "too-many-joins")
                    break
            brought.append(at)
        self.assertGreater(brought[0], brought[1])  # half of what was left
        late = self.raw(door)
        self.assertEqual(late.upgrade("/v1/rooms/another/ws")[0], 101)
        late.frame(TEXT, b"I came late")
        self.assertEqual(late.read_until(TEXT), b"I came late")
        honest.frame(TEXT, b"still live")
        self.assertEqual(honest.read_until(TEXT), b"still live")
        self.assertNotIn("closed a reader's connection", broker.errors())


class Setup(GatewayCase):
    def refused(self, *arguments, words):
        done = subprocess.run([GATEWAY, *arguments], capture_output=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(words, done.stderr.decode())

    def test_what_others_reach_is_encrypted(self):
        self.refused("--http", "*:0", words="can be reached from other machines")
        self.refused("--server", "tcp://192.0.2.1:5570", words="is on another machine")

    def test_wrong_settings_are_told(self):
        for text, words in (("http\n    listen = x\n", "no address to listen on"), ("limits\n    max-body = 0\n", "out of range"),
                            ("http\n    origin = chat.example.org\n", "no origin"), ("http\n    trusted-proxy = 10.0.0.1/8\n", "no address"),
                            ("nothing\n", "no such section"), ("http\n    nothing = 1\n", "no such setting"),
                            ("http\n    insecure = 2\n", "neither 1"), ("broker\n    server-key = abc\n", "no public key"),
                            ("http\n    tls-cert = a\n", "belong together")):
            self.refused("--check-config", "--config", self.file("wrong.conf", text), words=words)
        self.refused("--http", words="")
        self.refused("--page", "", words="--page: the value is empty")
        self.refused("--page", "/nowhere/page", words="there is no folder /nowhere/page")

    def test_an_address_that_cannot_be_had_is_told_with_advice(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            here = f"127.0.0.1:{taken.getsockname()[1]}"
            for option in ("--http", "--lines", "--irc"):
                self.refused("--http", "127.0.0.1:*", option, here,
                             words=f"cannot listen on {here}: something else listens there; stop it, or choose another port")
        self.refused("--insecure", "--http", "192.0.2.1:5580", words="cannot listen on 192.0.2.1:5580: this machine has no such address")

    def test_the_annotated_configuration_is_right(self):
        path = os.path.join(os.path.dirname(__file__), "../../client/gateway/etc/zrelay-gateway.conf")
        with open(path, encoding="utf-8") as file:
            lines = [line.replace("#", "", 1) if line.startswith("    #") and not line.startswith("    # ") else line for line in file]
        self.file("fullchain.pem", "")
        skipped = ("tls-", "server-key", "certificate", "user ", "token-file")
        text = "".join(line for line in lines if not line.strip().startswith(skipped))
        done = subprocess.run([GATEWAY, "--check-config", "--config", self.file("all.conf", text), "--http", "127.0.0.1:*",
                               "--lines", "127.0.0.1:*", "--irc", "127.0.0.1:*"],
                              capture_output=True, timeout=DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def certificate(self, name):
        """Makes a certificate and its key in the same two files each time; returns them."""
        cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        return cert, key

    def test_a_new_certificate_is_taken_and_connections_go_on(self):
        def trusted():
            return ssl.create_default_context(cafile=cert)

        cert, key = self.certificate("old")
        door = self.gateway(self.broker(), "--tls-cert", cert, "--tls-key", key)
        old = trusted()
        ann = self.raw(door, tls=old)
        self.assertEqual(ann.upgrade("/v1/rooms/r/ws")[0], 101)
        silent = self.raw(door)  # within its handshake
        self.certificate("new")
        door.signal(signal.SIGHUP)
        door.wait_err("its key again")
        self.assertRaises(ssl.SSLError, self.raw, door, tls=old)
        silent.socket = trusted().wrap_socket(silent.socket, server_hostname="localhost")
        bob = self.raw(door, tls=trusted())
        self.assertEqual(bob.upgrade("/v1/rooms/r/ws")[0], 101)
        bob.frame(TEXT, b"still here")
        for raw in (ann, bob):
            self.assertEqual(raw.read_until(TEXT), b"still here")
        with open(key, "w", encoding="utf-8") as file:
            file.write("nonsense")
        door.signal(signal.SIGHUP)
        door.wait_err("SIGHUP: .*the old certificate stays")
        self.assertEqual(self.raw(door, tls=trusted()).upgrade("/v1/rooms/r/ws")[0], 101)

    def test_a_log_of_json_in_a_file_that_is_moved_away(self):
        door = self.gateway(self.broker(), "--log-format", "json", config="http\n    log-file = log\n", wait=False)
        door.signal(signal.SIGUSR1)
        self.wait_log("log", "the counters are at /metrics")
        os.rename(self.path("log"), self.path("log.1"))
        door.signal(signal.SIGUSR2)
        self.wait_log("log", "SIGUSR2: the log begins anew here")
        for name in ("log", "log.1"):
            with open(self.path(name), encoding="utf-8") as file:
                self.assertEqual({tuple(json.loads(line)) for line in file}, {("time", "level", "text")})
        self.assertEqual(door.errors(), "")
        self.refused("--config", self.file("nowhere.conf", "http\n    log-file = no/such/log\n"), words="no/such/log: No such file")

    def wait_log(self, name, words):
        def found():
            try:
                with open(self.path(name), encoding="utf-8") as file:
                    return words in file.read()
            except FileNotFoundError:
                return False
        wait_for(found, words)

    def test_a_reload_without_tls_does_nothing(self):
        door = self.gateway(self.broker())
        door.signal(signal.SIGHUP)
        door.wait_err("without them it does nothing")
        door.signal(signal.SIGUSR1)
        door.wait_err("does nothing here; the counters are at .metrics")
        door.signal(signal.SIGUSR2)
        door.wait_err("there is no http/log-file to open anew")
        self.assertEqual(self.get(door, "/healthz")[0], 200)

    def test_tls(self):
        cert, key = self.certificate("localhost")
        door = self.gateway(self.broker(), "--http", "*:0", "--tls-cert", cert, "--tls-key", key)
        context = ssl.create_default_context(cafile=cert)
        ann, bob = self.raw(door, tls=context), self.raw(door, tls=context)
        for raw in (ann, bob):
            self.assertEqual(raw.upgrade("/v1/rooms/r/ws")[0], 101)
            raw.frame(TEXT, b"live")
            while raw.read() != (TEXT, b"live"):
                pass
        ann.frame(TEXT, b"x" * 100000)
        for raw in (ann, bob):
            while (heard := raw.read_until(TEXT)) == b"live":
                pass
            self.assertEqual(heard, b"x" * 100000)
        bob.frame(CLOSE, struct.pack(">H", 1000))
        self.assertEqual(bob.close_code()[0], 1000)
        self.refused("--check-config", "--tls-cert", key, "--tls-key", key, words="")
