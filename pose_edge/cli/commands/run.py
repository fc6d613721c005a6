"""The command `run`."""

from __future__ import annotations

import logging
import os
import sys
from argparse import Namespace

from pose_edge.cli.settings import config_path, overrides, read_settings
from pose_edge.cli.terminal import log_is_for_people, print_table
from pose_edge.config.load import load_config
from pose_edge.live.run import run
from pose_edge.live.run_report import RunReport
from pose_edge.live.signals import Signals
from pose_edge.util.text import counted

log = logging.getLogger(__name__)


def command_run(options: Namespace) -> int:
    """Run ``pose-edge run``: show a source with skeletons until it ends or is stopped."""
    settings = read_settings(options)
    path = config_path(options)
    signals = Signals()
    signals.listen()
    report = run(
        settings,
        signals,
        lambda: load_config(path, os.environ, overrides(options)),
        config=path,
        replace=options.force,
    )
    _print_report(report)
    for failure in report.failures:
        log.error("not complete: %s", failure)
    return 1 if report.failures else 0


def _print_report(report: RunReport) -> None:
    rows = [
        (stage, f"{summary.median:.1f}", f"{summary.p95:.1f}", str(summary.count))
        for stage, summary in report.stages.items()
    ]
    if log_is_for_people() and rows:
        print_table(("Stage", "Median, ms", "95 %, ms", "Frames"), rows, sys.stderr)
    elif rows:
        stages = ", ".join(f"{stage} {median} ({p95})" for stage, median, p95, _count in rows)
        log.info("median (95 %%) in ms: %s", stages)
    rate = report.processed / report.seconds if report.seconds > 0 else 0.0
    shares = ", ".join(f"{backend}: {count}" for backend, count in report.backends.items())
    log.info(
        "%s in %.1f s (%.1f fps), %d with people, %d skipped%s%s",
        counted(report.processed, "frame"),
        report.seconds,
        rate,
        report.with_person,
        report.skipped,
        f", {report.passed_over} passed over at rest" if report.passed_over else "",
        f"; by {shares}" if len(report.backends) > 1 else "",
    )
