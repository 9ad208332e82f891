"""An echo: `echo.py serve` answers each request with its own text; `echo.py TEXT` asks it, and prints the answer."""
import asyncio
import sys

import zrelay


async def serve():
    async with zrelay.connect(nick="echo") as relay:
        print("serving", flush=True)
        await relay.serve(lambda asked: asked.text)


async def ask(text):
    async with zrelay.connect() as relay:
        answer = await relay.request(text, to="echo")
        print(zrelay.printable(answer.text))


asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[1]))
