#!/usr/bin/env python3
"""The Python client as the conformance kit wants it: `lines.py sub SERVER ROOM` prints a line for each message, `lines.py pub SERVER ROOM`
publishes each line of stdin."""
import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "client/python"))
import zrelay  # noqa: E402


async def read(relay, room):
    relay.on("epoch", lambda _: print("lost: another epoch", flush=True))
    async for item in relay.join(room, presence=False).items():
        if isinstance(item, zrelay.Message):
            print(item.text, flush=True)
        elif isinstance(item, zrelay.Lost):
            print(f"lost after {item.after}: {item.reason}", flush=True)
        else:
            raise zrelay.ZrelayError(item.reason, f"left {item.room}: {item.text}")


async def publish(relay, room):
    loop, stdin = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    acks = []
    async for line in stdin:
        acks.append(relay.publish(room, line.rstrip(b"\n")))
        acks[-1].add_done_callback(lambda ack: ack.exception())  # judged at the end
    refusals = [ack for ack in await asyncio.gather(*acks, return_exceptions=True) if isinstance(ack, Exception)]
    for refusal in refusals:
        print(f"pub: {refusal}", file=sys.stderr)
    if refusals:
        raise refusals[0]


async def main(command, server, room):
    async with zrelay.connect(server, timeout=0) as relay:
        ended = asyncio.get_running_loop().create_future()
        relay.on("closed", lambda error: ended.done() or ended.set_exception(error))
        work = asyncio.ensure_future((read if command == "sub" else publish)(relay, room))
        await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not work.done():
            work.cancel()
            await ended
        ended.cancel()
        await work


try:
    asyncio.run(main(*sys.argv[1:]))
except zrelay.ZrelayError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
