"""zrelay bench: that each mode measures what it says, and that whatever is missing is told. Nothing here looks at how fast anything is."""
import contextlib
import json
import os
import pty
import shlex
import signal
import socket
import subprocess
import unittest
import xml.etree.ElementTree

from harness import DEADLINE, ZRELAY, ZRELAYD, TestCase, publish_frame, wait_for
from limit_case import KEPT

SMALL = "log\n    room-entries = 5\n"


class BenchCase(TestCase):
    def bench(self, broker, *arguments, code=0):
        """Runs it; returns the JSON object it printed."""
        program = self.run_zrelay(broker, "bench", *arguments, "--json", code=code)
        lines = program.lines()
        self.assertEqual(len(lines), 1, program.errors())
        return json.loads(lines[0])

    def whole(self, result, published, expected):
        self.assertTrue(result["whole"], result)
        self.assertTrue(result["one_order"])
        self.assertEqual((result["published"], result["acked"]), (published, published))
        self.assertEqual((result["expected"], result["received"]), (expected, expected))
        for name in ("missing", "disordered", "foreign", "refused", "lost"):
            self.assertEqual(result[name], 0, name)

    def room_of(self, broker):
        """The room that a running benchmark uses."""
        asker = self.peer(broker)
        rooms = wait_for(lambda: asker.ask(op="rooms", prefix="bench/")["rooms"], "the benchmark's room")
        return rooms[0]["room"]

    def wait_running(self, broker):
        """Until a benchmark that publishes does so."""
        room, peer = self.room_of(broker), self.peer(broker)
        wait_for(lambda: peer.ask(op="rooms", prefix=room)["rooms"][0]["seq"] >= 1, "it runs")


