"""Run fuzz cases of all kinds one after another, with a report; keep the inputs of failed ones."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from fuzz import files, lives, servers
from fuzz.case import Kind
from fuzz.judge import abandoned, judge, shared_memory
from fuzz.trial import Trial

KINDS: Final[Mapping[str, Kind]] = {
    "configurations": files.configurations,
    "models": files.models,
    "pictures": files.pictures,
    "videos": files.videos,
    "mjpeg": servers.mjpeg,
    "transport_streams": servers.transport_streams,
    "rtsp": servers.rtsp,
    "downloads": servers.downloads,
    "signals": lives.signals,
    "reloads": lives.reloads,
    "disks": lives.disks,
    "closed_streams": lives.closed_streams,
}


@dataclass(frozen=True)
class Outcome:
    """The result of a case.

    Attributes:
        name: "KIND:NUMBER", from which the same case can be created again.
        complaints: The problems found, one line each.
        seconds: Duration of the case.
        command: The command as a shell command line.
        said: The program's standard error.
        folder: Folder with all files of the case.
    """

    name: str
    complaints: Sequence[str]
    seconds: float
    command: str
    said: str
    folder: Path

    def report(self) -> str:
        """Return a full description, as text for people."""
        wrong = "".join(f"  {complaint}\n" for complaint in self.complaints)
        last = "".join(f"  | {line}\n" for line in self.said.splitlines()[-15:])
        text = (
            f"{self.name} ({self.seconds:.1f} s)\n{wrong}  {self.command}\n"
            f"  again: script/test --fuzz --case {self.name}\n  kept in: {self.folder}\n{last}"
        )
        return text.encode(errors="backslashreplace").decode()  # file names may be invalid UTF-8


def run_case(name: str, folder: Path) -> Outcome:
    """Run one case.

    Args:
        name: "KIND:NUMBER".
        folder: Folder for all files of the case; it is created.
    """
    kind, _, number = name.partition(":")
    folder.mkdir(parents=True)
    (folder / "tmp").mkdir()
    with ExitStack() as closing:
        case = KINDS[kind](Random(f"{kind} {number}"), folder, closing)
        environment = {**base_environment(folder), **case.environment}
        (folder / "repeat.sh").write_text(
            case.script(folder, {**own_variables(folder), **case.environment}),
            errors="surrogateescape",
        )
        before = shared_memory()
        trial = Trial(case, folder, environment)
        closing.callback(trial.left_behind)
        if case.meanwhile is not None:
            case.meanwhile(trial)
        hung = trial.finish(case.seconds)
        complaints = list(judge(case, trial, hung))
        complaints += [f"leaves /dev/shm/{left}" for left in abandoned(shared_memory() - before)]
        seconds = time.monotonic() - trial.started
    command = f"pose-edge {shlex.join(case.arguments)}"
    return Outcome(name, complaints, seconds, command, trial.log(), folder)


def own_variables(folder: Path) -> dict[str, str]:
    """Return the environment variables that keep a case's files in its folder."""
    return {
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "home/config"),
        "XDG_DATA_HOME": str(folder / "home/data"),
    }


def base_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables common to all cases."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("POSE_EDGE_", "XDG_"))
        and name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    return {**kept, **own_variables(folder)}


def run_campaign(
    seed: int, seconds: float, folder: Path, tell: Callable[[str], None]
) -> list[Outcome]:
    """Run cases of all kinds in turn until the time is over, updating a report after each.

    Args:
        seed: Seed of the random case numbers; the same seed gives the same cases.
        seconds: Time after which no further case is started.
        folder: Folder for the report, "report.txt", and the files of failed cases; it is emptied
            first.
        tell: Called with a line about each case.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The server for downloads needs a certificate, which openssl creates.
    kinds = [kind for kind in KINDS if kind != "downloads" or shutil.which("openssl")]
    numbers = Random(seed)
    outcomes: list[Outcome] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        kind = kinds[len(outcomes) % len(kinds)]
        number = numbers.randrange(10**6)
        outcome = run_case(f"{kind}:{number}", folder / f"{kind}-{number}")
        tell(f"{outcome.name}: {'; '.join(outcome.complaints) or 'passed'}")
        if not outcome.complaints:
            shutil.rmtree(outcome.folder)
        outcomes.append(outcome)
        (folder / "report.txt").write_text(report(seed, outcomes), encoding="utf-8")
    return outcomes


def report(seed: int, outcomes: Sequence[Outcome]) -> str:
    """Return a summary of the campaign and a report of each failed case, as text for people."""
    tried = Counter(outcome.name.partition(":")[0] for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.complaints]
    wrong = Counter(outcome.name.partition(":")[0] for outcome in failed)
    table = "".join(f"  {kind:18}{tried[kind]:5} tried{wrong[kind]:5} failed\n" for kind in tried)
    longest = max((outcome.seconds for outcome in outcomes), default=0.0)
    head = f"seed {seed}: {len(outcomes)} cases, {len(failed)} failed; longest {longest:.1f} s\n"
    return head + table + "".join(f"\n{outcome.report()}" for outcome in failed)
