"""The command `annotate`."""

from __future__ import annotations

import logging
from argparse import Namespace
from pathlib import Path

from pose_edge.cli.progress import show_progress
from pose_edge.cli.settings import config_path, read_settings
from pose_edge.live.signals import Signals
from pose_edge.offline.annotate import annotate
from pose_edge.util.text import counted

log = logging.getLogger(__name__)


def command_annotate(options: Namespace) -> int:
    """Run ``pose-edge annotate``: draw poses on videos and pictures."""
    settings = read_settings(options)
    signals = Signals()
    signals.listen_for_the_end()
    note = " (thorough: takes longer)" if settings.model.effort == "thorough" else ""
    with show_progress("frame") as show:
        reports = annotate(
            settings,
            options.inputs,
            options.output,
            draw=options.output is not None or (options.poses or options.csv) is None,
            stop=signals.stop,
            progress=lambda name, done, total: show((Path(name).name or name) + note, done, total),
            config=config_path(options),
            force=options.force,
        )
    several = len(options.inputs) > 1
    for report in reports:
        log.info(
            "%s%s, people in %d%s",
            f"{report.name}: " if several else "",
            counted(report.frames, "frame"),
            report.with_person,
            f": {', '.join(map(str, report.outputs))}" if report.outputs else "",
        )
        for reason in report.missing:
            log.error("%s", reason)
    finished = len(reports) == len(options.inputs) and all(one.finished for one in reports)
    if not finished:
        written = any(one.outputs for one in reports)
        note = "; the files written so far are complete" if written else ""
        log.error("stopped before the end%s", note)
    return 0 if finished and not any(one.missing for one in reports) else 1
