"""Changes to the machine, which a dry run only announces."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.errors import PoseEdgeError, UnavailableError
from pose_edge.util.atomic import link_atomically, sync_folder, write_atomically
from pose_edge.util.commands import run_command
from pose_edge.util.paths import exists, is_dir, is_file

TAIL: Final = 12
"""Number of last output lines of a failed command that its error shows."""

ASK_TIMEOUT_S: Final = 20.0
"""Time limit of a command that only reads, seconds."""

PRIVATE: Final = 0o640
"""Permission bits of a file with a secret."""

Step = tuple[str, Callable[[], None]]
"""A title, e.g. "unit: /etc/systemd/system/pose-edge.service", and an idempotent function that
executes the step."""

Execute = Callable[
    [Sequence[str], Mapping[str, str] | None, float | None], subprocess.CompletedProcess[str]
]
"""Runs a command with an environment and a time limit in seconds, like `run_command`."""


class ServiceError(PoseEdgeError):
    """The service cannot be installed or uninstalled."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that the service is installed on.

    Attributes:
        say: Shows a line to the user.
        execute: Runs commands.
        dry: Whether changes are only announced, not made.
    """

    say: Callable[[str], None]
    execute: Execute = run_command
    dry: bool = False

    def run_steps(self, steps: Sequence[Step]) -> None:
        """Announce and execute steps in order, up to the first that fails.

        Raises:
            ServiceError: A step failed; the message says which and why.
            UnavailableError: A step failed because something that it needs is not available.
        """
        for number, (title, action) in enumerate(steps, 1):
            self.say(f"{number}/{len(steps)}  {title}")
            try:
                action()
            except (PoseEdgeError, OSError) as error:
                done = ", ".join(str(n) for n in range(1, number)) or "nothing"
                kind = UnavailableError if isinstance(error, UnavailableError) else ServiceError
                raise kind(
                    f"step {number}, {title}: {error}\ndone before that: {done}",
                    remedy="when it is fixed, start the same command again",
                ) from error

    def note(self, text: str) -> None:
        """Show a remark about the current step."""
        self.say(f"      {text}")

    def will(self, what: str) -> bool:
        """Return whether to make a change; a dry run announces it instead as "would `what`"."""
        if self.dry:
            self.note(f"would {what}")
        return not self.dry

    def run(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a command that changes something; a dry run only announces it.

        Args:
            command: The program and its arguments.
            environment: Environment variables; None to inherit those of this process.

        Raises:
            ServiceError: The command failed; the message contains the end of its output.
        """
        words = [str(word) for word in command]
        if not self.will(f"run: {' '.join(words)}"):
            return
        result = self.execute(words, environment, None)
        if result.returncode != 0:
            lines = (result.stdout + "\n" + result.stderr).strip().splitlines()[-TAIL:]
            raise ServiceError("\n".join([f"`{' '.join(words)}` failed:", *lines]))

    def ask(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command that only reads, also in a dry run, for at most `ASK_TIMEOUT_S`."""
        return self.execute([str(word) for word in command], None, ASK_TIMEOUT_S)

    def write(self, path: Path, content: str, *, mode: int | None = None) -> bool:
        """Write a file atomically, with permission bits; return whether its content changes."""
        if is_file(path) and path.read_text(encoding="utf-8") == content:
            return False
        if self.will(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, mode=mode)
        return True

    def restrict(self, path: Path, group: int) -> None:
        """Set a file's group and permissions: its owner may write it, the group may read it."""
        status = path.stat()
        if (status.st_gid, stat.S_IMODE(status.st_mode)) == (group, PRIVATE):
            return
        if self.will(f"let nobody but root and the group {group} read {path}"):
            os.chown(path, -1, group)
            path.chmod(PRIVATE)

    def link(self, path: Path, target: str | Path) -> None:
        """Create a symbolic link, or change its target."""
        changed = not path.is_symlink() or path.readlink() != Path(target)
        if changed and self.will(f"link {path} to {target}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            link_atomically(path, target)

    def remove(self, path: Path) -> bool:
        """Remove a file, a link or a whole folder; return whether it existed."""
        if not (exists(path) or path.is_symlink()):
            return False
        if self.will(f"remove {path}"):
            if is_dir(path) and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            sync_folder(path.parent)
        return True

    def remove_if_empty(self, path: Path) -> None:
        """Remove a folder if it is empty."""
        if is_dir(path) and not any(path.iterdir()) and self.will(f"remove {path}"):
            path.rmdir()
