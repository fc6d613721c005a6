"""Installs the service: program, configuration, user, udev rules, unit."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.service.configuration import digest, holds_secret, is_edited, service_config
from pose_edge.service.machine import PRIVATE, Machine, ServiceError, Step
from pose_edge.service.origin import Origin
from pose_edge.service.places import PREFIX, USER, InstallRecord, Places, load_record
from pose_edge.service.program import make_environment, remove_unused_environments
from pose_edge.util import resources
from pose_edge.util.paths import exists, is_dir, is_file
from pose_edge.util.systemd import UNIT

TOKEN_BYTES: Final = 12
"""Random bytes in the page's token: too many to guess, and only 16 characters to type."""
GROUPS: Final = ("video", "render", "input", "plugdev", "tty")
"""Groups of the service's user; created where they do not exist."""


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """The options of an install.

    Attributes:
        origin: What to install.
        settings: Settings for a new configuration file; one that the user has edited is kept.
        extras: Extras of the package to install in addition to those of the last install.
        find_links: A folder of wheels to use instead of the network.
        start: Whether to start the service at the end.
        prepared: The virtual environment that an older version has created for this one.
    """

    origin: Origin
    settings: Settings
    extras: tuple[str, ...] = ()
    find_links: Path | None = None
    start: bool = True
    prepared: Path | None = None


def install(machine: Machine, places: Places, options: InstallOptions) -> Path | None:
    """Install the service, or upgrade it.

    Needs root, except in a dry run.

    Returns:
        None when the install is complete. For a wheel, the new virtual environment: the caller must
        run `pose-edge service install` from it for the remaining steps, so that unit, configuration
        and user are those of the new version.

    Raises:
        ServiceError: The prefix is not that of the last install, another install is running, or a
            step failed. An earlier version keeps running if it was not replaced yet.
        UnavailableError: Something that a step needs is not available.
    """
    record = load_record(places.record) or InstallRecord()
    if record.prefix not in ("", str(places.prefix)):
        raise ServiceError(
            f"the service is installed in {record.prefix}",
            remedy="to move it, first: pose-edge service uninstall",
        )
    if not machine.dry:
        os.umask(0o022)  # the service's user must be able to read root's files
    installation = _Installation(
        machine, places, options, record, options.prepared or places.current
    )
    with _lock(machine, places):
        if options.origin.kind == "wheel" and options.prepared is None and not machine.dry:
            machine.run_steps([installation.program_step()])
            return installation.environment
        try:
            machine.run_steps(installation.steps())
        except BaseException:
            installation.discard_new_environment()
            raise
    return None