class Memory(BenchCase):
    @staticmethod
    def faults(broker):
        with open(f"/proc/{broker.process.pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[7])

    @unittest.skipIf(KEPT, "AddressSanitizer keeps what was freed")
    def test_a_full_log_uses_its_memory_again(self):
        """Frames that the log forgot make room for new ones, without the system's help."""
        broker = self.broker(config="log\n    bytes = 8M\n    room-bytes = 8M\n")
        self.bench(broker, "throughput", "-n", "200000")  # 25 MB
        before, messages = self.faults(broker), 400_000
        self.bench(broker, "throughput", "-n", str(messages))
        self.assertLess((self.faults(broker) - before) * 1000 / messages, 7)


class Modes(BenchCase):
    def test_throughput(self):
        broker = self.broker()
        result = self.bench(broker, "throughput", "-n", "5000")
        self.whole(result, 5000, 5000)
        self.assertEqual((result["mode"], result["level"], result["batch"]), ("throughput", "memory", True))
        self.whole(self.bench(broker, "throughput", "-n", "100", "--size", "24"), 100, 100)
        self.assertGreater(result["delivered_per_s"], 0)
        self.assertGreater(result["acked_per_s"], 0)

    def test_throughput_of_many(self):
        broker = self.broker()
        for publishers, rooms, readers in ((3, 2, 2), (2, 5, 3), (4, 1, 0), (7, 7, 1)):
            with self.subTest((publishers, rooms, readers)):
                result = self.bench(broker, "throughput", "-n", "1001", "--publishers", str(publishers), "--rooms", str(rooms),
                                    "--readers", str(readers))
                self.whole(result, 1001, 1001 * readers)

    def test_fewer_messages_than_rooms(self):
        self.whole(self.bench(self.broker(), "throughput", "-n", "2", "--rooms", "3"), 2, 2)

    def test_without_batches_each_message_has_a_frame(self):
        for how in ("on", "off"):
            broker = self.broker()
            result = self.bench(broker, "throughput", "-n", "2000", "--batch", how)
            self.whole(result, 2000, 2000)
            self.assertEqual(result["batch"], how == "on")
            broker.signal(signal.SIGTERM)
            frames = int(broker.wait_err(r"stopped: .*frames_received (\d+)")[1])
            (self.assertGreaterEqual if how == "off" else self.assertLess)(frames, 2000)

    def test_acked_has_no_readers_unless_told(self):
        broker = self.broker()
        self.whole(self.bench(broker, "throughput", "--acked", "-n", "1000"), 1000, 0)
        self.whole(self.bench(broker, "throughput", "--acked", "--readers", "1", "-n", "1000"), 1000, 1000)
        self.assertIn("every message is acked", self.run_zrelay(broker, "bench", "throughput", "--acked", "-n", "100").text())

    def test_one_unacked_at_a_time(self):
        self.whole(self.bench(self.broker(), "throughput", "-n", "50", "--unacked", "1"), 50, 50)

    def test_readers_that_are_not_to_fall_behind(self):
        self.whole(self.bench(self.broker(), "throughput", "-n", "20000", "--ahead", "1", "--readers", "2"), 20000, 40000)

    def test_acks_from_the_disk_say_so(self):
        broker = self.broker("--data", self.path("data"))
        self.assertEqual(self.bench(broker, "throughput", "-n", "500")["level"], "disk")
        self.assertIn("(disk)", self.run_zrelay(broker, "bench", "throughput", "-n", "500").text())

    def test_latency(self):
        broker = self.broker()
        result = self.bench(broker, "latency", "--rate", "2000", "-n", "1000", "--svg", self.path("latency.svg"))
        self.whole(result, 1000, 1000)
        values = [result["latency_us"][name] for name in ("p50", "p90", "p99", "p99.9", "max")]
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[0], 0)
        self.assertGreaterEqual(result["delivered_s"], 0.4995, "the last message was due then")
        picture = xml.etree.ElementTree.parse(self.path("latency.svg")).getroot()
        self.assertTrue(picture.tag.endswith("svg"))
        text = self.run_zrelay(broker, "bench", "latency", "--rate", "2000", "-n", "100", "--readers", "3").text()
        for word in ("p50", "p90", "p99", "p99.9", "max"):
            self.assertIn(word, text)

    def test_a_stall_delays_all_that_were_due(self):
        """While the broker stands still nothing is published to it either, or so a benchmark that waits would have it."""
        broker = self.broker()
        program = self.zrelay(broker, "bench", "latency", "--rate", "1000", "-n", "4000", "--json")
        room = self.room_of(broker)
        asker = self.peer(broker)
        head = lambda: asker.ask(op="rooms", prefix=room)["rooms"][0]["seq"]
        wait_for(lambda: head() >= 100, "it runs")
        broker.signal(signal.SIGSTOP)
        stopped = os.times().elapsed
        wait_for(lambda: os.times().elapsed > stopped + 1, "a second passed")
        broker.signal(signal.SIGCONT)
        self.assertEqual(program.finish(), 0, program.errors())
        result = json.loads(program.lines()[0])
        self.whole(result, 4000, 4000)
        # Of 4000 messages 1000 were due in that second: every fourth came late, half of those by more than half of it.
        self.assertGreater(result["latency_us"]["p90"], 300000)

    def test_fanout(self):
        result = self.bench(self.broker(), "fanout", "--readers", "8", "-n", "1000")
        self.whole(result, 1000, 8000)

    def test_replay(self):
        result = self.bench(self.broker(), "replay", "-n", "3000", "--readers", "2", "--publishers", "2", "--rooms", "3")
        self.whole(result, 3000, 6000)
        self.assertGreater(result["delivered_per_s"], 0)

    def test_connect(self):
        broker = self.broker()
        result = self.bench(broker, "connect", "--clients", "25", "--rooms", "2", "--hold", "0.1", "--broker-pid",
                            str(broker.process.pid))
        self.whole(result, 6, 25 * 3)
        self.assertEqual((result["clients"], result["connected"]), (25, 25))
        self.assertGreater(result["connected_per_s"], 0)
        self.assertIsInstance(result["memory_per_client"], int)

    def test_clients_in_several_rooms(self):
        """As many rooms to each client as it takes, or as is asked for."""
        broker = self.broker()
        for arguments, joins in (([], 4), (["--joins", "7"], 7), (["--joins", "4"], 4)):
            with self.subTest(arguments):
                result = self.bench(broker, "connect", "--clients", "6", "--rooms", "20", "--hold", "0", *arguments)
                self.whole(result, 60, 6 * joins * 3)
                self.assertEqual(result["joins"], joins)

    def test_presence(self):
        broker = self.broker()
        for rooms in (1, 4):
            result = self.bench(broker, "connect", "--clients", "12", "--rooms", str(rooms), "--presence", "--hold", "0")
            self.whole(result, 3 * rooms, 36)
            self.assertEqual(result["aware"], 12)

    def restarts(self, broker, *arguments):
        """A command that kills the broker and starts it again with these arguments; it ends when the new one listens."""
        again = " ".join(shlex.quote(word) for word in (ZRELAYD, "--listen", broker.server, "--back", broker.back, *arguments))
        self.addCleanup(self.end_restarted)
        out = self.path("out")
        return (f"kill -9 {broker.process.pid}; while :; do {again} >{out} 2>&1 & pid=$!; until grep -Eq 'listening|cannot' {out}; do "
                f"sleep 0.01; done; grep -q listening {out} && break; done; echo $pid >{self.path('pid')}")

    def end_restarted(self):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(self.path("pid")) as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def test_a_restart(self):
        for arguments, readers in ((["--clients", "50", "--rooms", "5", "--presence"], 50), (["--clients", "20"], 20),
                                   (["--clients", "10", "--rooms", "40"], 40)):
            with self.subTest(arguments):
                data = self.path("data-" + arguments[1])
                broker = self.broker("--data", data)
                result = self.bench(broker, "connect", *arguments, "--hold", "0", "--rate", "200", "--restart",
                                    self.restarts(broker, "--data", data))
                self.end_restarted()
                self.assertTrue(result["whole"], result)
                self.assertEqual(result["acked"], result["published"])
                self.assertGreaterEqual(result["published"], 4 * result["rooms"], "one more in each room when all are back")
                self.assertEqual(result["received"], result["expected"])
                self.assertGreaterEqual(result["received"], 4 * readers)
                self.assertEqual(result["aware"], readers if "--presence" in arguments else None)
                restart = result["restart"]
                self.assertEqual(restart["back"], int(arguments[1]))
                self.assertLessEqual(restart["first_back_s"], restart["last_back_s"])
                self.assertLess(restart["last_back_s"], restart["caught_up_s"])
                self.assertEqual(restart["aware_s"] is None, "--presence" not in arguments)
                self.assertGreaterEqual(result["disconnects"], int(arguments[1]))

    def spread(self):
        """A broker and two leaves of it; the servers as the option names them, and the first leaf."""
        upstream = self.broker()
        leaves = [self.broker("--upstream", upstream.server) for _ in range(2)]
        for leaf in leaves:
            leaf.wait_err("a leaf of the broker at")
        return ",".join(broker.server for broker in (upstream, *leaves)), leaves[0]

    def test_readers_and_clients_that_share_servers(self):
        servers, leaf = self.spread()
        self.whole(self.bench(servers, "fanout", "--spread", "--readers", "4", "-n", "1000"), 1000, 4000)
        result = self.bench(servers, "connect", "--spread", "--clients", "10", "--hold", "0", "--rate", "50", "--restart",
                            f"kill -9 {leaf.process.pid}")
        self.assertTrue(result["whole"], result)
        self.assertEqual(result["restart"]["back"], 5, "the clients of the leaf, and no others")
        self.assertEqual(result["received"], 10 * result["published"])
        self.assertLessEqual(result["restart"]["first_back_s"], result["restart"]["last_back_s"])

    def test_a_restart_that_ends_none_of_the_shared_servers(self):
        servers, _ = self.spread()
        self.assertEqual(self.bench(servers, "connect", "--spread", "--clients", "4", "--hold", "0", "--restart", "true", code=4)["restart"]["back"], 0)

    def test_memory_that_is_not_known(self):
        broker = self.broker()
        self.assertIsNone(self.bench(broker, "connect", "--clients", "2", "--hold", "0")["memory_per_client"])
        self.assertIn("unknown", self.run_zrelay(broker, "bench", "connect", "--clients", "2", "--hold", "0").text())
        program = self.run_zrelay(broker, "bench", "connect", "--clients", "2", "--broker-pid", "2147483647", code=1)
        self.assertIn("2147483647", program.errors())

    def test_clients_of_several_processes(self):
        """With few descriptors to a process."""
        broker = self.broker()
        program = subprocess.run(["prlimit", "--nofile=180:180", ZRELAY, "-s", broker.server, "bench", "connect", "--clients", "25",
                                  "--hold", "0", "--json"], capture_output=True, env=self.environment, timeout=DEADLINE)
        self.assertEqual(program.returncode, 0, program.stderr)
        self.whole(json.loads(program.stdout), 3, 75)

    def test_more_sessions_than_file_descriptors(self):
        program = subprocess.run(["prlimit", "--nofile=180:180", ZRELAY, "bench", "fanout"], capture_output=True, env=self.environment,
                                 timeout=DEADLINE)
        self.assertEqual(program.returncode, 1)
        self.assertRegex(program.stderr, rb"\Azrelay: 101 sessions are more than the 10 [^\n]+\n\Z")

    def test_nothing_stays_behind(self):
        """Sessions say bye."""
        broker = self.broker()
        self.bench(broker, "throughput", "-n", "100", "--readers", "3")
        self.bench(broker, "connect", "--clients", "5", "--hold", "0")
        asker = self.peer(broker)
        for room in asker.ask(op="rooms", prefix="bench/")["rooms"]:
            who = asker.ask(op="who", room=room["room"])
            self.assertEqual(who["count"] + who["silent"], 0)


