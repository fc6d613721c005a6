"""The commands and options of the command line, as tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from pose_edge.util.text import printable

SETTING_OPTIONS: Final = {
    "source": (
        "source.name",
        "SRC",
        "auto, demo, picamera, /dev/video0, camera:NAME, rtsp://..., http://..., a file or folder",
    ),
    "model": ("model.name", "NAME", "a listed model, or a .tflite file"),
    "people": (
        "model.people",
        "one|several",
        "several: found by MultiPose, refined by the model",
    ),
    "threads": ("model.threads", "N", "CPU threads, at most one per usable core"),
    "edgetpu": ("edgetpu.mode", "MODE", "use a Coral Edge TPU: auto, on or off"),
    "display": ("display.kind", "KIND", "auto, hdmi, window or none"),
    "record": ("record.path", "OUT.mp4", "record the picture that is shown"),
    "poses": ("poses.path", "OUT.jsonl", "write the poses; - for standard output"),
    "max_frames": ("run.max_frames", "N", "end after this many processed frames"),
    "duration": ("run.duration", "SECONDS", "end after this many seconds"),
    "log_level": ("log.level", "LEVEL", "debug, info, warning or error; debug shows tracebacks"),
    "log_format": ("log.format", "FORMAT", "auto, text, journal or json (one object a line)"),
}
"""Options that override a setting: the setting, the placeholder of the value, and the help."""

_Arguments = tuple[str, dict[str, Any]]
"""Names of an option, and the other arguments of `ArgumentParser.add_argument`."""


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty")
    return text


def _value(names: str, placeholder: str, meaning: str = "", **more: Any) -> _Arguments:  # noqa: ANN401
    return names, {"metavar": placeholder, "help": meaning, "type": _text, **more}


def _switch(name: str, meaning: str) -> _Arguments:
    return name, {"action": "store_true", "help": meaning}


_MODEL: Final = ("model", "people", "threads", "edgetpu")
_FORCE: Final = _switch("--force", "replace output files that exist already")
_JSON: Final = _switch("--json", "print JSON")
_DRY_RUN: Final = _switch("--dry-run", "only print what would be done")

GROUPS: Final = {
    "models": "List, describe, fetch and check models.",
    "bench": "Measure the speed of this machine.",
    "config": "Check, show and describe the configuration.",
    "service": "Run from power-on, as a systemd service.",
}
"""Commands with subcommands, and their help."""

COMMANDS: Final[Mapping[str, tuple[str, *tuple[str | _Arguments, ...]]]] = {
    "run": (
        "Show a source with poses. Keys: s skeleton, i read-out, c crop, f full screen, q quit.",
        *_MODEL,
        *("source", "display", "record", "poses", "max_frames", "duration"),
        _FORCE,
    ),
    "annotate": (
        "Draw the poses on every frame of a video, a picture or a folder of pictures.",
        *_MODEL,
        "poses",
        _value("input", "INPUT", "a video, picture or folder, or demo"),
        _value(
            "-o --output",
            "OUT",
            "file or folder to write; by default INPUT-poses here, or none with --poses",
        ),
        _FORCE,
    ),
    "models list": ("List the models that ship and those that can be fetched.", _JSON),
    "models info": ("Describe a model.", _value("name", "NAME"), _JSON),
    "models fetch": ("Download models.", _value("names", "NAME", nargs="+")),
    "models verify": ("Check model files against the lists.", _value("names", "NAME", nargs="*")),
    "bench model": (
        "Time models, in interleaved runs.",
        "threads",
        _value("names", "NAME", "models, by default all", nargs="*"),
        _value("--runs", "N", "runs of each model", type=_count, default=100),
        _JSON,
    ),
    "bench pipeline": (
        "Compare the pipeline with a bare loop that reads, resizes and runs the model.",
        *_MODEL,
        _value("--source", "VIDEO", "a video, by default demo"),
        _value("--rounds", "N", "rounds of each", type=_count, default=3),
        _JSON,
    ),
    "bench child": (
        "Compare a CPU model in this process and in a child process, as the Edge TPU has one.",
        *("model", "threads"),
        _value("--runs", "N", "runs of each", type=_count, default=300),
        _JSON,
    ),
    "eval": (
        "Measure the accuracy on pictures with known keypoints, as COCO does.",
        _value("--annotations", "COCO.json", required=True),
        _value("--images", "DIR", required=True),
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
        _value("--resume", "FILE", "keep the answers in a file, and continue from those in it"),
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
    ),
    "config schema": ("Print the JSON Schema of config.yaml.",),
    "service install": (
        "Install or upgrade the service; --set and --config choose its first settings.",
        _value("--prefix", "DIR", "folder of the program, by default /opt/pose-edge"),
        _value("--wheel", "FILE", "wheel to install, by default this checkout or installation"),
        _value("--find-links", "DIR", "a folder with all wheels, to install without a network"),
        _value(
            "--extra",
            "NAME",
            "extra of the package, e.g. edgetpu; kept by upgrades; repeatable",
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
}
"""Help of each command, and its options: those of `SETTING_OPTIONS` by name."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors steer no terminal, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        """Print an error and exit with status 2."""
        super().error(printable(message))


class _PrintVersion(argparse.Action):
    """Prints the version. argparse's own action would look it up for every command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from pose_edge import __version__

        sys.stdout.write(f"pose-edge {__version__}\n")
        parser.exit()


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; report a mistake and exit with status 2.

    Args:
        arguments: Arguments after the program's name, by default those of the process.

    Returns:
        The options; `command` is the full name of the command, e.g. "models list".
    """
    return make_parser().parse_args(arguments)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(
        prog="pose-edge", description="Real-time human pose estimation on a Raspberry Pi."
    )
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version")
    groups = {"": parser.add_subparsers(title="commands", required=True, metavar="COMMAND")}
    for command, (text, *options) in COMMANDS.items():
        name, _, subcommand = command.partition(" ")
        if subcommand and name not in groups:
            group = groups[""].add_parser(name, help=GROUPS[name], description=GROUPS[name])
            groups[name] = group.add_subparsers(title="commands", required=True, metavar="COMMAND")
        leaf = groups[name if subcommand else ""].add_parser(
            subcommand or name,
            help=text,
            description=text,
            allow_abbrev=False,  # an abbreviation that works today may be ambiguous tomorrow
        )
        leaf.set_defaults(command=command)
        leaf.add_argument("--config", metavar="FILE", help="configuration file to read", type=_text)
        leaf.add_argument(
            "--set",
            metavar="SECTION.KEY=VALUE",
            action="append",
            default=[],
            help="set any setting; repeatable",
        )
        for option in (*options, "log_level", "log_format"):
            if isinstance(option, str):
                _key, placeholder, meaning = SETTING_OPTIONS[option]
                flag = f"--{option.replace('_', '-')}"
                leaf.add_argument(flag, metavar=placeholder, help=meaning, type=_text)
            else:
                names, keywords = option
                leaf.add_argument(*names.split(), **keywords)
    return parser
