"""The errors that a user can act on, each with its exit status."""

from __future__ import annotations

from typing import ClassVar, Final

LINE_ENDS: Final = {ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}
"""Escapes of the characters of a file name that would tear a message apart."""


class PoseEdgeError(Exception):
    """Base class of errors that one or two lines can explain.

    `str` of the error is the message, followed by the remedy if there is one. The command line
    prints it without a traceback and exits with `exit_status`.

    Attributes:
        message: What is wrong, and where.
        remedy: What the user can do about it, or None.
    """

    exit_status: ClassVar[int] = 1
    one_line: ClassVar[bool] = False
    """Whether ends of lines in the message come from the names of files only; they are escaped."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        """Create the error; message and remedy also stay separate, for structured reports."""
        if self.one_line:
            message, remedy = message.translate(LINE_ENDS), remedy and remedy.translate(LINE_ENDS)
        super().__init__(message if remedy is None else f"{message}; {remedy}")
        self.message = message
        self.remedy = remedy


class UsageError(PoseEdgeError):
    """The command line, or the combination of settings, is wrong."""

    exit_status = 2
    one_line = True


class ConfigError(PoseEdgeError):
    """The configuration is wrong; the message has one line for each fault."""

    exit_status = 2

    def __init__(self, faults: list[str]) -> None:
        """Create the error from a list of faults, each one a complete line."""
        self.faults = [fault.translate(LINE_ENDS) for fault in faults]
        super().__init__("\n".join(self.faults))


class UnavailableError(PoseEdgeError):
    """An input, model or device that was asked for is not available."""

    exit_status = 3


class ModelError(UnavailableError):
    """A model file is missing, damaged, or of a kind that this program cannot run."""

    one_line = True


class SourceError(UnavailableError):
    """A camera, stream, video or picture cannot be opened."""

    one_line = True


class SourceLost(SourceError):  # noqa: N818 - an event of the device, named as in the design
    """A source failed after it was opened; opening it again may help."""


class EndOfStream(Exception):  # noqa: N818 - not an error: a file was read to its end
    """A source has no more frames."""


class DisplayError(UnavailableError):
    """A screen or window cannot be opened."""


class OutputError(PoseEdgeError):
    """A recording or pose file cannot be written."""

    one_line = True
