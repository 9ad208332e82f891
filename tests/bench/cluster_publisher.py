"""A client in Python that publishes a message once the one before is acknowledged: cluster_publisher.py SERVERS. It prints the moment of each ack, in
nanoseconds of the monotonic clock."""
import asyncio
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/python"))
import zrelay  # noqa: E402


async def main(servers):
    async with zrelay.connect(servers, timeout=60) as relay:
        while True:
            await relay.publish("bench", "x" * 100)
            print(time.monotonic_ns(), flush=True)


asyncio.run(main(sys.argv[1]))
