"""An echo: `echo.py serve` sends each direct message back to its sender; `echo.py TEXT` asks it once, and prints the answer."""
import asyncio
import sys

import zrelay


async def serve():
    async with zrelay.connect(nick="echo") as relay:
        print("serving", flush=True)
        async for message in relay.directs():
            try:
                await relay.direct(message.sender, message.text)
            except zrelay.ZrelayError as error:
                print(error, file=sys.stderr)  # the client is gone


async def ask(text):
    async with zrelay.connect() as relay:
        answers = relay.directs()
        await relay.direct("echo", text)
        async for answer in answers:
            print(zrelay.printable(answer.text))
            break


asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[1]))
