"""Putting the service there: program, configuration, user, udev rules, unit."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.config.schema import Settings
from pose_edge.service.configuration import digest, judge, service_config
from pose_edge.service.install_record import Manifest, load_manifest
from pose_edge.service.machine import Machine
from pose_edge.service.origin import Origin
from pose_edge.service.places import PREFIX, UNIT, USER, Places
from pose_edge.service.program import make_environment, remove_others
from pose_edge.service.steps import ServiceError, Step, run_steps
from pose_edge.util import resources

GROUPS: Final = ("video", "render", "input", "plugdev", "tty")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks for.

    Attributes:
        origin: What to install.
        settings: Those to start with; an edited configuration that is there stays.
        extras: Of the program; None: those of the last install.
        find_links: A folder of wheels to use in place of the network.
        start: Whether the service is started at the end.
        prepared: An environment that an older version has made for this one.
    """

    origin: Origin
    settings: Settings
    extras: tuple[str, ...] | None = None
    find_links: Path | None = None
    start: bool = True
    prepared: Path | None = None


def install(machine: Machine, places: Places, wishes: Wishes) -> Path | None:
    """Install the service, or bring it up to date.

    Args:
        machine: To do it on; as root, unless it is a dry one.
        places: Where things lie; the prefix of an install that is there must be the same.
        wishes: What is asked for.

    Returns:
        None when all is done. After the program came from a wheel: its new environment; whoever
        called must start `pose-edge service install` there to do the rest, for unit,
        configuration and user are then those that the new version wants.

    Raises:
        ServiceError: A step failed; an earlier version runs on if the new one was not begun yet.
    """
    manifest = load_manifest(places.manifest) or Manifest()
    if manifest.prefix not in ("", str(places.prefix)):
        raise ServiceError(
            f"the service is installed in {manifest.prefix}; to move it, first: "
            "pose-edge service uninstall"
        )
    if not machine.dry:
        os.umask(0o022)  # the service's user must be able to read what root installs
    installation = _Installation(machine, places, wishes, manifest)
    with _only_one(machine, places):
        if wishes.origin.kind == "wheel" and wishes.prepared is None and not machine.dry:
            run_steps([installation.program_step()], machine.say)
            return installation.environment
        try:
            run_steps(installation.steps(), machine.say)
        except BaseException:
            installation.give_up()
            raise
    return None


