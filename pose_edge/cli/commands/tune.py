"""The command `tune`."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from pose_edge.cli.settings import config_path, read_settings
from pose_edge.cli.terminal import print_json, print_table
from pose_edge.config.edit import change_setting
from pose_edge.config.file import read_config
from pose_edge.errors import ConfigError, UsageError
from pose_edge.live.auto_model import Tuned
from pose_edge.live.signals import Signals
from pose_edge.live.tune import tune
from pose_edge.offline.bench.system import machine
from pose_edge.tuning.choice import busy_share, holds
from pose_edge.util import resources
from pose_edge.util.atomic import write_atomically


def command_tune(options: Namespace) -> int:
    """Run ``pose-edge tune``: measure the models and choose one for this machine."""
    settings = read_settings(options)
    path = config_path(options)
    if options.write:
        _refuse_shipped(path)
        changed_config(path, settings.model.name)  # raises now, not after the measurement
    signals = Signals()
    signals.listen()
    tuned = tune(settings, signals, options.target_fps)
    if options.json:
        figures = {"machine": machine(), **asdict(tuned)}
        print_json(figures)
    else:
        _print(tuned)
    if options.write:
        write_atomically(path, changed_config(path, tuned.choice.model))
        if not options.json:
            print(f"{path}: model.name: {tuned.choice.model}")
    return 0


def changed_config(path: Path, model: str) -> str:
    """Return the text of a configuration file with another model.

    Raises:
        ConfigError: The file cannot be read, or cannot be changed safely.
    """
    try:
        return change_setting(read_config(path), "model", "name", model)
    except ConfigError as error:
        raise ConfigError([f"{path}: {fault}" for fault in error.faults]) from error


def _refuse_shipped(path: Path) -> None:
    if path == resources.default_config():
        raise UsageError(
            "--write: there is no configuration of yours to write to",
            remedy="`pose-edge config show --defaults > FILE` makes one; then --config FILE",
        )


def _print(tuned: Tuned) -> None:
    requirements = tuned.requirements
    print(f"{machine()}; {requirements.rate:.3g} fps to hold")
    rows = [
        (
            *(one.model, f"{tuned.accuracy[one.model]:.3f}", one.backend),
            *(f"{one.median_ms:.1f} ms", f"{one.p95_ms:.1f} ms"),
            *(f"{busy_share(one, requirements):.0%}", f"{one.followed:.0%}"),
            "yes" if holds(one, requirements) else "no",
        )
        for one in tuned.timings
    ]
    header = ("Model", "AP", "On", "Median", "95 %", "Of the time", "Followed", "Holds")
    print_table(header, rows, sys.stdout)
    print(tuned.choice.reason)
