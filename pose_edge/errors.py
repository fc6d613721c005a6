"""The errors that a user can fix, each with the exit status it leads to."""

from __future__ import annotations

from typing import ClassVar


class PoseEdgeError(Exception):
    """A fault that one or two lines can explain.

    `str` of the error is the message, followed by the remedy where there is one. The command line
    prints it without a traceback and ends with `exit_status`.

    Attributes:
        message: What is wrong, and where.
        remedy: What to do about it, or None.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        """Keep the message and the remedy apart, for reports that show them apart."""
        super().__init__(message if remedy is None else f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


class UsageError(PoseEdgeError):
    """The command line asks for something that does not make sense."""

    exit_status = 2


class ConfigError(PoseEdgeError):
    """The configuration is wrong: every fault that was found, one per line."""

    exit_status = 2

    def __init__(self, faults: list[str]) -> None:
        """Keep the faults, each one a complete line."""
        super().__init__("\n".join(faults))
        self.faults = faults


class UnavailableError(PoseEdgeError):
    """An input, model or device that was asked for cannot be had."""

    exit_status = 3


class ModelError(UnavailableError):
    """A model file is missing, damaged, or not one that this program can read."""


class SourceError(UnavailableError):
    """A camera, stream, video or picture cannot be opened."""


class SourceLost(SourceError):  # noqa: N818 - an event of the device, named as in the design
    """A source that worked has gone away; opening it again may help."""


class EndOfStream(Exception):  # noqa: N818 - not a fault: a file has simply been read to its end
    """A source has no more frames and never will."""


class DisplayError(UnavailableError):
    """A screen or window cannot be opened."""


class OutputError(PoseEdgeError):
    """A recording or pose file cannot be written."""
