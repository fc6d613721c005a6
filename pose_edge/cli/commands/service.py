"""The command `service`: install, uninstall, status."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from pose_edge.cli.settings import read_settings
from pose_edge.cli.terminal import print_json
from pose_edge.errors import OutputError
from pose_edge.service import (
    InstallOptions,
    Machine,
    Places,
    ServiceError,
    as_json,
    as_lines,
    find_origin,
    find_places,
    install,
    read_status,
    uninstall,
)
from pose_edge.util import resources
from pose_edge.util.paths import absolute, resolved


def command_service_install(options: Namespace) -> int:
    """Run ``pose-edge service install``: install or upgrade the service."""
    settings = read_settings(options, Path(options.config or resources.default_config()))
    prepared = Path(options.prepared) if options.prepared else None
    places = find_places(options.prefix)
    chosen = InstallOptions(
        origin=find_origin(None if prepared else options.wheel),
        settings=settings,
        extras=tuple(options.extras or ()),
        find_links=resolved(Path(options.find_links)) if options.find_links else None,
        start=not options.no_start,
        prepared=prepared,
    )
    environment = install(_machine(options), places, chosen)
    if environment is not None:
        command = str(environment / "bin" / "pose-edge")
        os.execv(command, [command, *sys.argv[1:], "--prepared", str(environment)])  # noqa: S606
    return _exit_status(options)


def command_service_uninstall(options: Namespace) -> int:
    """Run ``pose-edge service uninstall``: remove the service."""
    if not uninstall(_machine(options), Places(), purge=options.purge):
        print("the service is not installed")
        return 0
    return _exit_status(options)


def command_service_status(options: Namespace) -> int:
    """Run ``pose-edge service status``; the exit status is 0 if the service is running."""
    status = read_status(Machine(print), Places())
    if options.json:
        print_json(as_json(status))
    else:
        print("\n".join(as_lines(status)))
    return 0 if status.running else 1


def _machine(options: Namespace) -> Machine:
    """Return the machine to install on; with --dry-run or without root, it changes nothing."""
    dry = options.dry_run or os.geteuid() != 0
    return Machine(print if dry else _say, dry=dry)


def _say(line: str) -> None:
    """Print a line; if that fails, continue rather than stop half-way."""
    with suppress(OutputError, BrokenPipeError):
        print(line, flush=True)


def _exit_status(options: Namespace) -> int:
    """Return the exit status of an install, an uninstall, or a dry run of either.

    Raises:
        ServiceError: Nothing was changed, because root rights are missing.
    """
    if options.dry_run or os.geteuid() == 0:
        return 0
    command = Path(sys.argv[0])
    as_module = command.name == "__main__.py"
    words = [sys.executable, "-m", "pose_edge"] if as_module else [str(absolute(command))]
    typed = shlex.join([*words, *sys.argv[1:]])
    raise ServiceError(f"nothing was changed: this needs root. Type: sudo {typed}")
