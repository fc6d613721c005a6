"""The commands: what is typed, what is printed, and the exit status. Nothing else."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pose_edge import logs, resources
from pose_edge.arguments import parse
from pose_edge.config import config_schema, find_config, load_config, render_config
from pose_edge.errors import ConfigError, ModelError, PoseEdgeError
from pose_edge.settings import Settings

if TYPE_CHECKING:
    from pose_edge.doctor import Patient

log = logging.getLogger("pose_edge")

PIPE_WIDTH: Final = 200
"""Columns of a table that does not go to a terminal."""

OPTION_KEYS: Final = {
    "source": "source.name",
    "model": "model.name",
    "threads": "model.threads",
    "edgetpu": "edgetpu.mode",
    "display": "display.kind",
    "record": "record.path",
    "poses": "poses.path",
    "max_frames": "run.max_frames",
    "duration": "run.duration",
    "log_level": "log.level",
    "log_format": "log.format",
}
"""Options of the command line, and the setting each one stands for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows the program's name; by default that of the process.

    Returns:
        The exit status: 0 done; 2 wrong usage or configuration; 3 an input, model or device that
        was asked for cannot be had; 1 anything else.
    """
    options = parse(arguments)
    logs.start(options.log_level, options.log_format)
    _quiet_libraries()
    try:
        return COMMANDS[options.command](options)
    except PoseEdgeError as error:
        if log.isEnabledFor(logging.DEBUG):
            log.exception("the command failed")
        logs.report_error(str(error))
        return error.exit_status
    except BrokenPipeError:  # whoever read the output has seen enough
        return 0
    except KeyboardInterrupt:
        logs.report_error("interrupted")
        return 1
    except Exception as error:
        kind = type(error).__name__
        if log.isEnabledFor(logging.DEBUG) or not _people_read():
            log.exception("an error of the program: %s; please report it", kind)
            return 1
        logs.report_error(
            f"an error of the program: {kind}: {error}\n"
            "--log-level debug shows where; please report it"
        )
        return 1
    finally:
        _let_go_of_stdout()


def command_run(options: argparse.Namespace) -> int:
    """``pose-edge run``."""
    from pose_edge.run import run
    from pose_edge.signals import Signals

    settings = _settings(options)
    path = find_config(options.config, os.environ)
    signals = Signals()
    signals.listen()
    report = run(settings, signals, lambda: load_config(path, os.environ, _overrides(options)))
    _print_report(report)
    return 1 if report.failures else 0


def command_annotate(options: argparse.Namespace) -> int:
    """``pose-edge annotate``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    from pose_edge.annotate import annotate
    from pose_edge.signals import Signals

    settings = _settings(options)
    signals = Signals()
    signals.listen_for_the_end()
    draw = options.output is not None or options.poses is None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    bar = Progress(*columns, console=Console(stderr=True), disable=not _people_read())
    task = bar.add_task(Path(options.input).name, total=None)

    def progress(done: int, total: int | None) -> None:
        bar.start()  # with the first frame: a fault before it is not a job that began
        bar.update(task, completed=done, total=total)

    try:
        report = annotate(
            settings, options.input, options.output, draw=draw, stop=signals.stop, progress=progress
        )
    finally:
        bar.stop()
    written = [str(report.output)] if report.output else []
    written += [options.poses] if options.poses not in (None, "-") else []
    log.info(
        "%d frames, somebody in %d of them%s",
        report.frames,
        report.with_person,
        f": {', '.join(written)}" if written else "",
    )
    if report.unreadable:
        log.error("%d files are no pictures that can be read", len(report.unreadable))
    if not report.finished:
        log.error("stopped before the end; what was written is whole")
    return 0 if report.finished and not report.unreadable else 1


def command_models_list(options: argparse.Namespace) -> int:
    """``pose-edge models list``: those that are here, and those that can be had."""
    from pose_edge.zoo import Zoo

    zoo = Zoo()
    listed = [(entry, "here") for entry in zoo.entries.values()] + [
        (download, "fetched" if zoo.fetched_path(download).exists() else "can be fetched")
        for download in zoo.downloads.values()
    ]
    accuracy = zoo.accuracy()
    if options.json:
        found = [
            {**entry.model_dump(), "state": state, "ap": accuracy.get(entry.name)}
            for entry, state in listed
        ]
        print(json.dumps(found, indent=2))
        return 0
    rows = [
        (
            entry.name,
            state,
            f"{entry.size / 1e6:.1f} MB" if entry.size else "-",
            ", ".join(f"{ap:.3f} {kind}" for kind, ap in accuracy.get(entry.name, {}).items())
            or "-",
            entry.licence,
            entry.summary,
        )
        for entry, state in listed
    ]
    _print_table(("Model", "State", "Size", "COCO AP, people", "Licence", ""), rows, sys.stdout)
    return 0


