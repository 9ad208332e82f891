"""What operators see of a running broker: counters, sessions, rooms, and `zrelay top`."""
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios
import unittest

from harness import DEADLINE, ZRELAY, Program, TestCase, wait_for
from test_gateway_access import EVERYTHING, AccessCase

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
ETC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../broker/etc")


class StatsCase(TestCase):
    def metrics(self, broker, *options):
        """Name → value, without those of codes."""
        text = self.run_zrelay(broker, "metrics", *options).text()
        return {name: float(value) for name, value in re.findall(r"^(\w+) ([\d.]+)$", text, re.M)}

    def rows(self, broker, *command):
        return [json.loads(line) for line in self.run_zrelay(broker, *command, "--json").lines()]


class Metrics(StatsCase):
    def test_counters(self):
        broker = self.broker()
        peer = self.peer(broker, "ann")
        for number in range(3):
            peer.ask(op="publish", room="r", text=str(number))
        peer.ask(op="join", room="")
        found = self.metrics(broker)
        self.assertEqual(found["zrelay_sessions"], 2)
        self.assertEqual(found["zrelay_entries_total"], 3)
        self.assertEqual(found["zrelay_rooms"], 1)
        self.assertGreater(found["zrelay_start_time_seconds"], 1.7e9)
        self.assertGreater(found["zrelay_resident_memory_bytes"], 1e6)
        text = self.run_zrelay(broker, "metrics").text()
        self.assertTrue(text.endswith("\n# EOF\n"), text)
        self.assertIn('zrelay_errors_total{code="bad-room"} 1\n', text)
        self.assertEqual(len(self.rows(broker, "metrics")[0]["metrics"]), text.count("# HELP"))

    def test_a_log_on_disk(self):
        broker = self.broker("--data", self.path("data"))
        self.run_zrelay(broker, "pub", "r", "x")
        found = self.metrics(broker)
        self.assertGreater(found["zrelay_log_passes_total"], 0)
        self.assertGreater(found["zrelay_log_store_seconds_total"], 0)
        self.assertGreater(found["zrelay_log_file_bytes"], 4096)
        self.assertGreater(found["zrelay_log_disk_free_bytes"], 4096)
        self.assertEqual(found["zrelay_log_waiting_bytes_max"], 64 << 20)

    @unittest.skipUnless(PROMTOOL, "needs promtool (Debian: prometheus)")
    def test_promtool_finds_no_fault(self):
        broker = self.broker()
        self.peer(broker).ask(op="join", room="")
        text = self.run_zrelay(broker, "metrics", "--prometheus").out
        check = subprocess.run([PROMTOOL, "check", "metrics"], input=bytes(text), capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual((check.returncode, check.stdout, check.stderr), (0, b"", b""))

    def test_every_name_of_alerts_and_dashboard_is_there(self):
        broker = self.broker()
        names = set(re.findall(r"# HELP (zrelay_\w+) ", self.run_zrelay(broker, "metrics", "--prometheus").text())) | {"zrelay_gateway_broker_up"}
        for name in ("prometheus-alerts.yml", "grafana-dashboard.json"):
            with open(os.path.join(ETC, name), encoding="utf-8") as file:
                used = set(re.findall(r"\bzrelay_\w+", file.read()))
            self.assertGreater(len(used), 15, name)
            self.assertEqual(used - names, set(), name)
        with open(os.path.join(ETC, "grafana-dashboard.json"), encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))

    @unittest.skipUnless(PROMTOOL, "needs promtool (Debian: prometheus)")
    def test_promtool_takes_the_alerts(self):
        check = subprocess.run([PROMTOOL, "check", "rules", os.path.join(ETC, "prometheus-alerts.yml")], capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual(check.returncode, 0, check.stderr + check.stdout)

    def test_the_right_to_see_them(self):
        users = self.users('''
user
    name = anonymous
    allow = "all : *"
''')
        broker = self.broker("--users", users)
        for command in ("metrics", "sessions", "top"):
            self.assertIn("forbidden", self.run_zrelay(broker, command, *(["--once"] if command == "top" else []), code=3).errors())
        self.assertIn("forbidden", self.run_zrelay(broker, "rooms", "--stats", code=3).errors())
        self.users('''
user
    name = anonymous
    allow = "all : *"
    allow = "stats : *"
''')
        broker.signal(signal.SIGHUP)
        wait_for(lambda: self.peer(broker).ask(op="stats")["op"] == "stats", "the right")
        self.metrics(broker)


class ByTheGateway(AccessCase):
    def scrape(self, gateway, *login):
        return subprocess.run(["curl", "-sS", *login, gateway.http + "/metrics"], capture_output=True, timeout=DEADLINE, check=True).stdout.decode()

    def test_the_brokers_counters_stand_behind_its_own(self):
        gateway = self.gateway(self.broker())
        wait_for(lambda: "\nzrelay_gateway_broker_up 1\n" in self.scrape(gateway), "the broker")
        text = self.scrape(gateway)
        self.assertRegex(text, r"(?m)^zrelay_sessions \d+$")
        if PROMTOOL:
            check = subprocess.run([PROMTOOL, "check", "metrics"], input=text.encode(), capture_output=True, timeout=DEADLINE, check=False)
            self.assertEqual((check.returncode, check.stderr), (0, b""))

    def test_only_for_users_that_may_see_them(self):
        _, gateway, tokens = self.secured(ann=EVERYTHING, eye='    allow = "stats : *"\n')
        for user, sees in (("ann", False), ("eye", True)):
            text = self.scrape(gateway, "-u", f"{user}:{tokens[user]}")
            self.assertIn("zrelay_gateway_requests_total", text)
            self.assertEqual("\nzrelay_sessions " in text, sees)


@unittest.skipUnless(PROMETHEUS, "needs prometheus (Debian: prometheus)")
class Scraped(AccessCase):
    """A real Prometheus, with our alerts, scrapes the gateway as a user with the right to see the counters."""

    def prometheus(self, gateway, user, token):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        config = {"global": {"scrape_interval": "200ms", "evaluation_interval": "200ms", "scrape_timeout": "200ms"},
                  "rule_files": [os.path.join(ETC, "prometheus-alerts.yml")],
                  "scrape_configs": [{"job_name": "zrelay", "static_configs": [{"targets": [gateway.http.split("//")[1]]}],
                                      "basic_auth": {"username": user, "password": token}}]}
        program = Program([PROMETHEUS, "--config.file", self.file("prometheus.yml", json.dumps(config)), "--web.listen-address", address,
                           "--storage.tsdb.path", self.path("tsdb")])
        self.addCleanup(program.end)
        return "http://" + address

    def ask(self, prometheus, path):
        done = subprocess.run(["curl", "-sS", prometheus + "/api/v1/" + path], capture_output=True, timeout=DEADLINE, check=False)
        return json.loads(done.stdout)["data"] if done.returncode == 0 and done.stdout.startswith(b"{") else None

    def test_it_has_the_numbers_and_knows_the_alerts(self):
        _, gateway, tokens = self.secured(eye='    allow = "stats : *"\n')
        prometheus = self.prometheus(gateway, "eye", tokens["eye"])

        def value(name):
            rows = (self.ask(prometheus, "query?query=" + name) or {}).get("result")
            return rows and float(rows[0]["value"][1])
        wait_for(lambda: value("zrelay_gateway_broker_up") == 1, "the gateway's own counter")
        wait_for(lambda: (value("zrelay_sessions") or 0) >= 1, "the broker's counter")
        self.assertEqual(value("up"), 1)

        def rules():
            groups = (self.ask(prometheus, "rules") or {}).get("groups")
            return groups and all(rule["health"] == "ok" for rule in groups[0]["rules"]) and groups[0]["rules"]
        found = wait_for(rules, "every alert to be evaluated")
        self.assertGreater(len(found), 5)
        self.assertEqual({rule["name"]: rule["state"] for rule in found}["ZrelayDown"], "inactive")


class Lists(StatsCase):
    def test_sessions(self):
        broker = self.broker()
        ann, bob = self.peer(broker, "ann"), self.peer(broker, "bob")
        ann.ask(op="join", room="r")
        ann.ask(op="publish", room="r", text="x")
        rows = {row["nick"]: row for row in self.rows(broker, "sessions")}
        self.assertEqual(set(rows) - {"ann", "bob"}, {name for name in rows if name.startswith("guest-")})
        self.assertEqual((rows["ann"]["rooms"], rows["ann"]["entries"], rows["ann"]["state"]), (1, 1, "live"))
        self.assertEqual(rows["ann"]["address"], "127.0.0.1")
        self.assertEqual([row["nick"] for row in self.rows(broker, "sessions", "b")], ["bob"])
        line = self.run_zrelay(broker, "sessions", "ann").text().splitlines()
        self.assertEqual(len(line), 1)
        self.assertEqual(line[0].split("\t")[:3], ["ann", "127.0.0.1", "live"])
        bob.close()

    def test_more_than_a_page(self):
        broker = self.broker()
        peers, seer = self.crowd(broker, 450), self.peer(broker)
        wait_for(lambda: seer.ask(op="stats")["metrics"][0]["value"] == 451, "all sessions")
        rows = self.rows(broker, "sessions")
        self.assertEqual(len(rows), 452)
        self.assertEqual(len({row["session"] for row in rows}), 452)
        self.assertEqual(sorted(row["nick"] for row in rows), [row["nick"] for row in rows])
        del peers

    def test_rooms(self):
        broker = self.broker()
        peer = self.peer(broker, "ann")
        peer.ask(op="join", room="b")
        for number in range(450):
            peer.ask(op="publish", room=f"a/{number:03}", text="x")
        rows = self.rows(broker, "rooms", "--stats")
        self.assertEqual([row["room"] for row in rows], [f"a/{number:03}" for number in range(450)] + ["b"])
        self.assertEqual((rows[-1]["members"], rows[0]["entries"], rows[0]["level"]), (1, 1, "memory"))
        self.assertEqual([row["room"] for row in self.rows(broker, "rooms", "--stats", "b")], ["b"])


class Top(StatsCase):
    def busy(self):
        broker = self.broker()
        peer = self.peer(broker, "ann")
        for number in range(30):
            for _ in range(number + 1):
                peer.ask(op="publish", room=f"r{number:02}", text="x")
        peer.ask(op="work", room="r05", group="g", worker=1, credit=0, all=True)
        return broker

    def test_once(self):
        broker = self.busy()
        lines = self.run_zrelay(broker, "top", "--once", "--by", "entries").text().splitlines()
        self.assertEqual(len(lines), 23)  # and one for the prompt: 80 x 24
        self.assertLessEqual(max(len(line) for line in lines), 80)
        self.assertRegex(lines[1], r"^sessions 2/20\.0k .* rooms 30/100k")
        self.assertRegex(lines[4], r"^ROOM .*\*ENTRIES")
        self.assertEqual([line.split()[0] for line in lines[5:]], [f"r{number:02}" for number in range(29, 11, -1)])
        found = self.rows(broker, "top", "sessions", "--once", "--rows", "1", "--by", "entries")[0]
        self.assertEqual((found["of"], found["by"], [row["nick"] for row in found["rows"]]), ("sessions", "entries", ["ann"]))
        self.assertEqual(found["metrics"]["zrelay_entries_total"], 465)
        found = self.rows(broker, "top", "groups", "--once")[0]
        self.assertEqual([(row["room"], row["group"], row["backlog"]) for row in found["rows"]], [("r05", "g", 6)])

    def test_mistakes(self):
        for words, complaint in ((["x"], "there is no 'x'"), (["rooms", "sessions"], "what is 'sessions'"), (["--by", "queued"], "rooms have no"),
                                 (["--interval", "0.01"], "at least 0.1")):
            self.assertIn(complaint, self.run_zrelay(self.nobody(), "top", *words, code=1).errors())

    @staticmethod
    def nobody():
        class Nobody:
            server = "tcp://127.0.0.1:1"
        return Nobody

    def test_live_on_a_terminal(self):
        broker = self.busy()
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        process = subprocess.Popen([ZRELAY, "--server", broker.server, "top", "--interval", "0.1"], stdin=theirs, stdout=theirs,
                                   env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(theirs)
        self.addCleanup(lambda: (process.kill(), process.wait(), os.close(ours)))
        shown = bytearray()

        def see(pattern):
            end = len(shown)

            def look():
                shown.extend(os.read(ours, 65536))
                return re.search(pattern, bytes(shown[end:]), re.S)
            wait_for(look, str(pattern))
        see(rb"ROOM .*\*RATE.*r\d\d ")
        os.write(ours, b"s")
        see(rb"NICK.*\*RATE.*ann")
        os.write(ours, b">")
        see(rb"NICK.*\*BYTE/S.*ann")
        os.write(ours, b"g")
        see(rb"\*BACKLOG.*r05")
        os.write(ours, b"r")
        see(rb"/s  bytes .*ROOM ")
        os.write(ours, b"q")
        see(rb"\x1b\[\?1049l")  # the screen before is there again
        self.assertEqual(process.wait(DEADLINE), 0)

    def test_it_goes_on_when_the_broker_comes_back(self):
        broker = self.broker()
        top = self.zrelay(broker, "top", "--json", "--interval", "0.1")
        top.wait_out('"zrelay_sessions"')
        broker = self.restart(broker)
        before = len(top.lines())
        wait_for(lambda: len(top.lines()) > before + 1, "more pictures")
        top.signal(signal.SIGTERM)
        self.assertIn(top.finish(), (0, 2))


class SeenWithRights(StatsCase):
    def test_a_gateways_peers(self):
        """They are sessions of their own, and count for nobody's machine."""
        broker = self.broker()
        trunk = self.peer(broker, "door")
        trunk.ask(op="open", channel=7, address="203.0.113.7")
        hello = json.dumps({"op": "hello", "id": 1, "proto": 1, "client": "%032x" % 5, "nick": "eve"}).encode()
        trunk.send(b"\x03\x00\x00\x00\x07" + hello)
        wait_for(lambda: trunk.receive()[:1] == b"\x03", "the welcome")
        row = next(row for row in self.rows(broker, "sessions") if row["nick"] == "eve")
        self.assertEqual((row["address"], row["channel"]), ("203.0.113.7", True))
        row = next(row for row in self.rows(broker, "sessions") if row["nick"] == "door")
        self.assertEqual((row["channels"], row["state"]), (1, "gateway"))


class Operators(AccessCase):
    def operated(self):
        """A broker, and the words with which its operator logs in; anybody may come in."""
        tokens = self.tokens(op='    allow = "all : *"\n    allow = "admin : *"\n')
        self.users(self.text + 'user\n    name = anonymous\n    allow = "all : *"\n')
        token = self.file("op-token", tokens["op"])
        os.chmod(token, 0o600)
        return self.broker("--users", self.path("users"), config="auth\n    tokens = 1\n"), ("--user", "op", "--token-file", token)

    def test_the_audit_as_a_stream(self):
        broker, login = self.operated()
        tail = self.zrelay(broker, *login, "tail-audit")
        tail.wait_out("op follows the audit")
        for words in (["kick", "bob"], ["ban", "mal", "too", "loud"], ["unban", "mal"]):
            self.zrelay(broker, *login, "admin", *words).finish()
        tail.wait_out("kick of bob by op failed")
        lines = self.zrelay(broker, *login, "--json", "tail-audit")
        lines.wait_out("op follows the audit")
        first = json.loads(lines.lines()[0])
        self.assertGreater(first["number"], 1)
        self.assertRegex(tail.text().splitlines()[0], r"^\d{4}-\d\d-\d\dT[\d:.]{12}Z ")
        broker.signal(signal.SIGHUP)  # and what the broker does by itself
        lines.wait_out("users")
        tail.signal(signal.SIGTERM)
        self.assertEqual(tail.finish(), 0)
        self.assertIn("forbidden", self.run_zrelay(broker, "tail-audit", code=3).errors())

    def test_the_log_level(self):
        broker, login = self.operated()
        self.run_zrelay(broker, *login, "admin", "log-level", "debug")
        peer = self.peer(broker, "ann")
        broker.wait_err("debug session of ann")
        self.run_zrelay(broker, *login, "admin", "log-level", "error")
        self.assertIn("op sets the log level to error", broker.errors())
        peer.close()
        for words, complaint in ((["log-level"], "error, warn, info or debug"), (["log-level", "debug", "x"], "what is 'x'")):
            self.assertIn(complaint, self.run_zrelay(broker, *login, "admin", *words, code=1).errors())
        self.run_zrelay(broker, *login, "admin", "log-level", "loud", code=3)

    def test_deleting(self):
        broker, login = self.operated()
        for number in range(1, 6):
            self.run_zrelay(broker, "pub", "r", str(number))
        self.run_zrelay(broker, "state", "r", "set", "k", "secret")
        self.run_zrelay(broker, *login, "admin", "delete", "r", "--before", "3")
        self.assertEqual(self.run_zrelay(broker, "history", "r", "--after", "2").text().split()[:3], ["3", "4", "5"])
        self.assertIn("older messages are gone", self.run_zrelay(broker, "history", "r", "--after", "0").errors())
        self.run_zrelay(broker, *login, "admin", "delete", "r", "--key", "k")
        self.assertEqual(self.run_zrelay(broker, "state", "r", "get", "k", code=3).text(), "")
        self.run_zrelay(broker, *login, "admin", "delete", "r", "--before", "7d")  # nothing is as old
        self.assertIn("3\n", self.run_zrelay(broker, "history", "r", "--after", "2").text())
        self.run_zrelay(broker, *login, "admin", "delete", "r")
        self.assertEqual(self.run_zrelay(broker, "history", "r").text(), "")  # the newest deletes k
        self.assertIn("op deletes entries of r up to 2", broker.errors())
        self.assertIn("op deletes the key k in r", broker.errors())
        for words, complaint in ((["delete"], "in which room"), (["delete", "r", "--before", "x"], "no seq or time"), (["bans", "--key", "k"], "go with delete"),
                                 (["delete", "r", "--before", "1", "--key", "k"], "do not go together")):
            self.assertIn(complaint, self.run_zrelay(broker, *login, "admin", *words, code=1).errors())
        self.assertIn("forbidden", self.run_zrelay(broker, "admin", "delete", "r", code=3).errors())

    def test_deleting_on_disk(self):
        tokens = self.tokens(op='    allow = "admin : *"\n')
        self.users(self.text + 'user\n    name = anonymous\n    allow = "all : *"\n')
        token = self.file("op-token", tokens["op"])
        os.chmod(token, 0o600)
        arguments = ("--users", self.path("users"), "--data", self.path("data"))
        broker = self.broker(*arguments, config="auth\n    tokens = 1\n")
        self.run_zrelay(broker, "pub", "r", stdin="".join(f"{number}\n" for number in range(1, 1001)).encode())
        self.run_zrelay(broker, "--user", "op", "--token-file", token, "admin", "delete", "r", "--before", "1000")
        broker = self.restart(broker, *arguments, config="auth\n    tokens = 1\n")
        self.assertEqual(self.run_zrelay(broker, "history", "r").text(), "1000\n")

    def test_draining(self):
        broker, login = self.operated()
        reader = self.zrelay(broker, "sub", "r")
        wait_for(lambda: self.peer(broker).ask(op="who", room="r")["count"] + self.peer(broker).ask(op="who", room="r")["silent"] == 1, "the reader")
        held = self.peer(broker, "ann")
        operator = self.zrelay(broker, *login, "tail-audit")
        operator.wait_out("follows the audit")
        self.run_zrelay(broker, *login, "admin", "drain")
        self.assertEqual(self.peer(broker, hello=False).ask(op="hello", proto=1, client="%032x" % 7)["code"], "too-many-sessions")
        self.assertEqual(held.ask(op="publish", room="r", text="still here")["op"], "ack")
        reader.wait_out("still here")
        self.assertEqual(self.peer(broker, hello=False).ask(op="hello", proto=1, client="%032x" % 8)["code"], "too-many-sessions")
        self.run_zrelay(broker, *login, "admin", "undrain")  # an operator comes in
        self.peer(broker, "bob")
        self.run_zrelay(broker, *login, "admin", "drain-away")
        reader.wait_err("shutdown|disconnected|lost")
        broker.signal(signal.SIGTERM)
        self.assertEqual(broker.finish(), 0)


if __name__ == "__main__":
    unittest.main()
