"""The Python client, its examples and its README, with the real broker."""
import asyncio
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENT = ROOT / "client/python"
sys.path.insert(0, str(CLIENT))
import zrelay  # noqa: E402
from harness import DEADLINE, ZRELAY, ZRELAYD, Peer, Program, TestCase, publish_frame, wait_for  # noqa: E402

FAST = "server\n    heartbeat = 300\n    tick = 20\n"


def user(name, credential):
    """A user of a users file that may do everything in rooms."""
    return f'user\n    name = {name}\n{credential}    allow = "all : *"\n'


class PythonCase(TestCase, unittest.IsolatedAsyncioTestCase):
    """Each test has a broker, unless it makes one."""

    def setUp(self):
        super().setUp()
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.clear()
        os.environ.update(self.environment)

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # unittest turns it on, and it takes ten times as long; the examples run with it

    def connect(self, broker, **options):
        return zrelay.connect(broker.server, **{"timeout": DEADLINE, **options})

    @staticmethod
    async def until(condition, what):
        """Waits for a condition while the loop runs."""
        for _ in range(int(DEADLINE * 100)):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("timed out: " + what)

    @staticmethod
    async def take(items, count):
        """The next so many items."""
        found = []
        iterator = items.__aiter__()
        while len(found) < count:
            found.append(await asyncio.wait_for(iterator.__anext__(), DEADLINE))
        return found

    async def texts(self, room, count):
        return [message.text for message in await self.take(room, count)]