def command_models_fetch(options: argparse.Namespace) -> int:
    """``pose-edge models fetch NAME``: download models, with a progress bar."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from pose_edge.download import download
    from pose_edge.zoo import Zoo

    zoo = Zoo()
    wanted = []
    for name in options.names:
        if name in zoo.downloads:
            wanted.append(zoo.downloads[name])
        else:
            log.info("%s ships with the program: nothing to fetch", zoo.entry(name).name)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    silent = not _people_read()
    with Progress(*columns, console=Console(stderr=True), disable=silent) as bar:
        for model in wanted:
            task = bar.add_task(model.name, total=model.size)
            download(
                model.url,
                zoo.fetched_path(model),
                model.expected(),
                progress=lambda done, total, task=task: bar.update(  # type: ignore[misc]
                    task, completed=done, total=total
                ),
            )
    for model in wanted:
        print(zoo.find(model.name).path)
    return 0


def command_eval(options: argparse.Namespace) -> int:
    """``pose-edge eval``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from pose_edge.bench import machine
    from pose_edge.evaluate import Answers, evaluate, load_truth

    settings = _settings(options)
    truth = load_truth(Path(options.annotations))
    answers = Answers(Path(options.resume) if options.resume else None)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not _people_read())
    tasks: dict[str, Any] = {}

    def progress(what: str, done: int, total: int) -> None:
        bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    try:
        found = list(
            evaluate(
                truth,
                Path(options.images),
                options.models or [settings.model.name],
                options.crop or ["frame"],
                settings,
                answers=answers,
                progress=progress,
            )
        )
    finally:
        bar.stop()
        answers.close()
    if options.json:
        figures = {"machine": machine(), "annotations": options.annotations}
        print(json.dumps({**figures, "models": [asdict(one) for one in found]}, indent=2))
        return 0
    print(f"{machine()}; {options.annotations}")
    rows = [
        (
            *(one.model, one.mode, str(one.pictures)),
            *(f"{value:.3f}" for value in (one.ap, one.ap50, one.ap75, one.ar)),
            f"{one.inference_ms:.1f}",
        )
        for one in found
    ]
    header = ("Model", "Crop", "Pictures", "AP", "AP50", "AP75", "AR", "Inference ms")
    _print_table(header, rows, sys.stdout)
    return 0


def command_models_info(options: argparse.Namespace) -> int:
    """``pose-edge models info NAME``."""
    from pose_edge.zoo import Zoo

    zoo = Zoo()
    if options.name in zoo.downloads:
        download = zoo.downloads[options.name]
        details = {**download.model_dump(), "file": str(zoo.fetched_path(download))}
    else:
        entry = zoo.entry(options.name)
        details = {**entry.model_dump(), "file": str(zoo.path(entry))}
        details |= {"input": str(entry.input), "output": str(entry.output)}
    if options.json:
        print(json.dumps(details, indent=2))
    else:
        width = max(map(len, details))
        print("\n".join(f"{key:<{width}}  {value}" for key, value in details.items()))
    return 0


def command_models_verify(options: argparse.Namespace) -> int:
    """``pose-edge models verify``: every model that is here, or those named."""
    from pose_edge.zoo import Zoo

    zoo = Zoo()
    worst = 0
    fetched = [name for name, one in zoo.downloads.items() if zoo.fetched_path(one).exists()]
    for name in options.names or [*zoo.entries, *fetched]:
        try:
            zoo.find(name)
        except ModelError as error:
            print(f"{name}: {error}")
            worst = error.exit_status
        else:
            print(f"{name}: whole")
    return worst


def command_bench_model(options: argparse.Namespace) -> int:
    """``pose-edge bench model``."""
    from pose_edge.bench import bench_models, machine
    from pose_edge.zoo import Zoo

    settings = _settings(options)
    timings = bench_models(settings, options.names or list(Zoo().entries), options.runs)
    if options.json:
        figures = {"machine": machine(), "models": [asdict(timing) for timing in timings]}
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{machine()}, {options.runs} interleaved runs")
    rows = [
        (t.name, f"{t.median_ms:.2f} ms", f"{t.p95_ms:.2f} ms", f"{t.ratio:.2f}", t.runtime)
        for t in timings
    ]
    _print_table(("Model", "Median", "95 %", "Ratio", "Runtime"), rows, sys.stdout)
    return 0


