"""A client of the cluster's test: client.py publisher|counter|reader|worker NAME SERVERS. It writes its log to stdout, a JSON object per line.

A publisher and a counter end at SIGTERM, once all is answered; a reader and a worker end at SIGTERM at once."""
import asyncio
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/python"))
import zrelay  # noqa: E402

ROOM, KEY, GROUP, DEAD, PACE = "room", "counter", "workers", "dead", 0.04
CREDIT, REJECTED = 5, 20  # messages that a worker holds; it rejects every 20th


class Log:
    """Each event with the time, and the epoch that the client knows."""

    def __init__(self, relay):
        self.relay = relay
        relay.on("epoch", lambda _change: self("epoch"))
        self("epoch")

    def __call__(self, event, **members):
        members.update(at=time.time(), epoch=self.relay.epoch)
        print(json.dumps({"event": event, **{name: value for name, value in members.items() if value is not None}}), flush=True)


async def publish(relay, name, stop, log):
    """Several are under way at once, as the next one does not wait for the ack."""
    async def answered(body, future):
        try:
            log("acked", id=body, seq=(await future).seq)
        except zrelay.ZrelayError as error:
            log("refused", id=body, code=error.code)
    number, tasks = 0, set()
    while not stop.is_set():
        number += 1
        body = f"{name}-{number}"
        log("sent", id=body)
        tasks.add(asyncio.create_task(answered(body, relay.publish(ROOM, body))))
        await asyncio.sleep(PACE)
        tasks = {task for task in tasks if not task.done() or task.result()}
    await asyncio.gather(*tasks)


async def count(relay, name, stop, log):
    state, number = await (await relay.join(ROOM, presence=False)).state(), 0
    while not stop.is_set():
        value = state.get(KEY)
        number += 1
        body, expect = f"{name}-{number}", value.seq if value else 0
        log("sent", id=body, expect=expect)
        try:
            log("acked", id=body, seq=(await state.put(KEY, body, expect=expect)).seq)
        except zrelay.ZrelayError as error:
            log("refused", id=body, code=error.code)
        await asyncio.sleep(PACE)


async def read(relay, _name, stop, log):
    room = relay.join(ROOM, after=0, presence=False)

    async def follow():
        async for item in room.items():
            if isinstance(item, zrelay.Message):
                log("read", seq=item.seq, id=item.text)
            else:
                log("lost", what=str(item))
    reading = asyncio.create_task(follow())
    await stop.wait()
    reading.cancel()


async def work(relay, _name, stop, log):
    async def handle(job):
        log("handed", id=job.text, seq=job.message.seq)
        await asyncio.sleep(random.uniform(0, PACE))
        rejects = job.message.seq % REJECTED == 0
        log("settled", id=job.text)
        try:
            await (job.reject("every 20th") if rejects else job.done())
            log("rejected" if rejects else "done", id=job.text)
        except zrelay.ZrelayError as error:
            log("left", id=job.text, code=error.code)
    async def take():
        async for job in relay.work(ROOM, GROUP, credit=CREDIT, deliveries=1000, backoff=0.1, dead=DEAD):
            tasks.add(asyncio.create_task(handle(job)))
            for task in [task for task in tasks if task.done()]:
                tasks.remove(task)
    tasks = set()
    working = asyncio.create_task(take())
    await stop.wait()
    working.cancel()
    await asyncio.gather(*tasks)


async def main(kind, name, servers):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with zrelay.connect(servers, nick=name, timeout=60) as relay:
        await {"publisher": publish, "counter": count, "reader": read, "worker": work}[kind](relay, name, stop, Log(relay))


asyncio.run(main(*sys.argv[1:]))
