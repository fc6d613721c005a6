"""Uninstalls the service: removes what an install has created, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pose_edge.service.machine import Machine, Step
from pose_edge.service.places import USER, InstallRecord, Places, load_record
from pose_edge.util.paths import exists, is_dir, is_file
from pose_edge.util.systemd import UNIT


def uninstall(machine: Machine, places: Places, *, purge: bool = False) -> bool:
    """Stop the service and remove it; return whether anything was installed.

    Needs root, except in a dry run. The prefix is taken from the record of the install.

    Args:
        machine: The machine to change.
        places: The paths of the service.
        purge: Whether to also remove the configuration, the recordings and fetched models, and
            the user that owns them. A later call with `purge` removes them, too.

    Raises:
        ServiceError: A step failed; the command can be repeated.
    """
    record = load_record(places.record)
    if record is None:
        return False
    if record.prefix:
        places = Places(Path(record.prefix), places.root)
    removal = _Removal(machine, places, record, purge)
    machine.run_steps(removal.steps())
    return True


@dataclass(slots=True)
class _Removal:
    """The steps, in about the reverse order of an install."""

    machine: Machine
    places: Places
    record: InstallRecord
    purge: bool
    state_stays: bool = False

    def steps(self) -> list[Step]:
        places = self.places
        return [
            ("stop, now and at power-on", self._stop),
            (f"unit: {places.unit}", self._remove_unit),
            (f"udev rules: {places.rules}", self._remove_rules),
            (f"recordings and fetched models: {places.state}", self._remove_state),
            (f"user {USER}", self._remove_user),
            (f"configuration: {places.config.parent}", self._remove_config),
            # Last, because this process may be running from this folder.
            (f"program: {places.prefix}, {places.command}", self._remove_program),
        ]

    def _remove(self, path: Path) -> bool:
        """Remove a path if the install recorded it."""
        return str(path) in self.record.files and self.machine.remove(path)

    def _stop(self) -> None:
        if not exists(self.places.unit):
            return
        self.machine.run("systemctl", "disable", "--quiet", UNIT)
        if self.places.running:
            self.machine.run("systemctl", "stop", UNIT)

    def _remove_unit(self) -> None:
        machine, places = self.machine, self.places
        removed = self._remove(places.unit)
        changes = places.unit.with_name(f"{UNIT}.d")
        if is_dir(changes) and self.purge:
            machine.remove(changes)
        elif is_dir(changes):
            machine.note(f"your own changes stay: {changes}")
        if not (removed and places.running):
            return
        machine.run("systemctl", "daemon-reload")
        # `ask` ignores the exit status: the command fails if the unit never failed.
        if machine.will("forget its failures"):
            machine.ask("systemctl", "reset-failed", UNIT)
        getty = "getty@tty1.service"
        if machine.ask("systemctl", "is-enabled", getty).returncode == 0 and not places.desktop:
            machine.run("systemctl", "start", getty)  # give the console back to the login prompt

    def _remove_rules(self) -> None:
        if self._remove(self.places.rules) and self.places.udev_running:
            self.machine.run("udevadm", "control", "--reload")

    def _remove_state(self) -> None:
        state = self.places.state
        files = (path for path in state.rglob("*") if is_file(path))
        self.state_stays = not self.purge and any(".cache" not in file.parts for file in files)
        if self.state_stays:
            self.machine.note("stay: --purge removes them")
        else:
            self.machine.remove(state)

    def _remove_user(self) -> None:
        machine, record, places = self.machine, self.record, self.places
        self._remove(places.sysusers)
        if not record.user:
            machine.note("stays: it existed before the install")
            return
        if self.state_stays:
            machine.note(f"stays: {places.state} belongs to it")
            return
        if machine.ask("getent", "passwd", USER).returncode == 0:
            machine.run("userdel", USER)
        record.user = False
        for group in record.groups:
            if machine.ask("getent", "group", group).returncode == 0:
                machine.run("groupdel", group)
        record.groups = []

    def _remove_config(self) -> None:
        machine, places = self.machine, self.places
        machine.remove(places.default_config)
        if self.purge:
            machine.remove(places.config)
            machine.remove(places.token)
        elif exists(places.config):
            machine.note(f"{places.config.name} stays: --purge removes it")

    def _remove_program(self) -> None:
        machine, places, record = self.machine, self.places, self.record
        self._remove(places.command)
        if record.prefix:
            machine.remove(places.current)
            machine.remove(places.versions)
            machine.remove_if_empty(places.prefix)
        for folder in record.folders:
            machine.remove_if_empty(Path(folder))
        if exists(places.config) or record.user:
            # A later --purge needs it, and a new install to see if the configuration was edited.
            left = InstallRecord(
                default_config=record.default_config, user=record.user, groups=record.groups
            )
            machine.write(places.record, left.text())
        else:
            machine.remove(places.record)
            machine.remove_if_empty(places.config.parent)
