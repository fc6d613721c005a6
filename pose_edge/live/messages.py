"""Messages shown in place of a picture: what is missing, and what to check."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pose_edge.pipeline.worker_thread import Lost
from pose_edge.sources.network_errors import REACHING

CHECK_CABLE: Final = "is the camera plugged in?"
CHECK_CAMERA: Final = "is the camera on, and its cable or network connected?"


class Message(NamedTuple):
    """A text in place of a picture.

    Attributes:
        title: A few words.
        lines: The cause, what to check, and what the program does about it.
    """

    title: str
    lines: tuple[str, ...]


def no_picture(source: str, fault: str, lost: Lost | None, *, seen: bool) -> Message:
    """Return the message for a source that is missing.

    Args:
        source: Name of the source.
        fault: What is wrong with it, in one line.
        lost: The last error of the source, and since when it is missing; None without an error.
        seen: Whether there has been a picture before.
    """
    host = _host(source)
    if lost is None:
        title = "No picture" if seen else "Waiting for a camera"
        return Message(title, (_sentence(fault),))
    error = lost.error
    if host and error.remedy in REACHING:
        title = f"Cannot reach {host}"
    elif host:
        title = f"No picture from {host}"
    else:
        title = "The camera is gone" if seen else "Waiting for a camera"
    reason = error.message.removeprefix(f"stream {source}: ")
    check = error.remedy or (CHECK_CAMERA if host else CHECK_CABLE)
    return Message(title, (_sentence(reason), _sentence(check), f"Trying again since {lost.since}"))


def silent_source(source: str, seconds: float) -> Message:
    """Return the message for a live source that is open, but has sent nothing for some seconds."""
    check = CHECK_CAMERA if _host(source) else CHECK_CABLE
    return Message("No picture", (f"Nothing new for {seconds:.0f} s", _sentence(check)))


def no_poses(fault: str) -> Message:
    """Return the message for a model that does not work."""
    return Message("No poses", (_sentence(fault), "Trying again"))


def _host(source: str) -> str:
    """Return the host of a source that is a URL, else an empty text."""
    try:
        return urlsplit(source).hostname or "" if "://" in source else ""
    except ValueError:
        return ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