@dataclass(slots=True)
class _Installation:
    """The steps of an install, and the state that they share."""

    machine: Machine
    places: Places
    options: InstallOptions
    record: InstallRecord
    environment: Path

    def steps(self) -> list[Step]:
        places = self.places
        return [
            self.program_step(),
            (f"user {USER}, in groups {', '.join(GROUPS)}", self._provide_user),
            (f"configuration: {places.config}", self._configure),
            (f"switch to the new program: {places.current}, {places.command}", self._switch),
            (f"udev rules: {places.rules}", self._provide_rules),
            (f"unit: {places.unit}", self._provide_unit),
            ("start, now and at power-on", self._start),
            ("remove what is not used any more", self._tidy),
        ]

    def discard_new_environment(self) -> None:
        """Remove a new environment that is not in use yet: it is large, and SD cards are small."""
        if self.environment != self.places.current and not self.machine.dry:
            remove_unused_environments(self.machine, self.places, ())

    def program_step(self) -> Step:
        where = f"program: {self.places.prefix}, {self.options.origin}"
        return (f"{where} (takes minutes on a Pi)", self._provide_program)

    def _save_record(self, *paths: Path) -> None:
        """Record paths before they are written, so that `uninstall` knows them after any failure.

        Parent folders that do not exist yet are recorded, too.
        """
        self.record.prefix = str(self.places.prefix)
        for path in paths:
            made = [str(folder) for folder in path.parents if not exists(folder)]
            self.record.files = list(dict.fromkeys([*self.record.files, str(path)]))
            self.record.folders = list(dict.fromkeys([*self.record.folders, *made]))
        if not self.machine.dry:
            self.machine.write(self.places.record, self.record.text())

    def _provide_program(self) -> None:
        if self.options.prepared is not None:
            return
        self._check_prefix()
        self.record.extras = sorted({*self.record.extras, *self.options.extras})
        self._save_record()
        remove_unused_environments(
            self.machine, self.places, (Path(sys.prefix),)
        )  # this process runs from it
        self.environment = make_environment(
            self.machine,
            self.places,
            self.options.origin,
            self.record.extras,
            self.options.find_links,
        )

    def _check_prefix(self) -> None:
        """Raise ServiceError if the prefix contains files of another program."""
        prefix = self.places.prefix
        ours = {self.places.versions.name, self.places.current.name}
        others = [one.name for one in prefix.iterdir()] if is_dir(prefix) else []
        others = [name for name in others if name not in ours]
        if others and not self.record.prefix:
            raise ServiceError(
                f"{prefix} is in use for something else ({', '.join(sorted(others)[:3])})",
                remedy="choose another folder with --prefix",
            )

    def _configure(self) -> None:
        machine, places = self.machine, self.places
        plain, wanted = service_config(Settings()), service_config(self.options.settings)
        present = places.config.read_text(encoding="utf-8") if is_file(places.config) else None
        if is_edited(present, wanted, self.record.default_config):
            machine.note("has been edited: it stays as it is")
        else:
            machine.write(places.config, wanted, mode=PRIVATE if holds_secret(wanted) else None)
            present = wanted
        self._protect(present)
        self._provide_token()
        # Recorded after the write: if the write is interrupted, the old file is still unedited.
        self.record.default_config = digest(plain)
        self._save_record()
        if present == plain:
            machine.remove(places.default_config)
        elif machine.write(places.default_config, plain):
            machine.note(f"the default of this version: {places.default_config}")
        # The new program checks the file, because only that version knows its settings.
        check = ("config", "check", "--config", places.config)
        machine.run(self.environment / "bin" / "pose-edge", *check)

    def _protect(self, config: str | None) -> None:
        """Make a configuration with a password readable by root and the service's group only."""
        group = _number(self.places.root / "etc/group", USER)
        if config is not None and holds_secret(config) and is_file(self.places.config):
            self.machine.restrict(self.places.config, 0 if group is None else group)

    def _provide_token(self) -> None:
        """Create the token of the page unless it exists."""
        machine, token = self.machine, self.places.token
        if not is_file(token):
            machine.write(token, f"{secrets.token_urlsafe(TOKEN_BYTES)}\n", mode=PRIVATE)
        if is_file(token):  # not in a dry run
            group = _number(self.places.root / "etc/group", USER)
            machine.restrict(token, 0 if group is None else group)

    def _switch(self) -> None:
        places, machine = self.places, self.machine
        machine.link(places.current, self.environment.relative_to(places.prefix))
        self.record.version = self.options.origin.version
        command = places.command
        target = places.current / "bin" / "pose-edge"
        if str(command) in self.record.files or not os.path.lexists(command):
            self._save_record(command)
            machine.link(command, target)
        else:
            self._save_record()
            machine.note(f"{command} is another program: it stays; this one is {target}")

    def _provide_user(self) -> None:
        places, record = self.places, self.record
        record.user |= USER not in _names(places.root / "etc/passwd")
        existing = _names(places.root / "etc/group")
        record.groups += [one for one in GROUPS if one not in (*existing, *record.groups)]
        self._save_record(places.sysusers)
        self.machine.write(places.sysusers, resources.service_user().read_text(encoding="utf-8"))
        self.machine.run("systemd-sysusers", places.sysusers)

    def _provide_rules(self) -> None:
        places, machine = self.places, self.machine
        self._save_record(places.rules)
        machine.write(places.rules, resources.udev_rules().read_text(encoding="utf-8"))
        if places.udev_running:
            machine.run("udevadm", "control", "--reload")
            machine.run("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=apex")

    def _provide_unit(self) -> None:
        places, machine = self.places, self.machine
        text = resources.service_unit().read_text(encoding="utf-8")
        self._save_record(places.unit)
        machine.write(places.unit, text.replace(str(PREFIX), str(places.prefix)))
        if places.running:
            machine.run("systemctl", "daemon-reload")

    def _start(self) -> None:
        places, machine = self.places, self.machine
        machine.run("systemctl", "enable", "--quiet", UNIT)
        if not places.running:
            machine.note("systemd does not run here: the service starts at power-on")
        elif self.options.start:
            if places.desktop:
                machine.note(
                    "a desktop uses the screen, so the service cannot show anything there. To give "
                    "it the screen: sudo systemctl set-default multi-user.target, then reboot"
                )
            machine.run("systemctl", "restart", UNIT)
        else:
            machine.note(f"not started now: sudo systemctl restart {UNIT}")

    def _tidy(self) -> None:
        # A service that was not restarted may still open files of the old program.
        if self.options.start or not self.places.running:
            remove_unused_environments(self.machine, self.places, (self.environment,))


@contextmanager
def _lock(machine: Machine, places: Places) -> Iterator[None]:
    """Hold a lock on the prefix, so that two installs cannot run at the same time."""
    if machine.dry:
        yield
        return
    places.prefix.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(places.prefix, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(f"another install is running in {places.prefix}") from None
        yield
    finally:
        os.close(descriptor)


def _names(path: Path) -> list[str]:
    """Return the names in a file like /etc/passwd."""
    return [line[0] for line in _lines(path)]


def _number(path: Path, name: str) -> int | None:
    """Return the numeric id of a name in a file like /etc/group; None if it is not there."""
    found = (line[2] for line in _lines(path) if line[0] == name and len(line) > 2)
    return next((int(number) for number in found if number.isdecimal()), None)


def _lines(path: Path) -> list[list[str]]:
    if not is_file(path):
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line.split(":") for line in text.splitlines()]
