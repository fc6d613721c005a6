"""Tables of the commands and options, from which parser.py builds the parser."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

SETTING_OPTIONS: Final = {
    "source": (
        "source.name",
        "SRC",
        "auto, demo, picamera, /dev/video0, camera:NAME, rtsp://..., http://..., a file or folder",
    ),
    "poses_from": (
        "source.poses",
        "IN.jsonl",
        "replay a video with the poses that were recorded with it, without a model",
    ),
    "model": ("model.name", "NAME", "a listed model, a .tflite file, or auto"),
    "people": (
        "model.people",
        "one|several",
        "several: found by MultiPose, refined by the model",
    ),
    "threads": ("model.threads", "N", "CPU threads, at most one per usable core"),
    "edgetpu": ("edgetpu.mode", "MODE", "use a Coral Edge TPU: auto, on or off"),
    "display": ("display.kind", "KIND", "auto, hdmi, window, web (the page only) or none"),
    "record": ("record.path", "OUT.mp4", "record the picture that is shown"),
    "poses": ("poses.path", "OUT.jsonl", "write the poses; - for standard output"),
    "csv": ("csv.path", "OUT.csv", "write the poses and joint angles as a table"),
    "udp": ("udp.target", "HOST:PORT", "send each pose line as a datagram"),
    "osc": ("osc.targets", "HOST:PORT", "send Open Sound Control messages"),
    "mqtt": ("mqtt.url", "URL", "send poses and state to a broker: mqtt://HOST"),
    "websocket": (
        "websocket.listen",
        "[HOST:]PORT",
        "serve pose lines to WebSocket clients, at /poses",
    ),
    "metrics": ("metrics.listen", "[HOST:]PORT", "serve figures to Prometheus, at /metrics"),
    "web": ("web.listen", "[HOST:]PORT", "serve the page to watch and to steer, beside any screen"),
    "max_frames": ("run.max_frames", "N", "end after this many processed frames"),
    "duration": ("run.duration", "SECONDS", "end after this many seconds"),
    "log_level": ("log.level", "LEVEL", "debug, info, warning or error; debug shows tracebacks"),
    "log_format": ("log.format", "FORMAT", "auto, text, journal or json (one object a line)"),
}
"""Options that override a setting: dotted key of the setting, placeholder of the value, help."""

Arguments = tuple[str, dict[str, Any]]
"""Names of an option, separated by spaces, and keywords for `ArgumentParser.add_argument`."""


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most 1000")
    return number


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty")
    return text


def _value(names: str, placeholder: str, meaning: str = "", **more: Any) -> Arguments:  # noqa: ANN401
    return names, {"metavar": placeholder, "help": meaning, "type": _text, **more}


def _switch(name: str, meaning: str) -> Arguments:
    return name, {"action": "store_true", "help": meaning}


_MODEL: Final = ("model", "people", "threads", "edgetpu")
_FORCE: Final = _switch("--force", "replace output files that exist already")
_AP: Final = (
    "AP is COCO's keypoint AP on pictures with one person, and on pictures with several. The "
    "default is that of the configuration."
)
_JSON: Final = _switch("--json", "print JSON, for programs")
_MARKDOWN: Final = _switch("--markdown", "print Markdown, to paste into an issue")
_DRY_RUN: Final = _switch("--dry-run", "only print what would be done")

GROUPS: Final = {
    "models": "List, describe, fetch and check models.",
    "bench": "Measure the speed of this machine.",
    "config": "Check, show and describe the configuration.",
    "service": "Run from power-on, as a systemd service.",
}
"""Commands that have subcommands, with their help."""

COMMANDS: Final[Mapping[str, tuple[str, *tuple[str | Arguments, ...]]]] = {
    "run": (
        "Show a camera, stream, video or picture with skeletons.",
        _value("source_argument", "SRC", "what to show, as with --source", nargs="?"),
        *_MODEL,
        *("source", "poses_from", "display", "record", "poses", "csv"),
        *("udp", "osc", "mqtt", "websocket", "metrics", "web"),
        *("max_frames", "duration"),
        _FORCE,
        _switch("--lock-keys", "keys do nothing, as in an exhibition"),
    ),
    "annotate": (
        "Draw the poses on every frame of videos, pictures and folders of pictures.",
        _value("inputs", "INPUT", "a video, picture or folder of pictures, or demo", nargs="+"),
        _value(
            "-o --output",
            "OUT",
            "file to write, or folder for several inputs; by default INPUT-poses here, or none"
            " with --poses or --csv",
        ),
        *("poses", "csv"),
        *_MODEL,
        _switch("--thorough", "more inference passes for each pose: more accurate, and slower"),
        _FORCE,
    ),
    "models list": (
        f"List the models that ship and those that can be fetched. {_AP}",
        _JSON,
    ),
    "models info": ("Describe a model.", _value("name", "NAME", "a listed model"), _JSON),
    "models fetch": (
        "Download models.",
        _value("names", "NAME", "a model of `pose-edge models list`", nargs="+"),
    ),
    "models verify": (
        "Check model files against the lists.",
        _value("names", "NAME", "models, by default all that are here", nargs="*"),
    ),
    "bench model": (
        "Time the stages of models with each number of threads, in turns.",
        _value("names", "NAME", "models, by default all", nargs="*"),
        _value(
            "--threads",
            "LIST",
            "numbers of CPU threads, e.g. 1,4; by default from 1 to the usable cores",
            dest="thread_counts",
            type=_counts,
        ),
        "edgetpu",
        _value("--runs", "N", "runs of each, by default 50", type=_count, default=50),
        _JSON,
        _MARKDOWN,
    ),
    "bench pipeline": (
        "Compare the pipeline with a bare loop of read, resize and run, or with another program.",
        *_MODEL,
        _value("--source", "VIDEO", "a video, by default demo"),
        _value("--camera", "FPS", "film the video with a camera of this rate", type=_rate),
        _value("--display", "KIND", "show the pictures: auto, hdmi or window; by default none"),
        "max_frames",
        _value(
            "--against",
            "COMMAND",
            "run another program in turn, {source} being the video, instead of the bare loop",
        ),
        _value("--rounds", "N", "rounds of each, by default 3", type=_count, default=3),
        _JSON,
        _MARKDOWN,
    ),
    "bench child": (
        "Compare a CPU model in this process and in a child process like that of the Edge TPU.",
        *("model", "threads"),
        _value("--runs", "N", "runs of each, by default 300", type=_count, default=300),
        _JSON,
    ),
    "tune": (
        "Measure which model this machine is fast enough for, and choose the most accurate.",
        *("people", "threads", "edgetpu", "source", "display"),
        _value("--target-fps", "N", "the rate to hold, by default the source's", type=_rate),
        _switch("--write", "write the choice to the configuration file, which keeps its comments"),
        _JSON,
    ),
    "eval": (
        "Measure the accuracy on pictures with known keypoints, as COCO does.",
        _value(
            "--annotations", "COCO.json", "the known keypoints, in COCO's format", required=True
        ),
        _value("--images", "DIR", "folder of the pictures", required=True),
        _value(
            "--model",
            "NAME",
            "a model, by default that of run; repeatable",
            dest="models",
            action="append",
        ),
        _value(
            "--crop",
            "frame|box",
            "the complete picture, as for run (default), or 1.25 times the true box; repeatable",
            choices=("frame", "box"),
            action="append",
        ),
        *("people", "threads"),
        _value("--resume", "FILE", "keep the answers in a file, and continue from it"),
        _JSON,
    ),
    "doctor": (
        "Check this machine, and say how to fix what is wrong.",
        *("model", "edgetpu", "source"),
        _switch("--no-camera", "do not open the camera or stream"),
        _switch("--no-inference", "do not run a model"),
        _JSON,
    ),
    "config check": ("Check the configuration for mistakes.",),
    "config show": (
        "Print the settings in force.",
        _switch("--defaults", "print the defaults instead"),
        _switch("--origin", "print where each value comes from instead of what it means"),
    ),
    "config schema": ("Print the JSON Schema of config.yaml.",),
    "schema": ("Print the JSON Schema of a line of poses.",),
    "service install": (
        "Install or upgrade the service; --set and --config choose its first settings.",
        _value("--prefix", "DIR", "folder of the program, by default /opt/pose-edge"),
        _value("--wheel", "FILE", "wheel to install, by default this checkout or installation"),
        _value("--find-links", "DIR", "a folder with all wheels, to install without a network"),
        _value(
            "--extra",
            "NAME",
            "add an extra of the package, e.g. edgetpu; kept by upgrades; repeatable",
            dest="extras",
            action="append",
        ),
        _switch("--no-start", "do not start before the next power-on"),
        _value("--prepared", "DIR", argparse.SUPPRESS),
        _DRY_RUN,
    ),
    "service uninstall": (
        "Remove everything that install added.",
        _switch("--purge", "remove the configuration, recordings and fetched models too"),
        _DRY_RUN,
    ),
    "service status": ("Print the state of the service; exit status 0 while it runs.", _JSON),
    "completion": (
        "Print what lets a shell complete commands and options.",
        _value("shell", "SHELL", "bash or zsh", choices=("bash", "zsh")),
    ),
}
"""Help and options of each command; a string names an option of `SETTING_OPTIONS`."""


def option(name: str) -> Arguments:
    """Return an option of `SETTING_OPTIONS`, e.g. --max-frames for "max_frames"."""
    _key, placeholder, meaning = SETTING_OPTIONS[name]
    return _value(f"--{name.replace('_', '-')}", placeholder, meaning)


def global_options() -> tuple[Arguments, ...]:
    """Return the options that all commands share, apart from --help and --version."""
    settings = {"action": "append", "default": [], "metavar": "SECTION.KEY=VALUE"}
    return (
        _value("--config", "FILE", "configuration file to read"),
        ("--set", {**settings, "help": "set any setting of the configuration; repeatable"}),
        option("log_level"),
        option("log_format"),
    )
