"""Cases of all kinds, one after the other, with a report; the inputs of failed ones are kept."""

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
    """What became of a case.

    Attributes:
        name: Kind and number: they make the same case again.
        complaints: What was wrong, a line each.
        seconds: How long it took.
        command: As a shell would take it.
        said: Its standard error.
        folder: Where everything of it is.
    """

    name: str
    complaints: Sequence[str]
    seconds: float
    command: str
    said: str
    folder: Path

    def report(self) -> str:
        """Return it in full, for people."""
        wrong = "".join(f"  {complaint}\n" for complaint in self.complaints)
        last = "".join(f"  | {line}\n" for line in self.said.splitlines()[-15:])
        text = (
            f"{self.name} ({self.seconds:.1f} s)\n{wrong}  {self.command}\n"
            f"  again: script/test --fuzz --case {self.name}\n  kept in: {self.folder}\n{last}"
        )
        return text.encode(errors="backslashreplace").decode()  # names of files need not be text


def run_case(name: str, folder: Path) -> Outcome:
    """Run one case.

    Args:
        name: "KIND:NUMBER".
        folder: An empty one, for everything of it.
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
    """Return the variables that keep a case's files in its folder."""
    return {
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "home/config"),
        "XDG_DATA_HOME": str(folder / "home/data"),
    }


def base_environment(folder: Path) -> dict[str, str]:
    """Return the variables of every case."""
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
    """Run cases of all kinds in turn, until the time is over, and write a report as it goes.

    Args:
        seed: The same one gives the same cases.
        seconds: After these no other case is begun.
        folder: For the report, "report.txt", and everything of the cases that failed.
        tell: Says what is being done.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Without openssl there is no publisher of downloads.
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
    """Return how it went, for people."""
    tried = Counter(outcome.name.partition(":")[0] for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.complaints]
    wrong = Counter(outcome.name.partition(":")[0] for outcome in failed)
    table = "".join(f"  {kind:18}{tried[kind]:5} tried{wrong[kind]:5} failed\n" for kind in tried)
    longest = max((outcome.seconds for outcome in outcomes), default=0.0)
    head = f"seed {seed}: {len(outcomes)} cases, {len(failed)} failed; longest {longest:.1f} s\n"
    return head + table + "".join(f"\n{outcome.report()}" for outcome in failed)
