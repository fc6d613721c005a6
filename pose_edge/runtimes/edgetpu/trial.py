"""What came of a first inference on the Edge TPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of loading library and model in a child process, and running it.

    Attributes:
        version: What the library says of itself; None when it did not get that far.
        inference_ms: Time of one inference, after the first, which is slow; None when there was
            none.
        fault: What went wrong, in words for people; None when nothing did.
        crashed: The process died of a signal, as it does when library and runtime do not match.
    """

    version: str | None = None
    inference_ms: float | None = None
    fault: str | None = None
    crashed: bool = False