class Wrong(BenchCase):
    def test_history_that_is_gone(self):
        broker = self.broker(config=SMALL)
        result = self.bench(broker, "replay", "-n", "1000", "--batch", "off", code=4)
        self.assertFalse(result["whole"])
        self.assertGreater(result["missing"], 0)
        self.assertEqual(result["missing"] + result["received"], 1000)
        program = self.run_zrelay(broker, "bench", "replay", "-n", "1000", "--batch", "off", code=4)
        self.assertRegex(program.text(), r"NOT WHOLE +[1-9]\d* missing")
        self.assertNotIn("verified", program.text())

    def test_a_reader_that_loses_something(self):
        """While it stands still, more is published into its room than queues and log can hold."""
        broker = self.broker(config=SMALL + "limits\n    reader-queue = 16\n    max-frame = 400k\n")
        program = self.zrelay(broker, "bench", "latency", "--rate", "200", "-n", "1000", "--json")
        room = self.room_of(broker)
        peer = self.peer(broker)
        wait_for(lambda: peer.ask(op="rooms", prefix=room)["rooms"][0]["seq"] >= 10, "it runs")
        program.signal(signal.SIGSTOP)
        for mid in range(1, 101):
            peer.send(publish_frame(room, (mid, b"x" * 300_000)))
            self.assertEqual(peer.receive()[:1], b"\x02")
        program.signal(signal.SIGCONT)
        self.assertEqual(program.finish(), 4, program.errors())
        result = json.loads(program.lines()[0])
        self.assertFalse(result["whole"])
        self.assertGreaterEqual(result["gaps"], 1)
        self.assertGreaterEqual(result["lost"], 1)

    def test_messages_of_somebody_else(self):
        broker = self.broker()
        program = self.zrelay(broker, "bench", "latency", "--rate", "100", "-n", "200")
        peer = self.peer(broker)
        room = self.room_of(broker)
        wait_for(lambda: peer.ask(op="rooms", prefix=room)["rooms"][0]["seq"] >= 1, "its reader is there")
        peer.send(publish_frame(room, (1, b"hello")))
        self.assertEqual(program.finish(), 4, program.errors())
        self.assertIn("1 not understood", program.text())

    def test_a_broker_that_goes_away(self):
        broker = self.broker()
        program = self.zrelay(broker, "bench", "latency", "--rate", "100", "-n", "1000000", "--timeout", "0.5")
        self.wait_running(broker)
        broker.end()
        self.assertIn(program.finish(), (3, 4))
        self.assertIn("NOT WHOLE", program.text())
        self.assertIn("gave up waiting", program.text())

    def test_a_restart_without_data(self):
        """Messages that were acked in memory and not seen by all readers may be gone. The run ends in any case, and says so."""
        broker = self.broker()
        program = self.zrelay(broker, "bench", "connect", "--clients", "5", "--hold", "0", "--json", "--timeout", "3", "--restart",
                              Modes.restarts(self, broker))
        self.assertIn(program.finish(), (0, 4))
        self.assertIn('"restart":{"back":5', program.text())

    end_restarted = Modes.end_restarted

    def test_a_restart_that_is_none(self):
        broker = self.broker()
        program = self.run_zrelay(broker, "bench", "connect", "--clients", "3", "--hold", "0", "--timeout", "0.5", "--restart", "true", code=4)
        self.assertIn("0 back", program.text())
        self.assertIn("gave up waiting", program.text())
        program = self.run_zrelay(broker, "bench", "connect", "--clients", "3", "--hold", "0", "--restart", "exit 3", code=1)
        self.assertIn("--restart failed", program.errors())

    def test_interrupted(self):
        for arguments, wait in ((["latency", "--rate", "100", "-n", "1000000"], self.wait_running),
                                (["connect", "--clients", "3", "--hold", "1000"], self.room_of)):
            with self.subTest(arguments[0]):
                broker = self.broker()
                program = self.zrelay(broker, "bench", *arguments)
                wait(broker)
                program.signal(signal.SIGINT)
                self.assertEqual(program.finish(), 2, program.errors())
                self.assertIn("interrupted", program.text())

    def test_nobody_there(self):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            nobody = f"tcp://127.0.0.1:{one.getsockname()[1]}"
        for mode in ("throughput", "replay", "connect"):
            program = self.run_zrelay(nobody, "bench", mode, "--connect-timeout", "0.3", "--timeout", "0.3", code=2)
            self.assertRegex(program.errors(), r"\Azrelay: cannot reach a broker[^\n]*\n\Z")
            self.assertEqual(program.text(), "")

    def test_what_the_broker_refuses(self):
        broker = self.broker(config="limits\n    max-rooms = 2\n")
        program = self.run_zrelay(broker, "bench", "throughput", "--rooms", "3", "-n", "10", code=3)
        self.assertRegex(program.errors(), r"\Azrelay: [^\n]*too-many-rooms\]\n\Z")
        program = self.run_zrelay(broker, "bench", "connect", "--rooms", "4", "--clients", "4", code=3)
        self.assertRegex(program.errors(), r"\Azrelay: [^\n]*too-many-rooms\]\n\Z")

    def test_messages_that_are_too_large(self):
        program = self.run_zrelay(self.broker(), "bench", "throughput", "--size", "2000000", "-n", "10", code=1)
        self.assertIn("2000000 bytes", program.errors())

    def test_mistakes(self):
        for arguments, words in (([], "which benchmark"), (["nosuch"], "nosuch"), (["throughput", "more"], "more"),
                                 (["throughput", "--rate", "5"], "--rate"), (["connect", "--publishers", "5"], "--publishers"),
                                 (["throughput", "--size", "23"], "--size"), (["throughput", "--batch", "maybe"], "maybe"),
                                 (["latency", "--readers", "0"], "readers"), (["latency", "--rate", "0"], "--rate"),
                                 (["connect", "--joins", "2"], "--joins"), (["throughput", "--presence"], "--presence"),
                                 (["throughput", "--room", "a b"], "room"), (["throughput", "--room", "r" * 127], "room")):
            with self.subTest(arguments):
                program = self.run_zrelay("tcp://127.0.0.1:1", "bench", *arguments, code=1)
                self.assertRegex(program.errors(), r"\Azrelay: [^\n]+\n\Z")
                self.assertIn(words, program.errors())

    def test_a_picture_that_cannot_be_written(self):
        program = self.run_zrelay(self.broker(), "bench", "latency", "--rate", "1000", "-n", "10", "--svg", self.path("no/such"), code=1)
        self.assertIn("no/such", program.errors())


class Terminal(BenchCase):
    def test_progress_and_a_clean_line_in_the_end(self):
        broker = self.broker()
        for arguments, words in ((["latency", "--rate", "100", "-n", "60"], b"published"), (["connect", "--clients", "3"], None)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen([ZRELAY, "-s", broker.server, "bench", *arguments], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=theirs, env={**self.environment, "TERM": "xterm"})
            self.addCleanup(process.stdout.close)
            os.close(theirs)
            shown = b""
            try:
                while True:
                    shown += os.read(ours, 65536)
            except OSError:  # how a terminal's end looks on Linux
                pass
            os.close(ours)
            self.assertEqual(process.wait(DEADLINE), 0)
            self.assertIn(b"verified", process.stdout.read())
            if words:
                self.assertIn(words, shown)
                self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-40:])


if __name__ == "__main__":
    unittest.main()
