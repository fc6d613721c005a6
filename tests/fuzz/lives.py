"""Fuzz cases about a program's surroundings: signals, reloads, faulty disks, closed streams."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from random import Random

import yaml
from fuzz.case import Case
from fuzz.inputs import picture, put, scenes, video
from fuzz.trial import Trial
from mjpeg import MjpegServer

ENDLESS = ("run", "--source", "demo", "--set", "source.loop=true", "--display", "none")
OUTPUTS = ("--poses", "p.jsonl", "--record", "r.mp4")

NUMPY = "_multiarray_umath"
"""A library that the program loads. Before that Python itself is still starting, and the program
may not have installed its signal handlers."""


def send(case: Case, trial: Trial, number: int) -> None:
    """Send a signal, and extend the accepted results if the program is not ready to handle it."""
    if not trial.has_loaded(NUMPY):
        case.sent_signals.append(number)
    if number == signal.SIGINT and "display: " not in trial.log():
        case.statuses = (0, 1)  # interrupted before the run has started
    trial.signal(number)


# --- signals --------------------------------------------------------------------------------------


def signals(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Send signals at random moments, the last of which ends the program."""
    last = random.choice((signal.SIGTERM, signal.SIGINT, signal.SIGTERM))
    others = [
        random.choice((signal.SIGHUP, signal.SIGTSTP, signal.SIGWINCH, signal.SIGPIPE))
        for _ in range(random.choice((0, 0, 1, 3)))
    ]
    pauses = [random.uniform(0, 3) for _ in [*others, last]]
    source = random.choice(("demo", "camera"))
    case = Case([*ENDLESS, *OUTPUTS], poses="p.jsonl", video="r.mp4", seconds=20, statuses=(0,))
    if source == "camera":
        server = closing.enter_context(MjpegServer(scenes(), fps=15))
        # No --record: only displayed frames are recorded, and those of a camera may be skipped.
        case.arguments = [*ENDLESS, "--source", server.url, *OUTPUTS[:2]]
        case.video = ""

    def meanwhile(trial: Trial) -> None:
        for number, pause in zip([*others, last], pauses, strict=True):
            trial.sleep(pause)
            send(case, trial, number)
            if number == signal.SIGTSTP:
                trial.sleep(random.uniform(0.1, 2))
                trial.signal(signal.SIGCONT)

    case.meanwhile = meanwhile
    return case


# --- reloads --------------------------------------------------------------------------------------


def reloads(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Change and reload the configuration repeatedly, sometimes with an invalid one."""
    server = closing.enter_context(MjpegServer(scenes(), fps=15))
    clip = put(folder, "clip.mp4", video("mp4"))
    still = put(folder, "a.jpg", picture("JPEG"))
    config = folder / "my.yaml"

    def write(*, right: bool, first: bool = False) -> None:
        sources = [server.url, "demo"] + ([] if first else [clip, still])
        sources += [] if right else ["/nowhere.mp4", "~"]
        names = ["movenet-lightning-int8", "movenet-lightning-fp16", "posenet-mobilenet"]
        names += [] if right else ["nonsense", still]
        values = {
            "source": {"name": random.choice(sources), "loop": True},
            "model": {"name": random.choice(names), "threads": random.choice((1, 2))},
            "display": {"kind": "none"},
            "record": {"path": random.choice((None, "r.mp4", "s.mp4"))},
            "tracking": {"max_age": random.choice((1.0, 2.0))},
        }
        text = yaml.safe_dump(values)
        beside = config.with_name("new.yaml")
        beside.write_text(text if right or random.random() < 0.7 else text + "nonsense: {\n")
        beside.replace(config)

    write(right=True, first=True)
    case = Case(
        ["run", "--config", "my.yaml", "--poses", "p.jsonl"],
        poses="p*.jsonl",
        seconds=40,
        statuses=(0,),
    )

    def meanwhile(trial: Trial) -> None:
        trial.wait_for_log("display: ")
        for _ in range(random.randrange(1, 8)):
            trial.sleep(random.choice((0.0, 0.05, 0.5, 2.0)))
            write(right=random.random() < 0.7)
            trial.signal(signal.SIGHUP)
        trial.sleep(random.uniform(0, 4))
        trial.signal(signal.SIGTERM)

    case.meanwhile = meanwhile
    return case


# --- disks ----------------------------------------------------------------------------------------


def disks(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Write under a file size limit, to a small, read-only or missing disk, or with TMPDIR full."""
    arguments = ["run", "--source", "demo", "--display", "none", "--max-frames", "60"]
    arguments += ["--set", "source.pace=false", "--set", "storage.min_free=0"]
    disk = folder / "disk"
    disk.mkdir()
    outputs = ["--poses", "disk/p.jsonl", "--record", "disk/r.mp4"]
    case = Case([*arguments, *outputs], poses="disk/p*.jsonl", video="disk/r*.mp4", seconds=20)
    fault = random.choice(("limit", "small", "read-only", "gone", "tmp", "annotate"))
    if fault == "gone":
        case.setup = "rm -r disk"
    elif fault == "limit" or os.geteuid() != 0:
        # In blocks of 512 bytes, from 0 to about the size of the outputs.
        case.setup = f"ulimit -f {random.choice((0, 1, 20, 100, 400))}"
    else:
        size = "4k" if fault == "read-only" else f"{random.choice((4, 8, 40, 200))}k"
        place = folder / "full" if fault == "tmp" else disk
        place.mkdir(exist_ok=True)
        mount(closing, place, size)
        if fault == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        if fault == "tmp":
            (place / "filler").write_bytes(b"")
            case.environment = {"TMPDIR": str(place)}
            fill(place / "filler")
        if fault == "annotate":
            source = put(folder, "clip.mp4", video("mp4"))
            case.arguments = ["annotate", source, "-o", "disk/r.mp4", "--poses", "disk/p.jsonl"]
    return case


def mount(closing: ExitStack, place: Path, size: str) -> None:
    """Mount a tmpfs of a given size, until the case ends."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    closing.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)


def fill(path: Path) -> None:
    """Fill a disk by writing to a file until an error occurs."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


# --- the program's own streams --------------------------------------------------------------------


def closed_streams(random: Random, folder: Path, closing: ExitStack) -> Case:
    """Run commands with standard streams closed or redirected to /dev/full or /dev/null."""
    places = ("&-", "/dev/full", "/dev/null", "")
    chosen = [random.choice(places) for _ in range(2)]
    words = ["<&-"] if random.random() < 0.3 else []
    words += [f"{number}>{place}" for number, place in enumerate(chosen, 1) if place]
    command = random.choice(
        (
            ["run", "--source", "demo", "--display", "none", "--max-frames", "5"],
            ["annotate", put(folder, "a.jpg", picture("JPEG"))],
            ["config", "show"],
            ["models", "list", "--json"],
            ["--version"],
            ["run", "--nonsense"],
        )
    )
    poses = ""
    if command[0] in ("run", "annotate"):
        poses = random.choice(("p.jsonl", "-"))
        command = [*command, "--poses", poses]
    return Case(
        command, redirection=" ".join(words), poses="p.jsonl" if poses != "-" else "", seconds=10
    )
