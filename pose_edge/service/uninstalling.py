"""Taking the service away: what an install has put there, and nothing else."""

from __future__ import annotations

from pathlib import Path

from pose_edge.service.install_record import Manifest, load_manifest
from pose_edge.service.machine import Machine
from pose_edge.service.places import UNIT, USER, Places
from pose_edge.service.steps import Step, run_steps


def uninstall(machine: Machine, places: Places, *, purge: bool = False) -> bool:
    """Stop the service and remove it.

    The configuration stays, and so do recordings and fetched models, with the user whom they
    belong to; `purge` removes these too, also in a second call.

    Args:
        machine: To do it on; as root, unless it is a dry one.
        places: Where things lie; the prefix is taken from the manifest.
        purge: Leave nothing.

    Returns:
        Whether anything was there.

    Raises:
        ServiceError: A step failed; the command can be started again.
    """
    manifest = load_manifest(places.manifest)
    if manifest is None:
        return False
    if manifest.prefix:
        places = Places(Path(manifest.prefix), places.root)
    removal = _Removal(machine, places, manifest, purge=purge)
    run_steps(removal.steps(), machine.say)
    return True


class _Removal:
    """The steps, in the reverse order of an install's."""

    def __init__(
        self, machine: Machine, places: Places, manifest: Manifest, *, purge: bool
    ) -> None:
        self._machine = machine
        self._places = places
        self._manifest = manifest
        self._purge = purge
        self._state_stays = False

    def steps(self) -> list[Step]:
        places = self._places
        return [
            Step("stop, now and at power-on", self._stop),
            Step(f"unit: {places.unit}", self._remove_unit),
            Step(f"udev rules: {places.rules}", self._remove_rules),
            Step(f"recordings and fetched models: {places.state}", self._remove_state),
            Step(f"user {USER}", self._remove_user),
            Step(f"configuration: {places.config.parent}", self._remove_config),
            # Last: this process may be running from there.
            Step(f"program: {places.prefix}, {places.command}", self._remove_program),
        ]

    def _remove(self, path: Path) -> bool:
        """Remove a path if it is on the list."""
        return str(path) in self._manifest.files and self._machine.remove(path)

    def _stop(self) -> None:
        if not self._places.unit.exists():
            return
        self._machine.run("systemctl", "disable", "--quiet", UNIT)
        if self._places.running:
            self._machine.run("systemctl", "stop", UNIT)

    def _remove_unit(self) -> None:
        machine, places = self._machine, self._places
        removed = self._remove(places.unit)
        changes = places.unit.with_name(f"{UNIT}.d")
        if changes.is_dir() and self._purge:
            machine.remove(changes)
        elif changes.is_dir():
            machine.note(f"your own changes stay: {changes}")
        if not (removed and places.running):
            return
        machine.run("systemctl", "daemon-reload")
        # Fails where nothing of it is remembered: as it should be.
        machine.do("forget its failures", lambda: machine.ask("systemctl", "reset-failed", UNIT))
        getty = "getty@tty1.service"
        if machine.ask("systemctl", "is-enabled", getty).status == 0 and not places.desktop:
            machine.run("systemctl", "start", getty)  # the console is free for its login again

    def _remove_rules(self) -> None:
        if (
            self._remove(self._places.rules)
            and self._places.under_root("/run/udev/control").exists()
        ):
            self._machine.run("udevadm", "control", "--reload")

    def _remove_state(self) -> None:
        state = self._places.state
        if self._purge:
            self._machine.remove(state)
        elif _has_files(state):
            self._state_stays = True
            self._machine.note("stay: --purge removes them")
        elif state.is_dir():
            self._machine.remove(state)

    def _remove_user(self) -> None:
        machine, manifest, places = self._machine, self._manifest, self._places
        self._remove(places.sysusers)
        if not manifest.user:
            machine.note("was there before: stays")
            return
        if self._state_stays:
            machine.note(f"stays: {places.state} belongs to it")
            return
        if machine.ask("getent", "passwd", USER).status == 0:
            machine.run("userdel", USER)
        manifest.user = False
        for group in manifest.groups:
            if machine.ask("getent", "group", group).status == 0:
                machine.run("groupdel", group)
        manifest.groups = []

    def _remove_config(self) -> None:
        machine, places = self._machine, self._places
        machine.remove(places.default_config)
        if self._purge:
            machine.remove(places.config)
        elif places.config.exists():
            machine.note(f"{places.config.name} stays: --purge removes it")

    def _remove_program(self) -> None:
        machine, places, manifest = self._machine, self._places, self._manifest
        self._remove(places.command)
        if manifest.prefix:
            machine.remove(places.current)
            machine.remove(places.versions)
            machine.remove_if_empty(places.prefix)
        for folder in manifest.folders:
            machine.remove_if_empty(Path(folder))
        if places.config.exists() or manifest.user:
            # What --purge will need to know, and a new install: whether it has been edited.
            left = Manifest(
                default_config=manifest.default_config, user=manifest.user, groups=manifest.groups
            )
            machine.write(places.manifest, left.text())
        else:
            machine.remove(places.manifest)
            machine.remove_if_empty(places.config.parent)


def _has_files(folder: Path) -> bool:
    """Tell whether a folder holds anything but hidden folders of caches."""
    if not folder.is_dir():
        return False
    return any(path.is_file() and ".cache" not in path.parts for path in folder.rglob("*"))
