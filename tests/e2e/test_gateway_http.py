"""The gateway's HTTP API with curl: publish, history, streams that are killed and resumed, values, lists."""
import json
import os
import re
import secrets
import signal
import subprocess
import threading
import unittest

from harness import DEADLINE, wait_for
from http_case import HttpCase, events, open_bytes, whole_chunks

NUMBERS = int(os.environ.get("ZRELAY_TEST_NUMBERS", "20000"))  # of the stream that is killed again and again


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

    def test_heads(self):
        gateway = self.gateway(self.broker())
        self.curl(gateway, "/v1/rooms/r/state/k", "-X", "PUT", data="green")
        for path in ("/v1/rooms/r", "/v1/rooms/r/state", "/v1/rooms/r/state/k", "/v1/rooms", "/v1/rooms/r/who", "/metrics"):
            head, answer = self.curl(gateway, path, "--head"), self.curl(gateway, path)
            self.assertEqual((head.status, head.headers["content-type"], head.body), (200, answer.headers["content-type"], b""))

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

    def test_two_hundred_streams_outlive_the_broker(self):
        broker = self.broker("--data", self.path("data"))
        gateway = self.gateway(broker)
        streams = [self.raw(gateway) for _ in range(200)]
        for number, stream in enumerate(streams):
            stream.request(f"/v1/rooms/room-{number % 10}/events?format=body")
        for stream in streams:
            self.assertEqual(stream.head()[0], 200)
        for when in ("before", "meanwhile", "after"):
            if when == "meanwhile":  # the gateway has no broker when these are published
                broker.signal(signal.SIGKILL)
                broker.finish()
                self.wait_away(gateway)
                broker = self.broker("--listen", broker.server, "--back", broker.back, "--data", self.path("data"))
            for room in range(10):
                self.run_zrelay(broker, "pub", f"room-{room}", when)
        for stream in streams:
            while b"data: after" not in stream.buffer:
                self.assertTrue(stream.more())
            found = re.findall(rb"^(?:data|event): (\w+)", whole_chunks(stream.buffer), re.M)
            self.assertEqual([word for word in found if word in (b"before", b"meanwhile", b"after")], [b"before", b"meanwhile", b"after"])
            self.assertNotIn(b"lost", found)

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

    def test_values_that_last_for_a_time(self):
        gateway = self.gateway(self.broker())
        path = "/v1/rooms/online/state/ann"
        for body in ("x", b"\xff"):  # as JSON, and in a PUBLISH frame
            self.assertEqual(self.curl(gateway, path, "-X", "PUT", "-H", "Zrelay-TTL: 60000", data=body).status, 200)
            self.assertEqual(self.curl(gateway, path).headers["zrelay-ttl"], "60000")
            self.assertEqual(self.curl(gateway, "/v1/rooms/online/state").lines()[0]["ttl"], 60000)
        self.curl(gateway, path, "-X", "PUT", "-H", "Zrelay-TTL: 1", data="y")
        wait_for(lambda: self.curl(gateway, path).status == 404, "the broker to delete the key")
        for method, where, ttl in (("PUT", path, "0"), ("PUT", path, "5s"), ("PUT", path, "9007199254740992"), ("DELETE", path, "5"),
                                   ("POST", "/v1/rooms/online", "5")):
            data = None if method == "DELETE" else "x"
            self.assert_problem(self.curl(gateway, where, "-X", method, "-H", f"Zrelay-TTL: {ttl}", data=data), 400, "bad-request")
        too_long = self.curl(gateway, path, "-X", "PUT", "-H", "Zrelay-TTL: 9007199254740991", data="x")
        self.assertIn("'ttl' is 1 to ", too_long.json()["detail"])


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
                self.assertNotIn(name, kinds, "a metric is told twice")
                kinds[name] = kind
            elif not line.startswith("# HELP "):
                found = re.fullmatch(r'(\w+)(\{\w+="\w+"(?:,\w+="\w+")*\})? (\d+(?:\.\d+)?)', line)
                self.assertTrue(found, line)
                self.assertIn(kinds[found[1]], ("counter", "gauge"))
                self.assertEqual(found[1].endswith("_total"), kinds[found[1]] == "counter")
                values[found[1] + (found[2] or "")] = float(found[3])
        self.assertEqual((values["zrelay_gateway_streams"], values["zrelay_gateway_broker_up"], values["zrelay_gateway_channels"],
                          values["zrelay_gateway_topics"]), (1, 1, 2, 1))
        self.assertEqual(values['zrelay_gateway_http_answers_total{resource="room",status="2xx"}'], 1)


if __name__ == "__main__":
    unittest.main()
