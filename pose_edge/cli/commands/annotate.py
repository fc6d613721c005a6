"""The command `annotate`."""

from __future__ import annotations

import logging
from argparse import Namespace
from pathlib import Path

from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from pose_edge.cli.settings import config_path, read_settings
from pose_edge.cli.terminal import progress_bars
from pose_edge.live.signals import Signals
from pose_edge.offline.annotate import annotate
from pose_edge.util.text import counted

log = logging.getLogger(__name__)


def command_annotate(options: Namespace) -> int:
    """``pose-edge annotate``."""
    settings = read_settings(options)
    signals = Signals()
    signals.listen_for_the_end()
    draw = options.output is not None or options.poses is None
    name = Path(options.input).name or options.input
    with progress_bars(MofNCompleteColumn(), TimeRemainingColumn()) as show:
        report = annotate(
            settings,
            options.input,
            options.output,
            draw=draw,
            stop=signals.stop,
            progress=lambda done, total: show(name, done, total),
            config=config_path(options),
            replace=options.force,
        )
    log.info(
        "%s, %d of them with people%s",
        counted(report.frames, "frame"),
        report.with_person,
        f": {', '.join(map(str, report.outputs))}" if report.outputs else "",
    )
    for reason in report.missing:
        log.error("%s", reason)
    if not report.finished:
        log.error("stopped before the end; the files written so far are complete")
    return 0 if report.finished and not report.missing else 1
