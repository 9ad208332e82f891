"""A client of the cluster's test: client.py publisher|counter|reader NAME SERVERS. It writes its log to stdout, a JSON object per line.

A publisher and a counter end at SIGTERM, once all is answered; a reader ends at SIGTERM at once."""
import asyncio
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/python"))
import zrelay  # noqa: E402

ROOM, KEY, PACE = "room", "counter", 0.02


def log(event, **members):
    print(json.dumps({"event": event, **{name: value for name, value in members.items() if value is not None}}), flush=True)


async def publish(relay, name, stop):
    """Several are under way at once, as the next one does not wait for the ack."""
    async def answered(body, future):
        log("acked", id=body, seq=(await future).seq)
    number, tasks = 0, set()
    while not stop.is_set():
        number += 1
        body = f"{name}-{number}"
        log("sent", id=body)
        tasks.add(asyncio.create_task(answered(body, relay.publish(ROOM, body))))
        await asyncio.sleep(PACE)
        tasks = {task for task in tasks if not task.done() or task.result()}
    await asyncio.gather(*tasks)


async def count(relay, name, stop):
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


async def read(relay, _name, stop):
    room = relay.join(ROOM, after=0, presence=False)

    async def follow():
        async for item in room.items():
            if isinstance(item, zrelay.Message):
                log("read", seq=item.seq, id=item.text, epoch=relay.epoch)
            else:
                log("lost", what=str(item))
    reading = asyncio.create_task(follow())
    await stop.wait()
    reading.cancel()


async def main(kind, name, servers):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with zrelay.connect(servers, nick=name, timeout=60) as relay:
        await {"publisher": publish, "counter": count, "reader": read}[kind](relay, name, stop)


asyncio.run(main(*sys.argv[1:]))
