"""Draw the poses on every frame of videos, pictures and folders of pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

from pose_edge.config.outputs import CsvSettings, PosesSettings, RecordSettings
from pose_edge.config.schema import Settings
from pose_edge.errors import EndOfStream, OutputError, SourceError, UsageError
from pose_edge.estimators import Estimator
from pose_edge.offline.annotate_outputs import (
    DrawnCopy,
    DrawnOutput,
    choose_copies,
    make_folder,
)
from pose_edge.offline.text_outputs import TextOutputs
from pose_edge.overlay import Renderer
from pose_edge.pipeline.loading import load_model, with_full_effort
from pose_edge.pipeline.pipeline import Pipeline
from pose_edge.poses import Result
from pose_edge.sinks.name_pattern import NamePattern, is_standard_output
from pose_edge.sinks.output_guard import (
    Target,
    check_places,
    check_targets,
    files_read,
    run_targets,
)
from pose_edge.sources import Source, choose_source
from pose_edge.sources.spec import SourceKind, parse_source
from pose_edge.telemetry import Telemetry
from pose_edge.tracking import PoseTracker
from pose_edge.util.paths import exists, unambiguous, user_path
from pose_edge.util.urls import redact


@dataclass(frozen=True, slots=True)
class AnnotateReport:
    """Outcome of one input of `annotate`.

    Attributes:
        name: The input as given by the user.
        frames: Number of processed frames.
        with_person: Number of processed frames with at least one person.
        outputs: The files that were written, or the folder of pictures.
        finished: Whether processing ended by itself; False if `stop` was set first.
        missing: Messages on what could not be read or written; empty if everything could.
    """

    name: str
    frames: int
    with_person: int
    outputs: tuple[Path, ...]
    finished: bool
    missing: tuple[str, ...]


def annotate(
    settings: Settings,
    names: Sequence[str],
    output: str | None,
    *,
    draw: bool,
    stop: threading.Event,
    progress: Callable[[str, int, int | None], None],
    config: Path | None = None,
    force: bool = False,
) -> list[AnnotateReport]:
    """Process every frame of each input, one input after the other.

    Args:
        settings: Model, overlay, video quality, and the paths of the pose files.
        names: Videos, pictures, folders of pictures, or "demo".
        output: Where drawn copies go, see `choose_copies`.
        draw: Whether to write drawn copies, or only poses.
        stop: Set it to finish the outputs and return early.
        progress: Called after each frame with the input's name, the number of frames done and the
            total number of frames, or None if that is unknown.
        config: The configuration file, which must not be overwritten.
        force: Whether existing files may be replaced.

    Returns:
        A report of each input that was started. If one of several inputs cannot be read, its
        report says so, and the remaining inputs are processed.

    Raises:
        UsageError: An input is not a file, or an output would overwrite an input, the
            configuration, another output or (without `force`) an existing file. Nothing was opened.
        PoseEdgeError: The model, an output or the only input cannot be opened, or an output cannot
            be written any more.
    """
    plan = _make_plan(settings, names, output, draw=draw, config=config, force=force)
    runs: list[_InputRun] = []
    with ExitStack() as stack:
        estimator = load_model(with_full_effort(settings), stack, wait=True, stop=stop)
        texts = TextOutputs(plan.poses, plan.csv, replace=force)
        stack.callback(texts.close)
        texts.open()
        if plan.folder is not None:
            make_folder(plan.folder)
        for item in plan.items:
            if stop.is_set():
                break
            if runs:
                estimator.reset()  # forget the people of the previous input
            if len(plan.items) > 1:
                texts.name = Path(item.name).name
            run = _InputRun(item, estimator, texts, stop, force=force)
            try:
                run.go(partial(progress, item.name))
            except SourceError as error:
                if len(plan.items) == 1:
                    raise
                run.unreadable = str(error)
            runs.append(run)
    texts.check()
    return [run.report() for run in runs]  # after texts.close(): its list of files is final now


@dataclass(frozen=True, slots=True)
class _Item:
    """One input.

    Attributes:
        name: The input as given by the user.
        settings: The settings with the input as source.
        source: The source, not yet open.
        copy: The drawn copy to write, or None.
    """

    name: str
    settings: Settings
    source: Source
    copy: DrawnCopy | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is read and written.

    Attributes:
        items: The inputs.
        poses: Where the pose lines go.
        csv: Where the table goes.
        folder: The folder for the drawn copies of several inputs; None if there is one input.
    """

    items: list[_Item]
    poses: PosesSettings
    csv: CsvSettings
    folder: Path | None


