"""A greeter: greeter.py. It answers each client that says something in the room `lobby`, by a message to that client alone."""
import asyncio

import zrelay


async def main():
    async with zrelay.connect(nick="greeter") as relay:
        print("waiting for clients", flush=True)
        async for message in await relay.join("lobby"):
            try:
                await relay.direct(message.sender, f"Hello, {message.sender}! You said {message.text!r}.")
                print("greeted", message.sender, flush=True)
            except zrelay.ZrelayError as error:
                print("not greeted:", error, flush=True)  # such as no-such-user: it left meanwhile


asyncio.run(main())