class _Installation:
    """The steps, and what one leaves for the next."""

    def __init__(
        self, machine: Machine, places: Places, wishes: Wishes, manifest: Manifest
    ) -> None:
        self._machine = machine
        self._places = places
        self._wishes = wishes
        self._manifest = manifest
        self.environment = wishes.prepared or places.current

    def steps(self) -> list[Step]:
        places = self._places
        return [
            self.program_step(),
            Step(f"configuration: {places.config}", self._configure),
            Step(f"switch to the new program: {places.current}, {places.command}", self._switch),
            Step(f"user {USER}, in groups {', '.join(GROUPS)}", self._provide_user),
            Step(f"udev rules: {places.rules}", self._provide_rules),
            Step(f"unit: {places.unit}", self._provide_unit),
            Step("start, now and at power-on", self._start),
            Step("clear away what is not used any more", self._tidy),
        ]

    def give_up(self) -> None:
        """Remove a new program that was not begun to be used: it is large, and cards are small."""
        if self.environment != self._places.current and not self._machine.dry:
            remove_others(self._machine, self._places, ())

    def program_step(self) -> Step:
        where = f"program: {self._places.prefix}, {self._wishes.origin}"
        return Step(f"{where} (takes minutes on a Pi)", self._provide_program)

    def _note(self, *paths: Path) -> None:
        """Note what is about to be put there, so that it can be taken away whatever happens."""
        self._manifest.prefix = str(self._places.prefix)
        for path in paths:
            folders = [folder for folder in path.parents if not folder.exists()]
            self._manifest.add(path, folders)
        if not self._machine.dry:
            self._machine.write(self._places.manifest, self._manifest.text())

    def _provide_program(self) -> None:
        if self._wishes.prepared is not None:
            return
        self._check_prefix()
        if self._wishes.extras is not None:
            self._manifest.extras = sorted(set(self._wishes.extras))
        self._note()
        remove_others(self._machine, self._places, (Path(sys.prefix),))  # needed for the rest
        self.environment = make_environment(
            self._machine,
            self._places,
            self._wishes.origin,
            self._manifest.extras,
            self._wishes.find_links,
        )

    def _check_prefix(self) -> None:
        """Refuse a folder in which somebody else's files are."""
        prefix = self._places.prefix
        ours = {self._places.versions.name, self._places.current.name}
        others = [one.name for one in prefix.iterdir()] if prefix.is_dir() else []
        others = [name for name in others if name not in ours]
        if others and not self._manifest.prefix:
            raise ServiceError(
                f"{prefix} is in use for something else ({', '.join(sorted(others)[:3])}); "
                "say with --prefix where the program may go"
            )

    def _configure(self) -> None:
        machine, places = self._machine, self._places
        plain, wanted = service_config(Settings()), service_config(self._wishes.settings)
        present = places.config.read_text(encoding="utf-8") if places.config.is_file() else None
        verdict = judge(present, wanted, self._manifest.default_config)
        if verdict in ("new", "outdated"):
            machine.write(places.config, wanted)
            present = wanted
        elif verdict == "edited":
            machine.note("has been edited: it stays as it is")
        # Not noted before: if that is interrupted, the old one would count as edited.
        self._manifest.default_config = digest(plain)
        self._note()
        if present == plain:
            machine.remove(places.default_config)
        elif machine.write(places.default_config, plain):
            machine.note(f"the default of this version: {places.default_config}")
        # By the new program: only it knows which settings it has.
        check = ("config", "check", "--config", places.config)
        machine.run(self.environment / "bin" / "pose-edge", *check)

    def _switch(self) -> None:
        places, machine = self._places, self._machine
        machine.link(places.current, self.environment.relative_to(places.prefix))
        self._manifest.version = self._wishes.origin.version
        command = places.command
        target = places.current / "bin" / "pose-edge"
        if str(command) in self._manifest.files or not os.path.lexists(command):
            self._note(command)
            machine.link(command, target)
        else:
            self._note()
            machine.note(f"{command} is another program: it stays; this one is {target}")

    def _provide_user(self) -> None:
        places, manifest = self._places, self._manifest
        manifest.user |= USER not in _names(places.under_root("/etc/passwd"))
        there = _names(places.under_root("/etc/group"))
        manifest.groups += [one for one in GROUPS if one not in (*there, *manifest.groups)]
        self._note(places.sysusers)
        self._machine.write(places.sysusers, resources.service_user().read_text(encoding="utf-8"))
        self._machine.run("systemd-sysusers", places.sysusers)

    def _provide_rules(self) -> None:
        places, machine = self._places, self._machine
        self._note(places.rules)
        machine.write(places.rules, resources.udev_rules().read_text(encoding="utf-8"))
        if places.under_root("/run/udev/control").exists():
            machine.run("udevadm", "control", "--reload")
            machine.run("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=apex")

    def _provide_unit(self) -> None:
        places, machine = self._places, self._machine
        text = resources.service_unit().read_text(encoding="utf-8")
        self._note(places.unit)
        machine.write(places.unit, text.replace(str(PREFIX), str(places.prefix)))
        if places.running:
            machine.run("systemctl", "daemon-reload")

    def _start(self) -> None:
        places, machine = self._places, self._machine
        machine.run("systemctl", "enable", "--quiet", UNIT)
        if not places.running:
            machine.note("systemd does not run here: it will start when the machine does")
        elif self._wishes.start:
            if places.desktop:
                machine.note(
                    "a desktop holds the screen: the service cannot show anything there. Without "
                    "one it can: sudo systemctl set-default multi-user.target, and start anew"
                )
            machine.run("systemctl", "restart", UNIT)
        else:
            machine.note(f"not started now: sudo systemctl restart {UNIT}")

    def _tidy(self) -> None:
        # What still runs the old program keeps its files open, but may want to open more.
        if self._wishes.start or not self._places.running:
            remove_others(self._machine, self._places, (self.environment,))


@contextmanager
def _only_one(machine: Machine, places: Places) -> Iterator[None]:
    """Hold a lock, so that two installs do not work at the same time."""
    if machine.dry:
        yield
        return
    places.prefix.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(places.prefix, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(f"another install is at work in {places.prefix}") from None
        yield
    finally:
        os.close(descriptor)


def _names(path: Path) -> list[str]:
    """Return the names in a file like /etc/passwd."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.split(":", 1)[0] for line in lines]
