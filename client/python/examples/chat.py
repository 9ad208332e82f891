"""A broadcast chat: chat.py ROOM NICK. What you type goes to everybody in the room, and what others type comes here."""
import asyncio
import sys

import zrelay


async def show(room):
    async for message in room:
        if message.sender != nick:
            print(f"{message.sender}: {zrelay.printable(message.text)}")


async def greet(room):
    async for change in room.presence.changes():
        for user in change.joined:
            print(f"* {user.nick} is here")
        for user in change.left:
            print(f"* {user.nick} left")


async def main():
    async with zrelay.connect(nick=nick) as relay:
        room = await relay.join(name, last=10)
        print("* here:", *room.presence.users)
        tasks = [asyncio.create_task(show(room)), asyncio.create_task(greet(room))]
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await room.publish(line.rstrip("\n"))
        for task in tasks:
            task.cancel()


name, nick = sys.argv[1:]
asyncio.run(main())