class Client(PythonCase):
    async def test_messages_come_once_and_in_order_also_those_from_before(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker, nick="ann") as ann, self.connect(broker, nick="bob") as bob:
            acks = await asyncio.gather(*[ann.publish("lobby", f"{number}") for number in range(2000)])
            self.assertEqual((acks[-1].seq, acks[-1].level), (2000, "memory"))
            room = await bob.join("lobby", last=1000)
            live = [ann.publish("lobby", f"{number}") for number in range(2000, 3000)]
            self.assertEqual(await self.texts(room, 2000), [f"{number}" for number in range(1000, 3000)])
            await asyncio.gather(*live)
            self.assertEqual((ann.nick, ann.unanswered, bob.status, room.position.after), ("ann", 0, "online", 3000))
            slice_ = await bob.history("lobby", after=10, limit=2)
            self.assertEqual(([each.seq for each in slice_.messages], slice_.more, slice_.complete), ([11, 12], True, True))
            self.assertEqual([each.seq for each in (await room.history(before=5, limit=3)).messages], [2, 3, 4])
            for wrong in ({"last": "20"}, {"last": -1}, {"after": "0"}, {"after": 0.5}):
                with self.assertRaises(zrelay.ZrelayError) as caught:
                    ann.join("another", **wrong)
                self.assertEqual(caught.exception.code, "bad-argument")

    async def test_a_slow_loop_gets_everything_by_replay(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann, self.connect(broker) as bob:
            room, count = await bob.join("lobby"), 12000
            for number in range(count):
                ann.publish("lobby", str(number))
                await ann.drain()
            await self.until(lambda: room.position.after == count, "all to be there")
            self.assertEqual(await self.texts(room, count), list(map(str, range(count))))

    async def test_a_broker_that_is_killed_loses_nothing_that_is_on_disk(self):
        arguments = ("--data", self.path("log"))
        broker = self.broker(*arguments, config=FAST)
        async with self.connect(broker) as ann, self.connect(broker) as bob:
            room = await bob.join("lobby", after=0)
            acks = [ann.publish("lobby", str(number)) for number in range(500)]
            await acks[0]
            broker.signal(signal.SIGKILL)
            broker.finish()
            acks += [ann.publish("lobby", str(number)) for number in range(500, 1000)]
            self.broker(*arguments, "--listen", broker.server, "--back", broker.back, config=FAST)
            self.assertEqual({ack.level for ack in await asyncio.wait_for(asyncio.gather(*acks), DEADLINE)}, {"disk"})
            self.assertEqual(await self.texts(room, 1000), list(map(str, range(1000))))

    async def test_a_broker_that_lost_its_log_is_told_of_in_the_place_of_the_loss(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann:
            room, told = await ann.join("lobby"), []
            ann.on("recovered", told.append)
            items = room.items()
            await ann.publish("lobby", "before")
            self.assertEqual((await self.take(items, 1))[0].text, "before")
            broker.signal(signal.SIGKILL)
            broker.finish()
            self.broker("--listen", broker.server, "--back", broker.back, config=FAST)
            await self.until(lambda: told, "the recovery")
            await ann.publish("lobby", "after")
            lost, after = await self.take(items, 2)
            self.assertEqual((lost, after.text, told), (zrelay.Lost("lobby", "epoch", 1, 0), "after", [(0, True)]))

    async def test_rooms_of_a_prefix_are_read_existing_and_new_ones(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann:
            await ann.publish("m/old", "before")
            prefix = await ann.join("m/*")
            await ann.publish("m/new", "one")
            await ann.publish("other", "x")
            await ann.publish("m/old", "two")
            self.assertEqual({(each.room, each.text) for each in await self.take(prefix, 2)}, {("m/new", "one"), ("m/old", "two")})
            self.assertEqual([each.room for each in await ann.rooms("m/")], ["m/new", "m/old"])

    async def test_requests_and_answers(self):
        broker = self.broker(config=FAST)

        async def handle(asked):
            if asked.text == "bad":
                raise ValueError("no such sum")
            return str(sum(map(int, asked.text.split("+"))))

        async with self.connect(broker, nick="ann") as ann, self.connect(broker, nick="bob") as bob, self.connect(broker, nick="eve") as eve:
            serving = [asyncio.ensure_future(each) for each in (
                bob.serve(handle), bob.serve(handle, room="sums"), eve.serve(handle, room="sums"),
                bob.serve(handle, room="shared", group="g"), eve.serve(handle, room="shared", group="g"))]
            await bob.join("sums", presence=False)
            await eve.join("sums", presence=False)
            answers = await asyncio.gather(*(ann.request(f"{n}+{n}", to="bob") for n in range(50)))
            self.assertEqual([(each.sender, each.text) for each in answers], [("bob", str(2 * n)) for n in range(50)])
            self.assertEqual({each.sender for each in await self.take(ann.answers("1+2", room="sums", timeout=DEADLINE), 2)}, {"bob", "eve"})
            answers = await asyncio.gather(*(ann.request(f"{n}+1", room="shared") for n in range(50)))
            self.assertEqual([each.text for each in answers], [str(n + 1) for n in range(50)])
            self.assertEqual([each.text async for each in ann.answers("5+5", room="shared", timeout=0.3)], ["10"])
            for call, code in ((ann.request("bad", to="bob"), "failed"), (ann.request("x", to="nobody"), "no-such-user"),
                               (ann.request("x", to="ann", timeout=0.1), "timed-out"), (ann.request("x", room="silent", timeout=0.1), "timed-out"),
                               (ann.request("x"), "bad-argument")):
                with self.assertRaises(zrelay.ZrelayError) as caught:
                    await call
                self.assertEqual(caught.exception.code, code)
            for each in serving:
                each.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            with self.assertRaises(zrelay.ZrelayError):
                await ann.request("1+1", to="bob", timeout=0.1)

    async def test_presence_direct_messages_and_another_nick(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker, nick="ann") as ann, self.connect(broker, nick="bob", meta={"mood": "good"}) as bob:
            presence = await ann.presence("lobby")
            self.assertEqual((list(presence.users), presence.count), (["ann"], 1))
            changes, directs = presence.changes(), bob.directs()
            await bob.join("lobby")
            await self.until(lambda: "bob" in presence.users, "bob to be there")
            self.assertEqual(presence.users["bob"].meta, {"mood": "good"})
            await ann.direct("bob", "psst")
            self.assertEqual([(each.sender, each.text) for each in await self.take(directs, 1)], [("ann", "psst")])
            await bob.rename("rob")
            await self.until(lambda: set(presence.users) == {"ann", "rob"}, "the other nick")
            came, renamed = await self.take(changes, 2)
            self.assertEqual(([user.nick for user in came.joined], [(user.nick, user.reason, user.to) for user in renamed.left]),
                             (["bob"], [("bob", "renamed", "rob")]))
            self.assertEqual([user.nick for user in (await ann.who("lobby")).users], ["ann", "rob"])
            for call, code in ((bob.rename("ann"), "nick-in-use"), (ann.direct("nobody", "x"), "no-such-user")):
                with self.assertRaises(zrelay.ZrelayError) as caught:
                    await call
                self.assertEqual(caught.exception.code, code)
            await bob.show({"mood": "better"})
            await self.until(lambda: presence.users["rob"].meta == {"mood": "better"}, "what it shows")

    async def test_state_is_shared_and_changed_by_compare_and_set(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann, self.connect(broker) as bob:
            boards = [await each.state("board") for each in (ann, bob)]
            changes = boards[1].changes()
            count = [board.update("count", lambda message: str(int(message.text) + 1 if message else 1)) for board in boards for _ in range(5)]
            await asyncio.gather(*count)
            await self.until(lambda: all(board["count"].text == "10" for board in boards), "all counts")
            self.assertEqual([each.message.text for each in await self.take(changes, 10)], [str(number) for number in range(1, 11)])
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await boards[0].put("count", "0", expect=1)
            self.assertEqual((caught.exception.code, caught.exception.seq), ("conflict", 10))
            await boards[0].remove("count")
            await self.until(lambda: "count" not in boards[1], "the deletion")
            await boards[0].put("here", "yes", ttl=60000)
            await self.until(lambda: "here" in boards[1] and boards[1]["here"].ttl == 60000, "a value that lasts for a time")
            await boards[0].put("here", "still", ttl=1)
            await self.until(lambda: "here" not in boards[1], "the end of its time")
            with self.assertRaises(zrelay.ZrelayError):
                await ann.publish("board", "no key", ttl=1)
            self.assertIsNone(await boards[0].update("count", lambda message: None))
            self.assertEqual((dict(boards[0]), await ann.snapshot("board")), ({}, {}))

    async def test_a_client_that_is_let_in_no_more_says_why(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker, nick="ann") as ann:
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await self.connect(broker, nick="ann")
            self.assertEqual(caught.exception.code, "nick-in-use")
            closed = self.connect(broker)
            room = (await closed).join("lobby")
            await closed.close()
            self.assertEqual(await self.take_all(room), [])
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await closed.publish("lobby", "x")
            self.assertEqual((caught.exception.code, ann.status), ("closed", "online"))

    async def take_all(self, room):
        return [each async for each in room]

    async def test_connect_gives_up_and_says_why(self):
        broker = self.broker(config=FAST)
        server = broker.server
        broker.end()
        with self.assertRaisesRegex(zrelay.ZrelayError, "no broker at .* answered within 0.3 s"):
            await zrelay.connect(server, timeout=0.3)

    async def test_an_encrypted_broker_takes_keys_and_no_others(self):
        secret, key = self.server_key()
        subprocess.run([ZRELAY, "keygen", self.path("ann")], env=self.environment, check=True, capture_output=True)
        public = re.search(r'public-key = "([^"]*)"', pathlib.Path(self.path("ann")).read_text(encoding="utf-8"))[1]
        users = self.users(user("ann", f'    key = "{public}"\n'))
        broker = self.broker("--users", users, "--server-key", secret, config=FAST + "auth\n    encrypt = all\n")
        os.environ.update(ZRELAY_SERVER=broker.server, ZRELAY_SERVER_KEY=key.decode(), ZRELAY_CERTIFICATE=self.path("ann"))
        async with zrelay.connect(timeout=DEADLINE) as ann:
            self.assertEqual((ann.user, ann.nick), ("ann", "ann"))
            room = await ann.join("lobby")
            await ann.publish("lobby", "secret")
            self.assertEqual(await self.texts(room, 1), ["secret"])
        del os.environ["ZRELAY_CERTIFICATE"]
        with self.assertRaisesRegex(zrelay.ZrelayError, "does not let in this client's key"):
            await zrelay.connect(timeout=2)
        with self.assertRaisesRegex(zrelay.ZrelayError, "the broker's key is another"):
            await zrelay.connect(server_key="x" * 40, timeout=2)

    async def test_a_token_logs_in_and_a_right_that_is_taken_ends_the_loop(self):
        hashed = subprocess.run([ZRELAYD, "--hash-token"], input=b"a long token", capture_output=True, check=True).stdout.decode().strip()
        ann = user("ann", f'    token = "{hashed}"\n')
        root = user("root", f'    token = "{hashed}"\n    allow = "admin : *"\n')
        broker = self.broker("--users", self.users(ann + root), config=FAST + "auth\n    tokens = 1\n")
        with self.assertRaises(zrelay.ZrelayError) as caught:
            await self.connect(broker, user="ann", token="another")
        self.assertEqual(caught.exception.code, "login-failed")
        async with self.connect(broker, user="ann", token=lambda: "a long token") as relay:
            plans, prefix = await relay.join("plans"), await relay.join("p*")
            await relay.publish("plans", "one")  # the room is private: its messages come over the DEALER
            self.assertEqual([await self.texts(plans, 1), await self.texts(prefix, 1)], [["one"], ["one"]])
            self.users(ann + '    deny = "read : plans"\n' + root)
            os.environ["ZRELAY_TOKEN"] = "a long token"
            await asyncio.to_thread(subprocess.run, [ZRELAY, "--server", broker.server, "--user", "root", "admin", "reload"], check=True,
                                    capture_output=True)  # beside the loop: the session goes on
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await self.texts(plans, 1)
            self.assertEqual(caught.exception.code, "revoked")
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await relay.join("plans")
            self.assertEqual(caught.exception.code, "forbidden")
            await relay.publish("pens", "two")
            self.assertEqual(await self.texts(prefix, 1), ["two"])


    async def test_what_the_broker_counts(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker, nick="ann") as relay:
            for number in range(3):
                await relay.publish(f"room{number}", "x" * (number + 1))
            self.assertEqual({row["name"]: row["value"] for row in await relay.stats() if "value" in row}["zrelay_sessions"], 1)
            self.assertEqual([row["room"] for row in await relay.stats("rooms")], ["room0", "room1", "room2"])
            self.assertEqual([row["room"] for row in await relay.stats("rooms", by="bytes", limit=1)], ["room2"])
            self.assertEqual([row["nick"] for row in await relay.stats("sessions", prefix="a")], ["ann"])
            with self.assertRaises(zrelay.ZrelayError) as caught:
                await relay.stats("nonsense")
            self.assertEqual(caught.exception.code, "bad-member")


class Groups(PythonCase):
    async def test_workers_share_a_room_and_each_message_is_done_once(self):
        broker = self.broker(config=FAST)
        done = []

        async def handle(job):
            done.append(int(job.text))
        async with self.connect(broker) as ann, self.connect(broker) as bob:
            await asyncio.gather(*[ann.publish("mails", str(number)) for number in range(500)])
            tasks = [asyncio.create_task(each.process("mails", "senders", handle, concurrency=4)) for each in (ann, bob)]
            await self.until(lambda: len(done) == 500, "all to be done")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.assertEqual(sorted(done), list(range(500)))
            await self.until_async(lambda: self.backlog(ann), "the group to have no backlog")

    async def until_async(self, condition, what):
        for _ in range(int(DEADLINE * 50)):
            if await condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("timed out: " + what)

    async def backlog(self, relay):
        group, = await relay.groups("mails")
        return group["backlog"] == 0 and group["done"] == 500

    async def test_a_job_is_done_retried_rejected_or_extended(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann:
            for text in ("good", "shy", "bad"):
                await ann.publish("mails", text)
            async with ann.work("mails", "senders", credit=3, dead="mails/dead", time=60, backoff=0.05) as jobs:
                self.assertEqual((jobs.group["created"], jobs.group["time"], jobs.group["backoff"]), (True, 60000, 50))
                good, shy, bad = await self.take(jobs, 3)
                self.assertEqual((await good.extend(90), await good.done(), await shy.retry(), await bad.reject()), ("memory",) * 4)
                again, = await self.take(jobs, 1)
                self.assertEqual((again.text, again.deliveries, again.message.room), ("shy", 2, "mails"))
                with self.assertRaises(zrelay.ZrelayError) as caught:
                    await good.done()
                self.assertEqual(caught.exception.code, "bad-argument")
            dead = (await ann.history("mails/dead", last=10)).messages
            self.assertEqual([each.body.partition(b"\n")[2] for each in dead], [b"bad"])
            async with ann.work("mails", "senders") as jobs:
                self.assertFalse(jobs.group["created"])
                left, = await self.take(jobs, 1)
                self.assertEqual(left.text, "shy", "what was not settled at the end of the other")

    async def test_a_handler_that_fails_is_tried_again_and_one_that_is_slow_is_extended(self):
        broker = self.broker(config=FAST)
        seen, log = [], []

        async def handle(job):
            seen.append((job.text, job.deliveries))
            if job.text == "shy" and job.deliveries == 1:
                raise ValueError("busy")
            if job.text == "slow":
                await asyncio.sleep(0.6)
            log.append(job.text)
        async with self.connect(broker) as ann:
            with self.assertLogs("zrelay", "WARNING") as logged:
                task = asyncio.create_task(ann.process("mails", "senders", handle, concurrency=2, time=0.2, backoff=0.01))
                await ann.publish("mails", "slow")
                await ann.publish("mails", "shy")
                await self.until(lambda: len(log) == 2, "both to be done")
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            self.assertEqual(sorted(seen), [("shy", 1), ("shy", 2), ("slow", 1)])
            self.assertIn("ValueError: busy", logged.output[0])

    async def test_workers_go_on_after_the_broker_was_killed_and_nothing_is_lost(self):
        arguments = ("--data", self.path("log"))
        broker = self.broker(*arguments, config=FAST)
        done = []

        async def handle(job):
            await asyncio.sleep(0.001)
            done.append(int(job.text))
        async with self.connect(broker) as ann, self.connect(broker) as bob:
            await asyncio.gather(*[ann.publish("mails", str(number)) for number in range(1000)])
            tasks = [asyncio.create_task(each.process("mails", "senders", handle, concurrency=20)) for each in (ann, bob)]
            for count in (100, 500):
                await self.until(lambda: len(done) > count, "some to be done")
                broker = self.restart(broker, *arguments, config=FAST)
            await self.until(lambda: len(set(done)) == 1000, lambda: "all to be done")
            for task in tasks:
                self.assertFalse(task.done())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def test_a_group_that_is_deleted_ends_its_workers_with_the_reason(self):
        broker = self.broker(config=FAST)
        async with self.connect(broker) as ann:
            async with ann.work("mails", "senders") as jobs:
                await ann.group("mails", "senders", "delete")
                with self.assertRaises(zrelay.ZrelayError) as caught:
                    await self.take(jobs, 1)
                self.assertEqual(caught.exception.code, "dismissed")
            with self.assertRaises(zrelay.ZrelayError) as caught:
                async with ann.work("mails", "senders", make=False):
                    pass
            self.assertEqual(caught.exception.code, "no-group")


class Examples(PythonCase):
    def start(self, broker, name, *arguments):
        self.assertLess(len((CLIENT / "examples" / name).read_text(encoding="utf-8").splitlines()), 40)
        environment = {**self.environment, "ZRELAY_SERVER": broker.server, "PYTHONPATH": str(CLIENT), "PYTHONUNBUFFERED": "1"}
        program = Program([sys.executable, "-X", "dev", "-W", "error", CLIENT / "examples" / name, *arguments], env=environment)
        self.addCleanup(program.end)
        return program

    def test_a_chat(self):
        broker = self.broker(config=FAST)
        ann = self.start(broker, "chat.py", "lobby", "ann")
        ann.wait_out(r"^\* here: ann$")
        bob = self.start(broker, "chat.py", "lobby", "bob")
        ann.wait_out(r"^\* bob is here$")
        bob.write(b"hello \x1b[31m\n")
        ann.wait_out(r"^bob: hello \\x1b\[31m$")
        ann.write(b"hi bob\n")
        bob.wait_out("^ann: hi bob$")
        bob.close_stdin()
        self.assertEqual((bob.finish(), bob.errors()), (0, ""))
        ann.wait_out(r"^\* bob left$")

    async def test_a_greeter_answers_each_client_by_its_nick(self):
        broker = self.broker(config=FAST)
        greeter = self.start(broker, "greeter.py")
        async with self.connect(broker, nick="ann") as ann, self.connect(broker, nick="bob") as bob:
            directs = {name: each.directs() for name, each in (("ann", ann), ("bob", bob))}
            await asyncio.to_thread(greeter.wait_out, "waiting")
            await self.until_joined(ann, "greeter")
            await ann.publish("lobby", "good morning")
            await bob.publish("lobby", "ahoy")
            for name, said in (("ann", "good morning"), ("bob", "ahoy")):
                self.assertEqual((await self.take(directs[name], 1))[0][:2], ("greeter", f"Hello, {name}! You said {said!r}."))

    async def until_joined(self, relay, nick):
        presence = await relay.presence("lobby")
        await self.until(lambda: nick in presence.users, f"{nick} to be there")

    def test_an_echo(self):
        broker = self.broker(config=FAST)
        self.start(broker, "echo.py", "serve").wait_out("serving")
        asking = self.start(broker, "echo.py", "grüß dich")
        self.assertEqual((asking.finish(), asking.text(), asking.errors()), (0, "grüß dich\n", ""))

    def test_a_stream_processed_in_parallel(self):
        broker = self.broker(config=FAST)
        workers = [self.start(broker, "parallel.py", "work") for _ in range(2)]
        for worker in workers:
            worker.wait_out("working")
        self.assertEqual(self.start(broker, "parallel.py", "send", "100").finish(), 0)

        def sent():
            return {line for worker in workers for line in re.findall(r"^sent (mail \d+) at", worker.text(), re.M)}
        wait_for(lambda: len(sent()) == 100, "all mails to be sent")
        for worker in workers:
            worker.signal(signal.SIGINT)
            self.assertEqual(worker.finish(), 0, worker.errors())
            worker.wait_out("^stopped$")

    def test_shared_live_data(self):
        broker = self.broker(config=FAST)
        programs = [self.start(broker, "shared.py") for _ in range(2)]
        for program in programs:
            program.wait_out("^ready$")
        for program in programs:
            program.write(b"apples\n" * 5)
        for program in programs:
            program.wait_out("^apples = 10$")
            program.close_stdin()
            self.assertEqual((program.finish(), program.errors()), (0, ""))


class Readme(PythonCase):
    def test_the_first_program_of_each_readme_works(self):
        for readme, nick in ((CLIENT / "README.md", "ann"), (ROOT / "README.md", "pam")):
            with self.subTest(readme):
                self.works(re.search(r"^```python\n(import asyncio, zrelay\n\n.*?)^```$", readme.read_text(encoding="utf-8"), re.M | re.S)[1], nick)

    def test_the_worker_of_the_readme_works(self):
        code, = re.findall(r"^```python\n(import asyncio[^`]*?relay\.process.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
        broker = self.broker(config=FAST)
        program = self.runs(broker, code)
        peer = Peer(broker.server, "bob")
        self.addCleanup(peer.close)
        peer.send(publish_frame("mails", (1, b"13")))
        program.wait_out("^sent 13$")

    def runs(self, broker, code):
        program = Program([sys.executable, "-X", "dev", "-W", "error", self.file("first.py", code)],
                          env={**self.environment, "ZRELAY_SERVER": broker.server, "PYTHONPATH": str(CLIENT), "PYTHONUNBUFFERED": "1"})
        self.addCleanup(program.end)
        return program

    def works(self, code, nick):
        broker = self.broker(config=FAST)
        self.assertLessEqual(len(code.splitlines()), 10)
        program = self.runs(broker, code)
        program.wait_out(f"^{nick} hello from Python$")
        peer = Peer(broker.server, "bob")
        self.addCleanup(peer.close)
        peer.send(publish_frame("lobby", (1, b"hello ann")))
        program.wait_out("^bob hello ann$")


if __name__ == "__main__":
    unittest.main()
