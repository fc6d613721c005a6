"""The command `service`: install, uninstall, status."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

from pose_edge.cli.settings import read_settings
from pose_edge.service import (
    Machine,
    Places,
    ServiceError,
    Wishes,
    as_json,
    as_lines,
    find_origin,
    find_places,
    install,
    read_status,
    uninstall,
)
from pose_edge.util import resources


def command_service_install(options: Namespace) -> int:
    """``pose-edge service install``."""
    settings = read_settings(options, Path(options.config or resources.default_config()))
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


def command_service_uninstall(options: Namespace) -> int:
    """``pose-edge service uninstall``."""
    if not uninstall(_machine(options), Places(), purge=options.purge):
        print("the service is not installed")
        return 0
    return _told_how(options)


def command_service_status(options: Namespace) -> int:
    """``pose-edge service status``: status 0 while it runs."""
    status = read_status(Machine(print), Places())
    if options.json:
        print(json.dumps(as_json(status), indent=2))
    else:
        print("\n".join(as_lines(status)))
    return 0 if status.running else 1


def _machine(options: Namespace) -> Machine:
    """Return the machine to install on: one that only says what it would do, without root."""
    return Machine(partial(print, flush=True), dry=options.dry_run or os.geteuid() != 0)


def _told_how(options: Namespace) -> int:
    """Return the exit status of a change to the machine, after it was done or only said."""
    if options.dry_run or os.geteuid() == 0:
        return 0
    command = Path(sys.argv[0])
    how = [str(command.absolute())] if command.name != "__main__.py" else [sys.executable, "-m"]
    words = [*how, *(["pose_edge"] if len(how) > 1 else []), *sys.argv[1:]]
    raise ServiceError(f"nothing was changed: this takes root. Type: sudo {shlex.join(words)}")
