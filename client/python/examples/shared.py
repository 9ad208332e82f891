"""Shared live data: shared.py. Every program that runs this sees the same counters at the same time, and may count: type a name and Enter."""
import asyncio
import sys

import zrelay


async def read_stdin():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


async def show(board):
    async for change in board.changes():
        print(f"{change.key} = {change.message.text if change.message else 'deleted'}", flush=True)


def one_more(message):
    return str(int(message.text) + 1 if message else 1)


async def main():
    async with zrelay.connect() as relay:
        board = await relay.state("counters")
        for key, message in board.items():
            print(f"{key} = {message.text}")
        task = asyncio.create_task(show(board))
        print("ready", flush=True)
        async for line in await read_stdin():
            await board.update(line.decode().strip() or "all", one_more)  # compare-and-set: no count is lost
        task.cancel()


asyncio.run(main())
