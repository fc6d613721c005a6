"""The command `doctor`."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace

from pose_edge import logs
from pose_edge.cli.settings import config_path, overrides, read_settings
from pose_edge.cli.terminal import log_is_for_people, print_json
from pose_edge.config.load import load_config
from pose_edge.doctor import DoctorContext, as_json, as_lines, has_fault, run_doctor
from pose_edge.errors import ConfigError
from pose_edge.util import resources


def command_doctor(options: Namespace) -> int:
    """Run ``pose-edge doctor``: check this machine; the exit status is 1 if there is a fault."""
    report = run_doctor(_context(options), progress=_show_sections)
    if options.json:
        print_json(as_json(report))
    else:
        terminal = sys.stdout.isatty()
        colour = terminal and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size().columns if terminal else None
        print("\n".join(as_lines(report, width, colour=bool(colour))))
    return 1 if has_fault(report) else 0


def _context(options: Namespace) -> DoctorContext:
    """Read the configuration for the doctor; faults of the file are only recorded."""
    path = config_path(options)
    faults: list[str] = []
    try:
        settings = read_settings(options)
    except ConfigError as error:
        faults = error.faults
        # Use the default settings with the options; this raises if an option is wrong.
        settings = load_config(resources.default_config(), {}, overrides(options))
        logs.start_with(settings)
    return DoctorContext(
        settings,
        path,
        tuple(faults),
        use_camera=not options.no_camera,
        use_models=not options.no_inference,
    )


def _show_sections(names: list[str]) -> None:
    """Show the running sections on a temporary line of the terminal."""
    if sys.stderr.isatty() and log_is_for_people():
        text = f"checking {', '.join(names)} ..." if names else ""
        room = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:room]}", end="", file=sys.stderr, flush=True)
