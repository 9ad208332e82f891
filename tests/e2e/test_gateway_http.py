"""The gateway's HTTP API with curl: publish, history, streams that are killed and resumed, values, errors, logins."""
import json
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import threading
import unittest

import jwt
from gateway_case import GatewayCase
from harness import DEADLINE, ZRELAYD, Program, publish_frame, wait_for

NUMBERS = int(os.environ.get("ZRELAY_TEST_NUMBERS", "20000"))  # of the stream that is killed again and again
EVERYTHING = '    allow = "all : *"\n'


class Answer:
    """What curl got: the status, the headers in lower case, the body."""

    def __init__(self, output):
        head, _, self.body = output.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class HttpCase(GatewayCase):
    def curl(self, gateway, path, *arguments, data=None, insecure=False):
        """One request to its end."""
        command = ["curl", "-sSi", "--path-as-is", "--max-time", str(int(DEADLINE)), "-H", "Expect:", *arguments]
        if data is not None:
            command += ["--data-binary", "@-", "-H", "Content-Type: text/plain"]
        url = path if "://" in path else gateway.http + path
        done = subprocess.run([*command, url], input=data if isinstance(data, bytes) else (data or "").encode(), capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, f"{path}: {done.stderr.decode()}")
        return Answer(done.stdout)

    def publish(self, gateway, room, body, *arguments, status=201):
        answer = self.curl(gateway, f"/v1/rooms/{room}", *arguments, data=body)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def stream(self, gateway, room, *arguments, query=""):
        """curl that reads a stream; ended by kill."""
        program = Program(["curl", "-sSN", *arguments, f"{gateway.http}/v1/rooms/{room}/events{query}"])
        self.addCleanup(program.end)
        program.wait_out("^retry: ")
        return program

    def assert_problem(self, answer, status, code):
        self.assertEqual((answer.status, answer.headers["content-type"]), (status, "application/problem+json"), answer.body)
        problem = answer.json()
        self.assertEqual((problem["code"], problem["status"]), (code, status))
        self.assertTrue(problem["title"])
        return problem


def events(output):
    """The events of a stream, as the HTML standard reads them: (id, event, data). What is not whole is left."""
    found, last = [], ""
    for block in bytes(output).decode().split("\n\n")[:-1]:
        name, data = "message", []
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            if field == "id":
                last = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            found.append((last, name, "\n".join(data)))
    return found, last


def whole_chunks(data):
    """The content of a chunked body, as far as its chunks are whole."""
    content, at = b"", 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        if end + 2 + size > len(data):
            break
        content += data[end + 2:end + 2 + size]
        at = end + 2 + size + 2
    return content