def command_bench_child(options: argparse.Namespace) -> int:
    """``pose-edge bench child``."""
    from pose_edge.bench import bench_child, machine

    timing = bench_child(_settings(options), options.runs)
    if options.json:
        figures = {"machine": machine(), **asdict(timing), "cost_ms": timing.cost_ms}
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{machine()}; {timing.model} by {timing.runtime}; {options.runs} interleaved runs")
    print(f"in this process  {timing.here_ms:6.2f} ms")
    print(f"in a child       {timing.child_ms:6.2f} ms")
    print(f"the child costs  {timing.cost_ms:6.2f} ms")
    return 0


def command_bench_pipeline(options: argparse.Namespace) -> int:
    """``pose-edge bench pipeline``."""
    from pose_edge.bench import bench_pipeline, machine

    settings = _settings(options)
    timing = bench_pipeline(settings, options.source or "demo", options.rounds)
    if options.json:
        figures = {"machine": machine(), **asdict(timing), "ratio": timing.ratio}
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{machine()}; {timing.model} by {timing.runtime}; {timing.frames} frames a round")
    for what, fps in (("pipeline", timing.pipeline_fps), ("bare loop", timing.bare_fps)):
        rounds = ", ".join(f"{value:.1f}" for value in fps)
        print(f"{what:<9}  {statistics.median(fps):6.1f} fps  (rounds: {rounds})")
    print(f"ratio      {timing.ratio:6.2f}")
    return 0


def command_doctor(options: argparse.Namespace) -> int:
    """``pose-edge doctor``."""
    from pose_edge.doctor import as_json, as_lines, coloured, has_fault, plain, run_doctor

    findings = run_doctor(_patient(options), progress=_show_sections)
    if options.json:
        print(json.dumps(as_json(findings), indent=2))
    else:
        terminal = sys.stdout.isatty()
        colours = terminal and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size().columns if terminal else None
        print("\n".join(as_lines(findings, coloured if colours else plain, width)))
    return 1 if has_fault(findings) else 0


def command_config_check(options: argparse.Namespace) -> int:
    """``pose-edge config check``."""
    settings_file = find_config(options.config, os.environ)
    _settings(options)
    print(f"{settings_file}: no faults")
    return 0


def command_config_show(options: argparse.Namespace) -> int:
    """``pose-edge config show``: the settings in force, as a commented file."""
    print(render_config(Settings() if options.defaults else _settings(options)), end="")
    return 0


def command_config_schema(options: argparse.Namespace) -> int:
    """``pose-edge config schema``: the JSON Schema of config.yaml."""
    del options
    print(json.dumps(config_schema(), indent=2))
    return 0


def command_service_install(options: argparse.Namespace) -> int:
    """``pose-edge service install``."""
    from pose_edge import resources
    from pose_edge.service import Wishes, find_origin, find_places, install

    settings = _settings(options, Path(options.config or resources.default_config()))
    prepared = Path(options.prepared) if options.prepared else None
    places = find_places(options.prefix)
    wishes = Wishes(
        origin=find_origin(None if prepared else options.wheel),
        settings=settings,
        extras=tuple(options.extras) if options.extras else None,
        find_links=Path(options.find_links).resolve() if options.find_links else None,
        start=not options.no_start,
        prepared=prepared,
    )
    environment = install(_machine(options), places, wishes)
    if environment is not None:
        command = str(environment / "bin" / "pose-edge")
        os.execv(command, [command, *sys.argv[1:], "--prepared", str(environment)])  # noqa: S606
    return _told_how(options)


def command_service_uninstall(options: argparse.Namespace) -> int:
    """``pose-edge service uninstall``."""
    from pose_edge.service import Places, uninstall

    if not uninstall(_machine(options), Places(), purge=options.purge):
        print("the service is not installed")
        return 0
    return _told_how(options)


def command_service_status(options: argparse.Namespace) -> int:
    """``pose-edge service status``: status 0 while it runs."""
    from pose_edge.service import Machine, Places, as_json, as_lines, read_status

    status = read_status(Machine(print), Places())
    if options.json:
        print(json.dumps(as_json(status), indent=2))
    else:
        print("\n".join(as_lines(status)))
    return 0 if status.running else 1


COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "run": command_run,
    "annotate": command_annotate,
    "models list": command_models_list,
    "models fetch": command_models_fetch,
    "eval": command_eval,
    "models info": command_models_info,
    "models verify": command_models_verify,
    "bench model": command_bench_model,
    "bench child": command_bench_child,
    "bench pipeline": command_bench_pipeline,
    "doctor": command_doctor,
    "config check": command_config_check,
    "config show": command_config_show,
    "config schema": command_config_schema,
    "service install": command_service_install,
    "service uninstall": command_service_uninstall,
    "service status": command_service_status,
}
"""What each command of `arguments` does."""


