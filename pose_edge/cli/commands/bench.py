"""The command `bench`: model, pipeline, child."""

from __future__ import annotations

import logging
import sys
import tempfile
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose_edge.cli.commands.bench_json import against_json, child_json, models_json, pipeline_json
from pose_edge.cli.commands.bench_tables import (
    BenchPage,
    against_page,
    models_page,
    pipeline_page,
)
from pose_edge.cli.progress import show_progress
from pose_edge.cli.settings import read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.config.schema import DisplaySettings, Settings
from pose_edge.errors import UsageError
from pose_edge.live.signals import Signals
from pose_edge.offline.bench.against import bench_against
from pose_edge.offline.bench.child import bench_child
from pose_edge.offline.bench.control import BenchControl
from pose_edge.offline.bench.models import bench_models, thread_counts
from pose_edge.offline.bench.pipeline import bench_pipeline, video_path
from pose_edge.offline.bench.system import read_system
from pose_edge.util.cores import usable_cores
from pose_edge.util.text import counted

if TYPE_CHECKING:
    from contextlib import ExitStack

    from pose_edge.offline.bench.rounds import Screen
    from pose_edge.telemetry import Telemetry

log = logging.getLogger(__name__)


def command_bench_model(options: Namespace) -> int:
    """Run ``pose-edge bench model``: time models with each number of threads."""
    settings = read_settings(options)
    _check_format(options)
    signals = Signals()
    signals.listen_for_the_end()
    with show_progress("run", steady=False) as show:
        report = bench_models(
            settings,
            options.names,
            _usable(options.thread_counts or thread_counts(usable_cores())),
            options.runs,
            control=BenchControl(signals.stop, partial(show, "models")),
        )
    return _print(options, models_json(report), models_page(report), complete=report.complete)


def command_bench_pipeline(options: Namespace) -> int:
    """Run ``pose-edge bench pipeline``: compare with a bare loop, or with another program."""
    settings = read_settings(options)
    _check_format(options)
    source = video_path(options.source or "demo")
    if options.against is not None:
        return _bench_against(options, settings, source)
    signals = Signals()
    signals.listen_for_the_end()

    def open_screen(stack: ExitStack, telemetry: Telemetry) -> Screen:
        if options.display in (None, "none"):
            from pose_edge.offline.bench.rounds import NoScreen

            return NoScreen()
        from pose_edge.offline.bench.screen import open_bench_screen

        return open_bench_screen(settings, Path(source).name, stack, telemetry)

    with show_progress("round", steady=False) as show:
        report = bench_pipeline(
            settings,
            source,
            options.rounds,
            camera_fps=options.camera,
            open_screen=open_screen,
            control=BenchControl(signals.stop, partial(show, "pipeline and bare loop")),
        )
    return _print(options, pipeline_json(report), pipeline_page(report), complete=report.complete)


def command_bench_child(options: Namespace) -> int:
    """Run ``pose-edge bench child``: compare a model in this process and in a child process."""
    timing, system = bench_child(read_settings(options), options.runs), read_system()
    figures = child_json(timing, system)
    if options.json:
        print_json(figures)
        return 0
    runs = counted(options.runs, "interleaved run")
    print(f"{system.line}; {timing.model} by {timing.runtime}; {runs}")
    print("in this process  {here_ms:6.2f} ms".format(**figures))
    print("in a child       {child_ms:6.2f} ms".format(**figures))
    print("the child costs  {cost_ms:6.2f} ms".format(**figures))
    return 0


def _bench_against(options: Namespace, settings: Settings, source: str) -> int:
    """Compare this program with another one (``--against``)."""
    for option in ("camera", "display", "max_frames"):
        if getattr(options, option) is not None:
            raise UsageError(
                f"--{option.replace('_', '-')} does not go with --against: both programs read the "
                "whole file, and show nothing"
            )
    signals = Signals()
    signals.listen_for_the_end()
    with tempfile.TemporaryDirectory() as name, show_progress("run", steady=False) as show:
        folder = Path(name)
        report = bench_against(
            _our_command(settings, source, folder),
            options.against,
            source,
            options.rounds,
            shown=f"pose-edge run {source} --model {settings.model.name} --threads"
            f" {settings.model.threads} --set source.pace=false --display none --poses FILE",
            control=BenchControl(signals.stop, partial(show, "this program and the other")),
            sysfs=Path(settings.testing.sysfs),
        )
        with (folder / "poses.jsonl").open("rb") as lines:
            frames = sum(1 for _ in lines)
    page = against_page(report, frames)
    return _print(options, against_json(report, frames), page, complete=report.complete)


def _our_command(settings: Settings, source: str, folder: Path) -> list[str]:
    """Return the command with which this program writes the poses of a whole video.

    Args:
        settings: The settings; model, Edge TPU, tracking and smoothing are used.
        source: Path of the video.
        folder: Folder for the configuration, which is written here, and for the poses.
    """
    import yaml

    defaults = Settings()
    used = defaults.model_copy(
        update={
            "source": defaults.source.model_copy(update={"name": source, "pace": False}),
            "display": DisplaySettings(kind="none"),
            "poses": defaults.poses.model_copy(update={"path": str(folder / "poses.jsonl")}),
            **{name: getattr(settings, name) for name in ("model", "edgetpu", "tracking")},
            "smoothing": settings.smoothing,
            "testing": settings.testing,
        }
    )
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(used.model_dump(mode="json")), encoding="utf-8")
    return [sys.executable, "-m", "pose_edge", "run", "--config", str(config), "--force"]


def _usable(wanted: tuple[int, ...] | list[int]) -> list[int]:
    """Limit numbers of threads to one per usable core; return them sorted, each once."""
    cores = usable_cores()
    if max(wanted) > cores:
        log.warning("--threads: this machine has %s", counted(cores, "usable core"))
    return sorted({min(count, cores) for count in wanted})


def _check_format(options: Namespace) -> None:
    if options.json and options.markdown:
        raise UsageError("--json and --markdown exclude each other")


def _print(options: Namespace, figures: dict[str, Any], page: BenchPage, *, complete: bool) -> int:
    """Print the measurements in the wanted format and return the exit status."""
    if options.json:
        print_json(figures)
    elif options.markdown:
        page.print_markdown()
    else:
        page.print_text()
    if not complete:
        log.error("stopped before the end; this is what was measured so far")
    return 0 if complete else 1
