"""The main coroutine of the server's thread: opens the listeners, and samples the history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from pose_edge.web.history import INTERVAL_S
from pose_edge.web.listener import Listener

TICK_S: Final = 1.0
RETRY_S: Final = 3.0
"""Interval between two attempts to listen where that has failed, seconds."""


async def serve(
    listeners: Sequence[Listener],
    ended: asyncio.Event,
    *,
    tick: Callable[[Sequence[Listener]], None],
    sample: Callable[[], None] | None,
) -> None:
    """Serve until `ended` is set.

    Args:
        listeners: The servers to open.
        ended: Event that ends serving and closes all connections.
        tick: Called every `TICK_S` seconds with the listeners.
        sample: Called every `INTERVAL_S` seconds; None if there is no page to show the history.
    """
    opened_s = sampled_s = float("-inf")
    try:
        while not ended.is_set():
            now = time.monotonic()
            if now - opened_s >= RETRY_S:
                opened_s = now
                for listener in listeners:
                    if not listener.works:
                        await listener.open()
            if sample is not None and now - sampled_s >= INTERVAL_S:
                sampled_s = now
                sample()
            tick(listeners)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await ended.wait()
    finally:
        await asyncio.gather(*(listener.close() for listener in listeners))
