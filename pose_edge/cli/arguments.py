"""The commands and options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from pose_edge import __version__

SOURCES: Final = (
    "auto, demo, picamera, /dev/video0, camera:NAME, rtsp://..., http://..., a video, picture or "
    "folder"
)


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
    parser = argparse.ArgumentParser(
        prog="pose-edge", description="Real-time human pose estimation on a Raspberry Pi."
    )
    parser.add_argument("--version", action="version", version=f"pose-edge {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_annotate(commands)
    _add_models(commands)
    _add_bench(commands)
    _add_eval(commands)
    _add_doctor(commands)
    _add_config(commands)
    _add_service(commands)
    return parser


def _add_run(commands: Any) -> None:  # noqa: ANN401 - argparse has no public type for these
    run = _add(
        commands,
        "run",
        "Show the picture of a source with poses. Keys: s skeleton, i read-out, c crop, "
        "f full screen, q quit.",
    )
    _add_model_options(run)
    run.add_argument("--source", metavar="SRC", help=SOURCES)
    run.add_argument("--display", metavar="KIND", help="auto, hdmi, window or none")
    run.add_argument("--record", metavar="OUT.mp4", help="record the picture that is shown")
    run.add_argument("--poses", metavar="OUT.jsonl", help="write the poses; - for standard output")
    run.add_argument("--max-frames", metavar="N", help="end after this many processed frames")
    run.add_argument("--duration", metavar="SECONDS", help="end after this many seconds")


def _add_annotate(commands: Any) -> None:  # noqa: ANN401
    annotate = _add(
        commands,
        "annotate",
        "Draw the poses on every frame of a video, a picture or a folder of pictures.",
    )
    _add_model_options(annotate)
    annotate.add_argument("input", metavar="INPUT", help="a video, picture or folder, or demo")
    annotate.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="file or folder to write; by default INPUT-poses in this folder, or none with --poses",
    )
    annotate.add_argument(
        "--poses", metavar="OUT.jsonl", help="write the poses, one line per frame"
    )


def _add_models(commands: Any) -> None:  # noqa: ANN401
    models = _add_group(commands, "models", "List, describe, fetch and check models.")
    listing = _add(
        models, "models list", "List the models that ship and those that can be fetched."
    )
    info = _add(models, "models info", "Describe a model.")
    info.add_argument("name", metavar="NAME")
    fetch = _add(models, "models fetch", "Download models.")
    fetch.add_argument("names", metavar="NAME", nargs="+")
    verify = _add(models, "models verify", "Check model files against the lists.")
    verify.add_argument("names", metavar="NAME", nargs="*")
    _add_json(listing, info)


def _add_bench(commands: Any) -> None:  # noqa: ANN401
    bench = _add_group(commands, "bench", "Measure the speed of this machine.")
    model = _add(bench, "bench model", "Time models, in interleaved runs.")
    model.add_argument("names", metavar="NAME", nargs="*", help="models, by default all")
    model.add_argument("--threads", metavar="N", help="CPU threads")
    model.add_argument("--runs", metavar="N", type=_count, default=100, help="runs of each model")
    pipeline = _add(
        bench,
        "bench pipeline",
        "Compare the pipeline with a bare loop that reads, resizes and runs the model.",
    )
    _add_model_options(pipeline)
    pipeline.add_argument("--source", metavar="VIDEO", help="a video, by default demo")
    pipeline.add_argument("--rounds", metavar="N", type=_count, default=3, help="rounds of each")
    child = _add(
        bench,
        "bench child",
        "Compare a CPU model in this process with the same model in a child process, as the Edge "
        "TPU has one.",
    )
    child.add_argument("--model", metavar="NAME", help="a CPU model")
    child.add_argument("--threads", metavar="N", help="CPU threads")
    child.add_argument("--runs", metavar="N", type=_count, default=300, help="runs of each")
    _add_json(model, pipeline, child)


def _add_eval(commands: Any) -> None:  # noqa: ANN401
    evaluate = _add(
        commands, "eval", "Measure the accuracy on pictures with known keypoints, as COCO does."
    )
    evaluate.add_argument("--annotations", metavar="COCO.json", required=True)
    evaluate.add_argument("--images", metavar="DIR", required=True)
    evaluate.add_argument(
        "--model",
        dest="models",
        metavar="NAME",
        action="append",
        help="a model, by default that of run; can be repeated",
    )
    evaluate.add_argument(
        "--crop",
        choices=("frame", "box"),
        action="append",
        help="frame: the whole picture, as for run (default); box: 1.25 times the true box; can be "
        "repeated",
    )
    evaluate.add_argument("--threads", metavar="N", help="CPU threads")
    evaluate.add_argument(
        "--resume", metavar="FILE", help="keep the answers in a file, and continue from those in it"
    )
    _add_json(evaluate)


def _add_doctor(commands: Any) -> None:  # noqa: ANN401
    doctor = _add(commands, "doctor", "Check this machine, and say how to fix what is wrong.")
    doctor.add_argument("--model", metavar="NAME", help="a listed model, or a .tflite file")
    doctor.add_argument("--edgetpu", metavar="MODE", help="auto, on or off")
    doctor.add_argument("--source", metavar="SRC", help=SOURCES)
    doctor.add_argument("--no-camera", action="store_true", help="do not open the camera or stream")
    doctor.add_argument("--no-inference", action="store_true", help="do not run a model")
    _add_json(doctor)


def _add_config(commands: Any) -> None:  # noqa: ANN401
    config = _add_group(commands, "config", "Check, show and describe the configuration.")
    _add(config, "config check", "Check the configuration for mistakes.")
    show = _add(config, "config show", "Print the settings in force.")
    show.add_argument("--defaults", action="store_true", help="print the defaults instead")
    _add(config, "config schema", "Print the JSON Schema of config.yaml.")


def _add_service(commands: Any) -> None:  # noqa: ANN401
    service = _add_group(commands, "service", "Run from power-on, as a systemd service.")
    install = _add(
        service,
        "service install",
        "Install or upgrade the service, from this checkout or installation. --set and --config "
        "choose its first settings.",
    )
    install.add_argument(
        "--prefix", metavar="DIR", help="folder of the program, by default /opt/pose-edge"
    )
    install.add_argument("--wheel", metavar="FILE", help="install this wheel of the program")
    install.add_argument(
        "--find-links", metavar="DIR", help="a folder with all wheels, to install without a network"
    )
    install.add_argument(
        "--extra",
        dest="extras",
        metavar="NAME",
        action="append",
        help="extra of the package, e.g. edgetpu; kept by upgrades; can be repeated",
    )
    install.add_argument(
        "--no-start", action="store_true", help="do not start before the next power-on"
    )
    install.add_argument("--prepared", metavar="DIR", help=argparse.SUPPRESS)
    uninstall = _add(service, "service uninstall", "Remove everything that install added.")
    uninstall.add_argument(
        "--purge",
        action="store_true",
        help="remove the configuration, recordings and fetched models too",
    )
    for parser in (install, uninstall):
        parser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    _add_json(
        _add(
            service,
            "service status",
            "Print the state of the service; exit status 0 while it runs.",
        )
    )


def _add_group(commands: Any, name: str, text: str) -> Any:  # noqa: ANN401
    group = commands.add_parser(name, help=text, description=text)
    return group.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add(group: Any, command: str, text: str) -> argparse.ArgumentParser:  # noqa: ANN401
    """Add a command with the options that all commands have."""
    parser: argparse.ArgumentParser = group.add_parser(
        command.rpartition(" ")[2],
        help=text,
        description=text,
        allow_abbrev=False,  # an abbreviation that works today may be ambiguous tomorrow
    )
    parser.set_defaults(command=command)
    parser.add_argument("--config", metavar="FILE", help="configuration file to read")
    parser.add_argument(
        "--set",
        metavar="SECTION.KEY=VALUE",
        action="append",
        default=[],
        help="set any setting; can be repeated",
    )
    parser.add_argument(
        "--log-level", metavar="LEVEL", help="debug, info, warning or error; debug shows tracebacks"
    )
    parser.add_argument(
        "--log-format", metavar="FORMAT", help="auto, text, journal or json (one object a line)"
    )
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="NAME", help="a listed model, or a .tflite file")
    parser.add_argument("--threads", metavar="N", help="CPU threads, at most one per usable core")
    parser.add_argument("--edgetpu", metavar="MODE", help="use a Coral Edge TPU: auto, on or off")


def _add_json(*parsers: argparse.ArgumentParser) -> None:
    for parser in parsers:
        parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