def _make_plan(
    settings: Settings,
    names: Sequence[str],
    output: str | None,
    *,
    draw: bool,
    config: Path | None,
    force: bool,
) -> _Plan:
    """Choose sources and outputs, and check that nothing is overwritten; see `annotate`."""
    each = [_with_source(settings, name) for name in names]
    sources = [_choose_file(one) for one in each]
    given = NamePattern(output).current() if output is not None else None
    stills = [source.still for source in sources]
    paths = [user_path(name) for name in names]
    copies = choose_copies(list(zip(paths, stills, strict=True)), given) if draw else []
    folder = given if draw and len(names) > 1 else None
    poses = settings.poses.model_copy(update={"path": _stamp_path(settings.poses.path)})
    csv = settings.csv.model_copy(update={"path": _stamp_path(settings.csv.path)})
    written = settings.model_copy(update={"record": RecordSettings(), "poses": poses, "csv": csv})
    targets = [
        *([Target("-o", folder, folder=True)] if folder is not None else []),
        *(target for copy in copies for target in copy.targets()),
        *run_targets(written, numbered=False),
    ]
    read = [path for one in each for path in files_read(one, config)]
    check_targets(targets, read, replace=force)
    check_places(targets)
    items = [
        _Item(*item)
        for item in zip_longest(names, each, sources, copies)  # no copy without `draw`
    ]
    return _Plan(items, poses, csv, folder)


def _stamp_path(path: str | None) -> str | None:
    """Fill the current time into a path once, so that all inputs share one file."""
    if path is None or is_standard_output(path):
        return path
    return unambiguous(NamePattern(path).current())


def _with_source(settings: Settings, name: str) -> Settings:
    source = settings.source.model_copy(update={"name": name, "loop": False, "poses": None})
    return settings.model_copy(update={"source": source})


def _choose_file(settings: Settings) -> Source:
    """Return the source of the settings, or raise UsageError if it is not a file."""
    name, path = settings.source.name, user_path(settings.source.name)
    try:
        source = None if name == "auto" else choose_source(settings.source, settings.camera)
    except SourceError as error:
        if "://" in name or exists(path):
            raise
        what = "a link to nothing" if path.is_symlink() else "no such file or folder"
        raise SourceError(f"{path}: {what}") from error
    if source is None or source.live:
        shown = redact(name)
        raise UsageError("annotate reads files", remedy=f"use `pose-edge run --source {shown}`")
    return source


class _InputRun:
    """Processes one input.

    Attributes:
        unreadable: Why the input could not be read to its end; None if it could.
    """

    def __init__(
        self,
        item: _Item,
        estimator: Estimator,
        texts: TextOutputs,
        stop: threading.Event,
        *,
        force: bool,
    ) -> None:
        self._item = item
        self._stop = stop
        self._texts = texts
        self._drawn: DrawnOutput | None = None
        if item.copy is not None:
            self._drawn = DrawnOutput(item.copy, item.settings.record, replace=force)
        self._pipeline = Pipeline(
            item.source,
            estimator,
            Telemetry(),
            tracker=PoseTracker(item.settings, live=False),
            sinks=[texts],
        )
        self._frames = self._with_person = 0
        self._finished = False
        self.unreadable: str | None = None

    def go(self, progress: Callable[[int, int | None], None]) -> None:
        """Process all frames; see `annotate`."""
        source = self._item.source
        renderer = Renderer(self._item.settings.overlay, mirror=False)
        with ExitStack() as stack:
            if self._drawn is not None:
                stack.callback(self._drawn.close)
            stack.callback(self._pipeline.stop)
            self._pipeline.open()
            if self._drawn is not None:
                self._drawn.open(source.frame_rate, self._find_sound())
            # On any failure, closing the generator releases the last result before the pipeline
            # stops.
            for result in stack.enter_context(closing(self._results())):
                if self._drawn is not None:
                    self._drawn.write(renderer.draw(renderer.scene(result)), result)
                self._frames += 1
                self._with_person += bool(result.poses)
                progress(self._frames, source.frame_count)
            self._finished = not self._stop.is_set()
        self._check()

    def report(self) -> AnnotateReport:
        """Return the outcome."""
        drawn = self._drawn
        return AnnotateReport(
            self._item.name,
            self._frames,
            self._with_person,
            (*(drawn.paths if drawn else ()), *self._texts.paths),
            self._finished or self.unreadable is not None,
            (
                *([self.unreadable] if self.unreadable else []),
                *self._pipeline.missing,
                *(drawn.missing if drawn else ()),
            ),
        )

    def _check(self) -> None:
        """Raise OutputError if an output cannot be written any more."""
        if self._drawn is not None and self._drawn.failed:
            raise OutputError(self._drawn.failed)
        self._texts.check()

    def _find_sound(self) -> str | None:
        """Return the path of the video whose sound is copied; None for pictures."""
        spec = parse_source(self._item.name)
        return spec.location if spec.kind is SourceKind.VIDEO else None

    def _results(self) -> Generator[Result, None, None]:
        """Run the pipeline, and yield each result and release it afterwards.

        Raises:
            OutputError: One of the outputs cannot be written any more.
        """
        self._pipeline.start()
        with suppress(EndOfStream):
            while True:
                unread = self._drawn is None and self._texts.unread
                if self._stop.is_set() or unread:
                    self._pipeline.stop()
                self._check()
                result = self._pipeline.take(0.1)
                if result is None:
                    continue
                try:
                    yield result
                finally:
                    result.release()
