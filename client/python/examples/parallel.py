"""A stream processed in parallel: `parallel.py work` takes mails of the room `mails`, ten at a time; start it several times, and they share the
mails. `parallel.py send COUNT` publishes some. A mail whose worker fails or dies goes to another one, and is never lost."""
import asyncio
import random
import sys

import zrelay


async def send_mail(job):
    await asyncio.sleep(random.random() / 10)  # stands for the work
    if random.random() < 0.1:
        raise OSError("the mail server is busy")  # so it is tried again, later
    print("sent", job.text, "at attempt", job.deliveries, flush=True)


async def work():
    async with zrelay.connect() as relay:
        print("working", flush=True)
        await relay.process("mails", "senders", send_mail, concurrency=10, dead="mails/dead", backoff=0.1)


async def send(count):
    async with zrelay.connect() as relay:
        await asyncio.gather(*[relay.publish("mails", f"mail {number}") for number in range(count)])


try:
    asyncio.run(work() if sys.argv[1] == "work" else send(int(sys.argv[2])))
except KeyboardInterrupt:
    print("stopped")
