"""Print the number of people, from the pose lines that `pose-edge run --websocket` serves.

    pose-edge run --websocket 8090
    python examples/receive_websocket.py ws://127.0.0.1:8090/poses

Needs `pip install aiohttp`. It waits for the server to start, and reconnects after a restart.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

RETRY_S = 1.0
"""Delay before a new attempt to connect, seconds."""


async def follow(session: aiohttp.ClientSession, address: str) -> None:
    """Print the number of people whenever it changes, until the connection is closed."""
    before = None
    async with session.ws_connect(address) as lines:
        async for message in lines:
            people = len(json.loads(message.data)["poses"])
            if people != before:
                print(f"people: {people}", flush=True)
            before = people


async def main() -> None:
    """Connect to the server again and again."""
    print("listening", flush=True)
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                await follow(session, sys.argv[1])
            except aiohttp.ClientError as error:
                print(f"waiting: {error}", flush=True)
            await asyncio.sleep(RETRY_S)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
