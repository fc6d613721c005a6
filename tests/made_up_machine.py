"""A simulated machine that records commands and applies their relevant effects to a folder."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pose_edge.config.schema import Settings
from pose_edge.service import InstallOptions, Machine, Places
from pose_edge.service.origin import CHECKOUT_FILES, Origin

PASSWD = "root:x:0:0:root:/root:/bin/sh\npi:x:1000:1000::/home/pi:/bin/bash\n"
GROUP = "root:x:0:\ntty:x:5:\nvideo:x:44:\nplugdev:x:46:\ninput:x:100:\n"


def answer(status: int, stdout: str = "", stderr: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess((), status, stdout, stderr)


class PowerCut(BaseException):
    """The simulated power failed, and no later command has an effect; see `MadeUp.power_on`."""


class MadeUp:
    """A simulated machine in a folder."""

    def __init__(self, root: Path, *, running: bool = True) -> None:
        self.places = Places(root / "opt/pose-edge", root)
        self.commands: list[str] = []
        self.lines: list[str] = []
        self.answers: dict[str, subprocess.CompletedProcess[str]] = {}
        self.fail = ""
        self.cut_after: int | None = None
        self._frozen = root.with_name(f"{root.name}-frozen")
        self.checkout = root.with_name(f"{root.name}-checkout")
        (self.checkout / "pose_edge").mkdir(parents=True)
        for name in (*CHECKOUT_FILES, "pose_edge/cli.py"):
            (self.checkout / name).touch()
        for folder in ("etc", "usr/local/bin", "var/lib", "opt", "run/udev"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "etc/passwd").write_text(PASSWD)
        (root / "etc/group").write_text(GROUP)
        if running:
            (root / "run/systemd/system").mkdir(parents=True)
            (root / "run/udev/control").touch()

    def machine(self, *, dry: bool = False) -> Machine:
        return Machine(self.lines.append, self._execute, dry)

    def options(self, version: str = "0.1.0", **others: object) -> InstallOptions:
        origin = Origin("checkout", self.checkout, version)
        defaults: dict[str, object] = {"origin": origin, "settings": Settings()}
        return InstallOptions(**{**defaults, **others})  # type: ignore[arg-type]

    def power_on(self) -> None:
        """Restore the state at the power failure, and drop any clean-up that came after it."""
        self.cut_after = None
        shutil.rmtree(self.places.root)
        self._frozen.rename(self.places.root)

    def changes(self) -> list[str]:
        """Return the commands that change something, with paths below this machine's root."""
        asked = (" -c ", "getent", "is-enabled", "systemctl show", "journalctl")
        said = [one for one in self.commands if not any(word in one for word in asked)]
        return [one.replace(str(self.places.root), "") for one in said]

    def files(self) -> dict[str, str]:
        """Return the content of each file, the target of each link, and "/" for each folder."""
        found = {}
        for path in sorted(self.places.root.rglob("*")):
            name = str(path.relative_to(self.places.root))
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            elif path.is_file():
                found[name] = path.read_text()
            else:
                found[name] = "/"
        return found

    def _execute(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        line = " ".join(command)
        self.commands.append(line)
        if self.cut_after is not None and len(self.commands) > self.cut_after:
            shutil.copytree(self.places.root, self._frozen, symlinks=True)
            raise PowerCut
        if self.fail and self.fail in line:
            return answer(1, "", "a reason\n")
        for start, result in self.answers.items():
            if start in line:
                return result
        self._effect(list(command))
        present = (self.places.root / "etc/passwd").read_text()
        if command[0] == "getent":
            path = self.places.root / "etc" / command[1]
            present = path.read_text()
            return answer(0 if f"\n{command[2]}:" in f"\n{present}" else 2, "")
        return answer(0, "")

    def _effect(self, command: list[str]) -> None:
        root = self.places.root
        if command[1:3] == ["-m", "venv"]:
            folder = Path(command[-1]) / "bin"
            folder.mkdir(parents=True)
            (folder / "python").write_text("python")
        elif "pip" in command:
            (Path(command[0]).parent / "pose-edge").write_text("pose-edge")
        elif command[0] == "systemd-sysusers":
            passwd = root / "etc/passwd"
            if "pose-edge" not in passwd.read_text():
                passwd.write_text(passwd.read_text() + "pose-edge:x:999:999::/:/bin/false\n")
            group = root / "etc/group"
            if "render" not in group.read_text():
                group.write_text(group.read_text() + "render:x:998:\n")
        elif command[0] in ("userdel", "groupdel"):
            path = root / "etc" / ("passwd" if command[0] == "userdel" else "group")
            kept = [one for one in path.read_text().splitlines() if not one.startswith(command[1])]
            path.write_text("\n".join(kept) + "\n")