class Publish(HttpCase):
    def test_messages_and_their_history(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        first = self.publish(gateway, "logs%2Fweb?nick=ann", "grüß\ndich")
        self.assertEqual((first["room"], first["seq"], first["level"], first["id"]), ("logs/web", 1, "memory", f"{broker.epoch}:1"))
        self.assertEqual(self.publish(gateway, "logs%2Fweb?nick=ann", b"\xff\0\r")["seq"], 2)
        self.publish(gateway, "logs%2Fweb?nick=ann", b"", "-H", "Zrelay-Key: k")
        self.publish(gateway, "logs%2Fweb", bytes(1000) * 1000)
        answer = self.curl(gateway, "/v1/rooms/logs%2Fweb?limit=3")
        self.assertEqual(answer.headers["content-type"], "application/x-ndjson")
        self.assertEqual([(line["seq"], line["sender"]) for line in answer.lines()], [(1, "ann"), (2, "ann"), (3, "ann")])
        written = self.run_zrelay(broker, "history", "logs/web", "--json").out  # the same lines, byte for byte
        self.assertEqual(self.curl(gateway, "/v1/rooms/logs%2Fweb").body, bytes(written))
        self.assertEqual(self.curl(gateway, "/v1/rooms/logs%2Fweb?last=3&limit=1&format=body").body, b"\xff\0\r\n")

    def test_a_message_reaches_all_others_in_one_order(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        reader = self.zrelay(broker, "sub", "lobby", "--count", "4")
        stream = self.stream(gateway, "lobby", query="?format=body")
        self.wait_members(broker, "lobby", 2)
        peer = self.peer(broker, "py")
        self.publish(gateway, "lobby", "from curl")
        peer.ask(op="publish", room="lobby", text="from Python")
        self.run_zrelay(broker, "pub", "lobby", "from zrelay")
        self.publish(gateway, "lobby", "the end")
        reader.finish()
        stream.wait_out("^data: the end$")
        expected = ["from curl", "from Python", "from zrelay", "the end"]
        self.assertEqual(reader.text().splitlines(), expected)
        self.assertEqual([data for _, _, data in events(stream.out)[0]], expected)
        self.assertEqual(self.curl(gateway, "/v1/rooms/lobby?format=body").body.decode().splitlines(), expected)

    def test_a_key_makes_it_once_over_crashes_of_everything(self):
        broker = self.broker("--data", self.path("data"))
        gateway = self.gateway(broker)
        key = ("-H", "Idempotency-Key: " + secrets.token_hex(16))
        self.assertEqual(self.publish(gateway, "orders", "one", *key)["seq"], 1)
        self.assertNotIn("seq", self.publish(gateway, "orders", "one", *key, status=200))
        gateway.signal(signal.SIGKILL)
        broker = self.restart(broker, "--data", self.path("data"))
        gateway = self.gateway(broker)
        self.assertEqual(self.publish(gateway, "orders", "one", *key, status=200)["level"], "disk")
        self.publish(gateway, "orders", "two", "-H", "Idempotency-Key: " + secrets.token_hex(16))
        self.assertEqual(self.curl(gateway, "/v1/rooms/orders?format=body").body, b"one\ntwo\n")

    def test_many_at_once(self):
        gateway = self.gateway(self.broker())
        answers, urls = [], " ".join(["/v1/rooms/lobby?nick=ann"] * 10)
        command = ["curl", "-sS", "--parallel", "--max-time", str(int(DEADLINE)), "-d", "x"]
        command += [gateway.http + path for path in urls.split()]

        def many():
            answers.append(subprocess.run(command, capture_output=True, check=False))
        threads = [threading.Thread(target=many) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = [json.loads(line)["seq"] for answer in answers for line in answer.stdout.splitlines()]
        self.assertEqual(sorted(told), list(range(1, 101)))
        self.assertEqual({line["sender"] for line in self.curl(gateway, "/v1/rooms/lobby").lines()}, {"ann"})

    def test_a_long_history_to_a_slow_client(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        numbers = "".join(f"{number} {'x' * 200}\n" for number in range(30000)).encode()
        self.run_zrelay(broker, "pub", "long", stdin=numbers)
        raw = self.raw(gateway)
        raw.request("/v1/rooms/long?format=body", "Connection: close")
        raw.head()  # and reads nothing more for now
        self.assertEqual(self.curl(gateway, "/v1/rooms/long?format=body").body, numbers)
        raw.wait_end()
        self.assertEqual(whole_chunks(raw.buffer), numbers)


class Streams(HttpCase):
    def test_a_stream_that_is_killed_and_resumed_has_each_number_once(self):
        broker = self.broker("--data", self.path("data"))
        gateway = self.gateway(broker, config="limits\n    reader-queue = 4k\n")
        publisher = self.zrelay(broker, "pub", "numbers", "--progress-file", self.path("progress"))
        feeder = threading.Thread(target=self.feed, args=(publisher,), daemon=True)
        feeder.start()
        got, last, rounds = [], f"{broker.epoch}:0", 0
        while len(got) < NUMBERS:
            stream = self.stream(gateway, "numbers", "-H", f"Last-Event-ID: {last}", query="?format=body")
            goal = 1 + secrets.randbelow(NUMBERS // 8)
            wait_for(lambda s=stream, g=goal: len(events(s.out)[0]) >= min(g, NUMBERS - len(got)), "some numbers")
            stream.end()
            found, last = events(stream.out)
            got += found
            rounds += 1
            if rounds == 3:
                broker = self.restart(broker, "--data", self.path("data"))
            if rounds == 5:
                gateway.signal(signal.SIGKILL)
                gateway = self.gateway(broker)
            if rounds in (3, 5):
                self.wait_back(gateway)
        feeder.join()
        self.assertEqual({name for _, name, _ in got}, {"message"})
        self.assertEqual([int(data) for _, _, data in got], list(range(NUMBERS)))

    @staticmethod
    def feed(publisher):
        publisher.write("".join(f"{number}\n" for number in range(NUMBERS)).encode())
        publisher.close_stdin()

    def test_a_stream_outlives_the_broker(self):
        broker = self.broker("--data", self.path("data"))
        gateway = self.gateway(broker)
        stream = self.stream(gateway, "lobby", query="?format=body")
        self.publish(gateway, "lobby", "one")
        broker.signal(signal.SIGKILL)
        broker.finish()
        stream.wait_out("^event: offline$")
        self.assert_problem(self.curl(gateway, "/v1/rooms/lobby", data="lost"), 503, "broker-away")
        broker = self.restart(broker, "--data", self.path("data"))
        self.run_zrelay(broker, "pub", "lobby", "two")
        stream.wait_out("^data: two$")
        self.wait_back(gateway)
        self.publish(gateway, "lobby", "three")
        stream.wait_out("^data: three$")
        found, _ = events(stream.out)
        self.assertEqual([data for _, name, data in found if name == "message"], ["one", "two", "three"])
        self.assertEqual([name for _, name, _ in found if name != "message"], ["offline", "online"])

    def test_a_broker_without_data_says_what_is_lost(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        stream = self.stream(gateway, "lobby")
        self.publish(gateway, "lobby", "one")
        stream.wait_out('"body":"one"')
        broker = self.restart(broker)
        self.run_zrelay(broker, "pub", "lobby", "two")
        stream.wait_out('"body":"two"')
        found, last = events(stream.out)
        lost = [json.loads(data) for _, name, data in found if name == "lost"]
        self.assertEqual([(loss["after"], loss["reason"]) for loss in lost], [(1, "epoch")])
        self.assertEqual(last, f"{broker.epoch}:1")

    def test_bodies_of_all_kinds(self):
        gateway = self.gateway(self.broker())
        stream = self.stream(gateway, "r", query="?format=body")
        for body in ("a\nb\n", "", "data: x\n\nid: 7", b"\xff\0", "a\rb"):
            self.publish(gateway, "r", body)
        stream.wait_out("^data: YQ1i$")
        found, _ = events(stream.out)
        self.assertEqual([(name, data) for _, name, data in found], [
            ("message", "a\nb\n"), ("message", ""), ("message", "data: x\n\nid: 7"), ("base64", "/wA="), ("base64", "YQ1i")])

    def test_last_and_positions(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        for number in range(5):
            self.publish(gateway, "r", str(number))
        for query, expected in (("?last=2", [3, 4]), ("?after=3", [3, 4]), (f"?after={broker.epoch}:4", [4]), ("?after=0", [0, 1, 2, 3, 4])):
            stream = self.stream(gateway, "r", query=query + "&format=body")
            stream.wait_out("^data: 4$")
            self.assertEqual([int(data) for _, _, data in events(stream.out)[0]], expected)
        stream = self.stream(gateway, "r", "-H", f"Last-Event-ID: {'0' * 15}1:3", query="?format=body")
        stream.wait_out("^data: 4$")
        self.assertEqual([name for _, name, _ in events(stream.out)[0]], ["lost"] + 5 * ["message"])

    def test_a_slow_stream_disturbs_nobody_and_misses_nothing(self):
        broker = self.broker()
        gateway = self.gateway(broker, config="limits\n    reader-queue = 4k\n")
        raw = self.raw(gateway)
        raw.request("/v1/rooms/r/events?format=body")
        raw.head()
        honest = self.stream(gateway, "r", query="?format=body")
        bodies = [f"{number} {'x' * 1000}" for number in range(20000)]
        self.run_zrelay(broker, "pub", "r", stdin="".join(body + "\n" for body in bodies).encode())
        honest.wait_out("^data: 19999 ")
        metrics = self.curl(gateway, "/metrics").body.decode()
        self.assertEqual(int(re.search(r"^zrelay_gateway_streams (\d+)$", metrics, re.M)[1]), 2)
        self.assertLess(int(re.search(r"^zrelay_gateway_stream_queued_bytes (\d+)$", metrics, re.M)[1]), 8 << 20)
        while b"data: 19999 " not in raw.buffer[-4096:]:
            self.assertTrue(raw.more())
        got = re.findall(rb"data: (\d+) ", whole_chunks(raw.buffer))
        self.assertEqual([int(number) for number in got], list(range(20000)))


class State(HttpCase):
    def test_compare_and_set(self):
        gateway = self.gateway(self.broker())
        path = "/v1/rooms/config/state/colour%2Fmain"
        self.assert_problem(self.curl(gateway, path), 404, "not-found")
        first = self.curl(gateway, path, "-X", "PUT", "-H", "If-None-Match: *", data="green")
        self.assertEqual(first.status, 200)
        self.assert_problem(self.curl(gateway, path, "-X", "PUT", "-H", "If-None-Match: *", data="blue"), 412, "conflict")
        got = self.curl(gateway, path)
        self.assertEqual((got.body, got.headers["etag"], got.headers["content-type"]),
                         (b"green", first.headers["etag"], "text/plain; charset=utf-8"))
        self.assertEqual(self.curl(gateway, path, "-H", f"If-None-Match: {got.headers['etag']}").status, 304)
        second = self.curl(gateway, path, "-X", "PUT", "-H", f"If-Match: {got.headers['etag']}", data=b"\xff")
        self.assertEqual(second.status, 200)
        problem = self.assert_problem(self.curl(gateway, path, "-X", "PUT", "-H", f"If-Match: {got.headers['etag']}", data="x"), 412,
                                      "conflict")
        self.assertEqual(f'"{second.json()["id"].split(":")[0]}:{problem["seq"]}"', second.headers["etag"])
        self.assertEqual(self.curl(gateway, path).headers["content-type"], "application/octet-stream")
        self.assert_problem(self.curl(gateway, path, "-X", "DELETE", "-H", f"If-Match: {got.headers['etag']}"), 412, "conflict")
        self.assertEqual(self.curl(gateway, path, "-X", "DELETE", "-H", f"If-Match: {second.headers['etag']}").status, 200)
        self.assert_problem(self.curl(gateway, path), 404, "not-found")

    def test_only_one_of_many_wins(self):
        gateway = self.gateway(self.broker())
        path, statuses = "/v1/rooms/r/state/k", []
        etag = self.curl(gateway, path, "-X", "PUT", data="0").headers["etag"]

        def compete(number):
            statuses.append(self.curl(gateway, path, "-X", "PUT", "-H", f"If-Match: {etag}", data=str(number)).status)
        threads = [threading.Thread(target=compete, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [200] + 9 * [412])

    def test_a_tag_from_before_the_loss(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        etag = self.curl(gateway, "/v1/rooms/r/state/k", "-X", "PUT", data="0").headers["etag"]
        broker.signal(signal.SIGKILL)
        broker.finish()
        self.wait_away(gateway)
        self.restart(broker)
        self.wait_back(gateway)
        self.assertEqual(self.curl(gateway, "/v1/rooms/r/state/k", "-X", "PUT", data="0").status, 200)  # the same seq
        self.assert_problem(self.curl(gateway, "/v1/rooms/r/state/k", "-X", "PUT", "-H", f"If-Match: {etag}", data="x"), 412, "conflict")

    def test_all_keys_are_those_of_the_command_line(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        self.run_zrelay(broker, "state", "config", "set", "a", "1")
        self.curl(gateway, "/v1/rooms/config/state/b", "-X", "PUT", data="2")
        self.assertEqual({line["key"]: line["body"] for line in self.curl(gateway, "/v1/rooms/config/state").lines()}, {"a": "1", "b": "2"})
        self.assertEqual(bytes(self.run_zrelay(broker, "state", "config", "get", "b").out), b"2\n")


class Lists(HttpCase):
    def test_rooms_and_users(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        for room in ("a%2F1", "a%2F2", "b"):
            self.publish(gateway, room, "x")
        peer = self.peer(broker, "jürgen")
        peer.ask(op="join", room="b")
        found = self.curl(gateway, "/v1/rooms?prefix=a/&limit=1").json()
        self.assertEqual(([room["room"] for room in found["rooms"]], found["more"]), (["a/1"], True))
        found = self.curl(gateway, "/v1/rooms?prefix=a/&after=a/1").json()
        self.assertEqual(([room["room"] for room in found["rooms"]], found["more"]), (["a/2"], False))
        who = self.curl(gateway, "/v1/rooms/b/who").json()
        self.assertEqual((who["count"], [user["nick"] for user in who["users"]]), (1, ["jürgen"]))

    def test_streams_are_silent_members(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        self.stream(gateway, "b")
        who = self.curl(gateway, "/v1/rooms/b/who").json()
        self.assertEqual((who["count"], who["silent"]), (0, 1))

    def test_a_stream_that_ends_leaves_its_room_soon(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        for _ in range(3):
            self.stream(gateway, "b").end()
        raw = self.raw(gateway)
        raw.request("/v1/rooms/b/events")
        raw.head()
        wait_for(lambda: self.curl(gateway, "/v1/rooms/b/who").json()["silent"] == 1, "three streams to end", 10)  # a comment comes every 15 s

    def test_a_crowd_over_several_pages(self):
        broker = self.broker()
        self.crowd(broker, 600, {"op": "join", "room": "big"})
        self.wait_members(broker, "big", 600)
        who = self.curl(self.gateway(broker), "/v1/rooms/big/who").json()
        self.assertEqual([user["nick"] for user in who["users"]], [f"n{number:04}" for number in range(600)])


class Errors(HttpCase):
    def test_bad_requests(self):
        gateway = self.gateway(self.broker())
        for path, status, code in (
                ("/v1/rooms/a/b", 404, "not-found"), ("/v1/rooms/..%2f", 400, None), ("/v1/rooms/%2e%2e", 400, "bad-request"),
                ("/v1/rooms/../healthz", 400, "bad-request"), ("/v1/rooms/a%00", 400, "bad-request"), ("/v1/rooms/%zz", 400, "bad-request"),
                ("/v1/rooms/a%20b", 400, "bad-room"), ("/v1/rooms/%ff", 400, "bad-room"), ("/v1/rooms/r?lsat=1", 400, "bad-request"),
                ("/v1/rooms/r?last=x", 400, "bad-request"), ("/v1/rooms/r/state/a%20b", 400, "bad-key"), ("/v1/nothing", 404, None),
                ("/v1/rooms/" + "r" * 129, 400, None), ("/v1/rooms/r?nick=admin", 400, "bad-nick")):
            answer = self.curl(gateway, path)
            if code:
                self.assert_problem(answer, status, code)
            elif path != "/v1/rooms/..%2f":  # a room's name may be "../"
                self.assertEqual(answer.status, status, path)
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-X", "PUT", data="x"), 405, "method-not-allowed")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Idempotency-Key: a b", data="x"), 400, "bad-request")
        self.assertEqual(self.curl(gateway, "/v1/rooms/r", data=bytes((1 << 20) + 1)).status, 413)
        self.assertEqual(self.publish(gateway, "r", "still here")["seq"], 1)

    def test_pages_of_other_origins(self):
        gateway = self.gateway(self.broker(), "--origin", "https://chat.example.org")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Origin: https://evil.example", data="x"), 403, "origin-refused")
        answer = self.curl(gateway, "/v1/rooms/r", "-H", "Origin: https://chat.example.org", data="x")
        self.assertEqual((answer.status, answer.headers["access-control-allow-origin"]), (201, "https://chat.example.org"))
        answer = self.curl(gateway, "/v1/rooms/r", "-X", "OPTIONS", "-H", "Origin: https://chat.example.org")
        self.assertEqual(answer.status, 204)
        self.assertIn("POST", answer.headers["access-control-allow-methods"])
        self.assertEqual(len(self.curl(gateway, "/v1/rooms/r").lines()), 1)

    def test_a_page_whose_name_leads_here(self):
        gateway = self.gateway(self.broker(), "--trusted-proxy", "127.0.0.1")
        evil = ("-H", "Host: evil.example:5580", "-H", "Origin: http://evil.example:5580")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", *evil, data="x"), 421, "misdirected")
        self.assert_problem(self.curl(gateway, "/v1/rooms/r", "-H", "Host: evil.example"), 421, "misdirected")
        raw = self.raw(gateway)
        raw.send(b"GET /v1/ws HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
        self.assertEqual(raw.head()[0], 421)
        for host in ("localhost", "localhost:5580", "[::1]:5580"):
            self.assertEqual(self.curl(gateway, "/v1/rooms", "-H", f"Host: {host}").status, 200)
        passed_on = ("-H", "Host: relay.example.org", "-H", "X-Forwarded-For: 203.0.113.7")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *passed_on).status, 200)
        named = self.gateway(self.broker(), "--origin", "https://relay.example.org")
        self.assertEqual(self.curl(named, "/v1/rooms", "-H", "Host: relay.example.org").status, 200)

    def test_addresses_cannot_be_smuggled(self):
        config = "limits\n    max-address-connections = 2\n"
        gateway = self.gateway(self.broker(config=config), "--trusted-proxy", "127.0.0.1")
        address = ("-H", "X-Forwarded-For: 203.0.113.7")
        for _ in range(2):
            self.stream(gateway, "r", *address)
        path = "/v1/rooms/r/events"
        self.assert_problem(self.curl(gateway, path, *address), 503, "too-many-channels")
        for smuggled in ("198.51.100.1, 203.0.113.7", "127.0.0.1,203.0.113.7", "x, 203.0.113.7:80"):
            self.assert_problem(self.curl(gateway, path, "-H", f"X-Forwarded-For: {smuggled}"), 503, "too-many-channels")
        self.assert_problem(self.curl(gateway, path, "-H", "X-Forwarded-For: 198.51.100.1", *address), 503, "too-many-channels")
        self.stream(gateway, "r", "-H", "X-Forwarded-For: 203.0.113.8")
        untrusting = self.gateway(self.broker(config=config))
        for _ in range(4):
            self.stream(untrusting, "r", *address)  # all are of this machine, which has no limit

    def test_slow_and_large_requests(self):
        gateway = self.gateway(self.broker(), config="limits\n    request-timeout = 2s\n    max-header = 4k\n")
        slow = self.raw(gateway)
        slow.send(b"POST /v1/rooms/r HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        head = self.raw(gateway)
        head.send(b"POST /v1/rooms/r HTTP/1.1\r\nHost:")
        large = self.raw(gateway)
        large.send(b"GET /v1/rooms HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000)
        stream = self.stream(gateway, "r", query="?format=body")
        self.publish(gateway, "r", "one")
        slow.wait_end()
        head.wait_end()
        large.wait_end()
        self.assertRegex(large.buffer, rb"^(HTTP/1.1 4[13][34413] |$)")
        self.publish(gateway, "r", "two")
        stream.wait_out("^data: two$")  # a stream may be idle for longer than a request


class Documented(HttpCase):
    def test_the_commands_of_the_page(self):
        """Runs each command of HTTP.md, and compares what it writes."""
        gateway, same = self.gateway(self.broker()), lambda text: re.sub(
            r"guest-\w+", "GUEST", re.sub(r"\b[0-9a-f]{16}\b", "NUMBER", text))
        page = open_bytes(os.path.join(os.path.dirname(__file__), "../../client/gateway/HTTP.md")).decode()

        def run(command):
            return subprocess.run(["bash", "-c", command], capture_output=True, check=False).stdout.decode().replace("\r", "")
        commands, epoch = 0, None
        for block in re.findall(r"^```\n(\$ .*?)^```$", page, re.M | re.S):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, _, expected = part.partition("\n")
                command = command.replace("http://127.0.0.1:5580", gateway.http).replace("curl ", "curl -sS ", 1)
                command = re.sub(r"8f3a6c01d2e4b597", epoch or "", command)
                written = run(command)
                if "/who" in command:  # the gateway hears a moment later that the streams before it ended
                    written = wait_for(lambda c=command: (lambda w: '"silent":0' in w and w)(run(c)), "the streams to end")
                found = re.search(r"\b([0-9a-f]{16}):\d", written)
                epoch = found[1] if found else epoch
                self.assertEqual(same(written).strip("\n"), same(expected).strip("\n"), command)
                commands += 1
        self.assertGreater(commands, 10)

    def test_metrics_are_in_the_format_of_prometheus(self):
        broker = self.broker()
        gateway = self.gateway(broker)
        self.stream(gateway, "r")
        self.publish(gateway, "r", "x")
        answer = self.curl(gateway, "/metrics")
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        values, kinds = {}, {}
        for line in answer.body.decode().splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                kinds[name] = kind
            elif not line.startswith("# HELP "):
                found = re.fullmatch(r'(\w+)(\{\w+="\w+"(?:,\w+="\w+")*\})? (\d+)', line)
                self.assertTrue(found, line)
                self.assertIn(kinds[found[1]], ("counter", "gauge"))
                self.assertEqual(found[1].endswith("_total"), kinds[found[1]] == "counter")
                values[found[1] + (found[2] or "")] = int(found[3])
        self.assertEqual((values["zrelay_gateway_streams"], values["zrelay_gateway_broker_up"], values["zrelay_gateway_channels"],
                          values["zrelay_gateway_topics"]), (1, 1, 2, 1))
        self.assertEqual(values['zrelay_gateway_http_answers_total{resource="room",status="2xx"}'], 1)


class SecuredCase(HttpCase):
    def users_with_tokens(self, **rules):
        """A users file; returns the tokens. The gateway's user is `web`."""
        text, tokens = "", {name: secrets.token_hex(16) for name in (*rules, "web")}
        for name, rule in (*rules.items(), ("web", '    allow = "gateway : *"\n')):
            made = subprocess.run([ZRELAYD, "--hash-token"], input=tokens[name].encode(), capture_output=True, check=True).stdout.decode()
            text += f'user\n    name = {name}\n    token = "{made.strip()}"\n' + rule
        self.users(text)
        return tokens

    def secured(self, *arguments, **rules):
        tokens = self.users_with_tokens(**rules)
        broker = self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n")
        token_file = self.file("web-token", tokens["web"])
        os.chmod(token_file, 0o600)
        return broker, self.gateway(broker, *arguments, config=f"broker\n    user = web\n    token-file = {token_file}\n"), tokens


class Logins(SecuredCase):
    def test_users_and_their_rights(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob='    allow = "all : *"\n    deny = "read write : staff/*"\n')
        path, ann, bob = "/v1/rooms/staff%2Fplans", ("-u", f"ann:{tokens['ann']}"), ("-u", f"bob:{tokens['bob']}")
        answer = self.curl(gateway, path, data="x")
        self.assert_problem(answer, 401, "login-required")
        self.assertIn("Basic", answer.headers["www-authenticate"])
        self.assert_problem(self.curl(gateway, path, "-u", "ann:wrong", data="x"), 401, "login-failed")
        self.assertEqual(self.publish(gateway, "staff%2Fplans", "a secret", *ann)["seq"], 1)
        for method in ((), ("-H", "Accept: x")):
            self.assert_problem(self.curl(gateway, path, *method, *bob), 403, "forbidden")
        self.assert_problem(self.curl(gateway, path + "/events", *bob), 403, "forbidden")
        self.assert_problem(self.curl(gateway, path + "/state", *bob), 403, "forbidden")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *bob).json()["rooms"], [])
        stream = self.stream(gateway, "staff%2Fplans", *ann, query="?after=0&format=body")
        stream.wait_out("^data: a secret$")
        self.publish(gateway, "staff%2Fplans", "another", *ann)
        stream.wait_out("^data: another$")  # a private room's entries come by the session
        with open(self.path("users"), encoding="utf-8") as file:
            text = file.read()
        self.users(re.sub(r'(name = ann\n.*\n    allow = ).*', r'\1"all : other/*"', text))
        broker.signal(signal.SIGHUP)
        stream.wait_out("^event: left$")
        self.assertEqual(stream.finish(), 0)
        self.assert_problem(self.curl(gateway, path, *ann), 403, "forbidden")

    def test_secrets_need_a_secure_way(self):
        _, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        login = ("-u", f"ann:{tokens['ann']}", "-H", "X-Forwarded-For: 203.0.113.7")
        self.assert_problem(self.curl(gateway, "/v1/rooms", *login), 401, "login-failed")
        self.assert_problem(self.curl(gateway, "/v1/rooms", *login, "-H", "X-Forwarded-Proto: http"), 401, "login-failed")
        self.assertEqual(self.curl(gateway, "/v1/rooms", *login, "-H", "X-Forwarded-Proto: https").status, 200)

    def test_bearers_of_a_jwt(self):
        key, forger = jwt.Key("ES256", "k1"), jwt.Key("ES256", "k1")
        tokens = self.users_with_tokens()
        with open(self.path("users"), "a", encoding="utf-8") as users:
            users.write('role\n    name = member\n    jwt = 1\n    allow = "all : *"\n')
        keys = self.file("keys", jwt.key_set(key))
        token_file = self.file("web-token", tokens["web"])
        for path in (keys, token_file):
            os.chmod(path, 0o600)
        broker = self.broker("--users", self.path("users"), config=f"auth\n    tokens = 1\n    jwt-keys = {keys}\n    jwt-leeway = 0\n")
        gateway = self.gateway(broker, config=f"broker\n    user = web\n    token-file = {token_file}\n")
        bearer = lambda token: ("-H", "Authorization: Bearer " + token)
        self.publish(gateway, "lobby", "signed", *bearer(key.token(sub="carol")))
        self.assertEqual([line["sender"] for line in self.curl(gateway, "/v1/rooms/lobby", *bearer(key.token())).lines()], ["carol"])
        for token in (forger.token(), key.token(seconds=-1)):
            self.assert_problem(self.curl(gateway, "/v1/rooms/lobby", *bearer(token)), 401, "login-failed")
        stream = self.stream(gateway, "lobby", *bearer(key.token(seconds=5)))
        stream.wait_out("^event: problem$")
        self.assertEqual(stream.finish(), 0)
        self.assertIn('"code":"login-failed"', stream.text())

    def test_a_thief_gets_nothing_of_a_private_room(self):
        broker, gateway, tokens = self.secured(ann=EVERYTHING, bob='    allow = "all : *"\n    deny = "read : staff/*"\n')
        thief = self.stream(gateway, "open", "-u", f"bob:{tokens['bob']}")
        peer = self.peer(broker, hello=False)
        self.assertEqual(peer.hello(user="ann", token=tokens["ann"])["op"], "welcome")
        for first in range(1, 2001, 100):
            peer.send(publish_frame("staff/plans", *((mid, b"stolen") for mid in range(first, first + 100))))
        for path in ("/v1/rooms/staff%2Fplans", "/v1/rooms/staff%2Fplans?last=5", "/v1/rooms/staff%2Fplans/events?after=0",
                     "/v1/rooms/staff%2Fplans/state/k", "/v1/rooms/staff%2Fplans/who"):
            self.assert_problem(self.curl(gateway, path, "-u", f"bob:{tokens['bob']}"), 403, "forbidden")
        self.publish(gateway, "open", "the end", "-u", f"ann:{tokens['ann']}")
        thief.wait_out("the end")
        self.assertNotIn(b"stolen", thief.out)


class Proxies(SecuredCase):
    """Clients behind a proxy that speaks the PROXY protocol, version 2."""

    SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

    def header(self, source, tls=None):
        vectors = b"" if tls is None else struct.pack(">BHBI", 0x20, 5, int(tls), 0)
        family, addresses = (0x11, socket.inet_aton(source)) if "." in source else (0x21, socket.inet_pton(socket.AF_INET6, source))
        content = addresses * 2 + struct.pack(">HH", 4711, 443) + vectors
        return self.SIGNATURE + struct.pack(">BBH", 0x21, family, len(content)) + content

    def ask(self, gateway, header, path, *headers):
        raw = self.raw(gateway)
        if header:
            raw.send(header)
        raw.request(path, *headers)
        status, found = raw.head()
        return raw, status, found

    def test_headers_in_pieces_and_addresses(self):
        gateway = self.gateway(self.broker(config="limits\n    max-address-connections = 2\n"), "--trusted-proxy", "127.0.0.1")
        path, kept = "/v1/rooms/r/events", []
        for source in ("203.0.113.7", "203.0.113.7", "2001:db8::1", "2001:db8::2"):
            raw = self.raw(gateway)
            for byte in self.header(source):
                raw.send(bytes([byte]))
            raw.request(path)
            self.assertEqual(raw.head()[0], 200)
            kept.append(raw)
        for source in ("203.0.113.7", "2001:db8::3"):  # of IPv6 the first 64 bits count
            _, status, _ = self.ask(gateway, self.header(source), path)
            self.assertEqual(status, 503)
        _, status, _ = self.ask(gateway, self.header("203.0.113.7"), path, "X-Forwarded-For: 203.0.113.9")
        self.assertEqual(status, 503)  # the client is no proxy
        self.assertEqual(self.ask(gateway, self.header("203.0.113.8"), path)[1], 200)
        self.assertEqual(self.ask(gateway, b"", path)[1], 200)  # without a header it is the proxy itself
        self.assertEqual(self.ask(gateway, self.SIGNATURE + b"\x20\0\0\0", "/healthz")[1], 200)

    def test_what_is_no_header(self):
        gateway = self.gateway(self.broker(), "--trusted-proxy", "127.0.0.1", config="limits\n    request-timeout = 1s\n")
        for start in (self.SIGNATURE + b"\x11\x11\0\0", self.SIGNATURE[:-1] + b"x" * 20, self.SIGNATURE, b""):
            raw = self.raw(gateway)
            raw.send(start)
            raw.wait_end()  # at once, or when the time of a request is over
            self.assertEqual(raw.buffer, b"")
        untrusting = self.gateway(self.broker())
        raw = self.raw(untrusting)
        raw.send(self.header("203.0.113.7"))
        raw.request("/healthz")
        raw.wait_end()
        self.assertNotIn(b" 200 ", raw.buffer)

    def test_haproxy_with_tls(self):
        broker, gateway, tokens = self.secured("--trusted-proxy", "127.0.0.1", ann=EVERYTHING)
        names = [self.path(name) for name in ("key.pem", "cert.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", names[0], "-out", names[1]],
                       check=True, capture_output=True)
        pem = self.file("both.pem", b"".join(open_bytes(name) for name in names))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        example = os.path.join(os.path.dirname(__file__), "../../client/gateway/etc/haproxy.cfg")
        text = open_bytes(example).decode()
        for before, after in ((":443", f"127.0.0.1:{port}"), ("/etc/haproxy/zrelay.pem", pem), ("127.0.0.1:5580", gateway.address)):
            self.assertIn(before, text)
            text = text.replace(before, after)
        proxy = Program(["haproxy", "-db", "-f", self.file("haproxy.cfg", text)], env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/bin"})
        self.addCleanup(proxy.end)
        url, trust = f"https://localhost:{port}", ("--cacert", names[1], "--resolve", f"localhost:{port}:127.0.0.1")
        answer = None

        def ready():
            nonlocal answer
            done = subprocess.run(["curl", "-sSi", *trust, "-u", f"ann:{tokens['ann']}", "-d", "through TLS", f"{url}/v1/rooms/lobby"],
                                  capture_output=True, check=False)
            answer = Answer(done.stdout) if done.returncode == 0 else None
            return answer and answer.status == 201
        wait_for(ready, "a message through haproxy")  # the login is taken, since the client came over TLS
        stream = Program(["curl", "-sSN", *trust, "-u", f"ann:{tokens['ann']}", f"{url}/v1/rooms/lobby/events?after=0&format=body"])
        self.addCleanup(stream.end)
        stream.wait_out("^data: through TLS$")
        self.publish(gateway, "lobby", "live", "-u", f"ann:{tokens['ann']}")
        stream.wait_out("^data: live$")
        denied = subprocess.run(["curl", "-sSi", *trust, f"{url}/metrics"], capture_output=True, check=True)
        self.assertEqual(Answer(denied.stdout).status, 403)


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    unittest.main()