def _settings(options: argparse.Namespace, path: Path | None = None) -> Settings:
    """Read the configuration, by default the one in force, with the command line on top."""
    path = path or find_config(options.config, os.environ)
    settings = load_config(path, os.environ, _overrides(options))
    logs.start_with(settings)
    log.debug("configuration: %s", path)
    return settings


def _overrides(options: argparse.Namespace) -> list[tuple[str, str, str]]:
    """Return what the command line sets: key, value, and the option as it was typed."""
    overrides = []
    for assignment in options.set:
        key, equals, value = assignment.partition("=")
        if not equals:
            _usage(f"--set {assignment}: expected SECTION.KEY=VALUE")
        overrides.append((key.strip(), value, f"--set {assignment}"))
    for option, key in OPTION_KEYS.items():
        value = getattr(options, option, None)
        if value is not None:
            overrides.append((key, value, f"--{option.replace('_', '-')} {value}"))
    return overrides


def _machine(options: argparse.Namespace) -> Any:  # noqa: ANN401 - service.Machine, imported late
    """Return the machine to install on: one that only says what it would do, without root."""
    from pose_edge.service import Machine

    return Machine(partial(print, flush=True), dry=options.dry_run or os.geteuid() != 0)


def _told_how(options: argparse.Namespace) -> int:
    """Return the exit status of a change to the machine, after it was done or only said."""
    from pose_edge.service import ServiceError

    if options.dry_run or os.geteuid() == 0:
        return 0
    command = Path(sys.argv[0])
    how = [str(command.absolute())] if command.name != "__main__.py" else [sys.executable, "-m"]
    words = [*how, *(["pose_edge"] if len(how) > 1 else []), *sys.argv[1:]]
    raise ServiceError(f"nothing was changed: this takes root. Type: sudo {shlex.join(words)}")


def _patient(options: argparse.Namespace) -> Patient:
    """Read the configuration for the doctor, to whom a faulty file is a finding, not the end."""
    from pose_edge.doctor import Patient

    path = find_config(options.config, os.environ)
    faults: list[str] = []
    try:
        settings = _settings(options)
    except ConfigError as error:
        faults = error.faults
        # What was typed must be right all the same: this complains of nothing else.
        settings = load_config(resources.default_config(), {}, _overrides(options))
        logs.start_with(settings)
    return Patient(
        settings,
        path,
        tuple(faults),
        use_camera=not options.no_camera,
        use_models=not options.no_inference,
    )


def _show_sections(names: list[str]) -> None:
    """Say on a terminal what the doctor is looking at, on a line that vanishes."""
    if sys.stderr.isatty() and _people_read():
        text = f"looking at {', '.join(names)} ..." if names else ""
        room = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:room]}", end="", file=sys.stderr, flush=True)


def _usage(message: str) -> NoReturn:
    from pose_edge.errors import UsageError

    raise UsageError(message)


def _people_read() -> bool:
    """Whether the standard error is for people, so that bars and tables may stand there too."""
    return logs.written_for() == "text"


def _quiet_libraries() -> None:
    """Keep FFmpeg and OpenCV from writing to the terminal: faults are reported in our own words."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")


def _let_go_of_stdout() -> None:
    """Flush what was printed; where nobody reads it any more, Python would complain at its end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_report(report: Any) -> None:  # noqa: ANN401 - run.RunReport, which is imported late
    rows = [
        (stage, f"{summary.median:.1f}", f"{summary.p95:.1f}", str(summary.count))
        for stage, summary in report.stages.items()
    ]
    if _people_read() and rows:
        _print_table(("Stage", "Median ms", "95 % ms", "Frames"), rows, sys.stderr)
    elif rows:
        stages = ", ".join(f"{stage} {median} ({p95})" for stage, median, p95, _count in rows)
        log.info("median (95 %%) in ms: %s", stages)
    rate = report.processed / report.seconds if report.seconds > 0 else 0.0
    shares = ", ".join(f"{backend}: {count}" for backend, count in report.backends.items())
    log.info(
        "%d frames in %.1f s (%.1f fps), somebody in %d of them, %d skipped%s",
        report.processed,
        report.seconds,
        rate,
        report.with_person,
        report.skipped,
        f"; by {shares}" if len(report.backends) > 1 else "",
    )


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]], stream: Any) -> None:  # noqa: ANN401
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    # A pipe has no width: nothing may be cut off there.
    Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH).print(table)
