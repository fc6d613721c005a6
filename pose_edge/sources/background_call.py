"""Calls of a library that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Outcome = TypeVar("Outcome")


class BackgroundCall(Generic[Outcome]):
    """A call made in a thread of its own, so that whoever waits for it can give up.

    The thread cannot be ended: a call that hangs goes on hanging, and what it holds stays held.
    The thread does not keep the process from ending.
    """

    def __init__(self, name: str, call: Callable[[], Outcome]) -> None:
        """Start the call at once.

        Args:
            name: Of the thread, for debuggers.
            call: What is done.
        """
        self._future: Future[Outcome] = Future()
        self._call = call
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether the call has returned or raised."""
        return self._future.done()

    def wait(self, limit: float) -> Outcome:
        """Wait for the call's end.

        Args:
            limit: Seconds; 0 to look only.

        Returns:
            What the call returned.

        Raises:
            TimeoutError: It has not ended (`ended` tells this from a call that raised the same).
            Exception: What the call raised.
        """
        return self._future.result(limit)

    def _run(self) -> None:
        try:
            outcome = self._call()
        except Exception as error:  # noqa: BLE001 - raised again by `wait`
            self._future.set_exception(error)
        else:
            self._future.set_result(outcome)
