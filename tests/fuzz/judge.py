"""Checks that every program run must pass, whatever its input."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
from fuzz.case import Case
from fuzz.trial import Trial

MEMORY_MB = 1500.0
"""Highest memory use allowed, in MB; usually the program uses a third of it."""

WORDS = (
    *("Traceback (most recent call last)", "internal error", "please report", "Fatal Python error"),
    *("Segmentation fault", "Exception ignored in", "terminate called"),
)
WORDY = 100_000
"""Highest number of characters that a run of a few seconds may write."""

SHARED_MEMORY = Path("/dev/shm")


def shared_memory() -> set[str]:
    """Return the names of shared memory objects of Python programs in general and of pose_edge."""
    begins = ("psm_", "sem.", "pose")
    return {path.name for path in SHARED_MEMORY.iterdir() if path.name.startswith(begins)}


def abandoned(names: set[str]) -> set[str]:
    """Return the names of existing shared memory objects that no running process has mapped."""
    held = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            held |= {name for name in names if name in (process / "maps").read_text()}
    return {name for name in names - held if (SHARED_MEMORY / name).exists()}


def judge(case: Case, trial: Trial, hung: str | None) -> Iterator[str]:
    """Yield the problems of a program that has ended, one line each.

    Args:
        case: The case.
        trial: The program, which has ended.
        hung: What the threads were doing if the program had to be killed, else None.
    """
    assert trial.end is not None
    status = trial.end.status
    if hung is not None:
        yield f"does not end ({hung})"
    elif status < 0 and -status not in case.sent_signals:
        yield f"ended by {signal.Signals(-status).name}"
    elif status >= 0 and status not in case.statuses:
        yield f"exit status {status}, not one of {case.statuses}"
    said = trial.log() + (trial.folder / "stdout").read_text("utf-8", errors="replace")
    if signal.SIGINT not in case.sent_signals:  # Python itself may write a traceback then
        yield from (f"says {word!r}" for word in WORDS if word in said)
    if len(said) > WORDY:
        yield f"says {len(said)} characters"
    if "\x1b" in said:
        yield "writes escape sequences"
    if trial.end.memory_mb > MEMORY_MB:
        yield f"needs {trial.end.memory_mb:.0f} MB of memory"
    if status == 0 and "left out" in said:
        yield "status 0 though something was left out"
    if left := trial.left_behind():
        yield f"leaves {len(left)} processes"
    if hung is None and status >= 0:
        yield from leftovers(trial.folder)
        yield from lost_lines(case, trial)


def leftovers(folder: Path) -> Iterator[str]:
    """Yield a complaint for each temporary file that a regular exit would have removed."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = path.name.startswith(".") and not path.name.startswith("._")
        if inside.parts[0] == "inputs":
            continue
        if hidden or path.name.endswith((".part", ".tmp")) or inside.parent.name == "tmp":
            yield f"leaves {str(inside)!r}"


def lost_lines(case: Case, trial: Trial) -> Iterator[str]:
    """Yield complaints about pose files and videos that lack frames reported in the log."""
    if not case.poses:
        return
    lines = 0
    for path in sorted(trial.folder.glob(case.poses)):
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            yield f"half a line in {path.name}"
        for line in text.splitlines():
            try:
                json.loads(line, parse_constant=_refuse)
            except ValueError as error:
                yield f"a line of {path.name} is no JSON: {error}"
                return
        lines += text.count("\n")
    said = re.findall(r"INFO +(\d+) frames?(?: in |, )", trial.log())
    assert trial.end is not None
    if trial.end.status != 0 or not said:
        return
    if lines != int(said[-1]):
        yield f"{lines} lines of {said[-1]} frames, with status 0"
    if case.video:
        pictures = sum(count_frames(path) for path in trial.folder.glob(case.video))
        if pictures != int(said[-1]):
            yield f"{pictures} recorded of {said[-1]} frames, with status 0"


def count_frames(path: Path) -> int:
    """Return the number of frames of a video, or 0 if it cannot be read."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError):
        return 0


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} in it")
