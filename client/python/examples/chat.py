"""A broadcast chat: chat.py ROOM NICK. What you type goes to everybody in the room, and what others type comes here."""
import asyncio
import sys

import zrelay


async def read_stdin():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


async def show(room):
    async for message in room:
        if message.sender != nick:
            print(f"{message.sender}: {zrelay.printable(message.text)}")


async def greet(room):
    async for change in room.presence.changes():
        for user, what in [(user, "is here") for user in change.joined] + [(user, "left") for user in change.left]:
            print(f"* {user.nick} {what}")


async def main():
    async with zrelay.connect(nick=nick) as relay:
        room = await relay.join(name, last=10)
        print("* here:", *room.presence.users)
        tasks = [asyncio.create_task(show(room)), asyncio.create_task(greet(room))]
        async for line in await read_stdin():
            await room.publish(line.rstrip(b"\n"))
        for task in tasks:
            task.cancel()


name, nick = sys.argv[1:]
asyncio.run(main())
