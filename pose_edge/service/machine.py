"""What is done to the machine: for real, or only said."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pose_edge.service.steps import ServiceError
from pose_edge.util.atomic import link_atomically, sync_folder, write_atomically

TAIL: Final = 12
"""Lines of a failed command's output that are shown."""

ASK_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended: its exit status, and what it wrote to either output."""

    status: int
    stdout: str
    stderr: str = ""


Execute = Callable[[Sequence[str], Mapping[str, str] | None, float | None], Done]
"""Runs a command with an environment (None: this process's) for at most some seconds."""


def execute(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Done:
    """Run a command; one that cannot be started or takes too long has a status as in a shell."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return Done(124, "", f"{command[0]}: no answer after {timeout:g} s")
    except OSError as error:
        return Done(127, "", f"{command[0]}: {error.strerror or error}")
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that things are installed on.

    Attributes:
        say: Takes a line for the user.
        execute: Runs commands.
        dry: Change nothing, and say what would be changed.
    """

    say: Callable[[str], None]
    execute: Execute = execute
    dry: bool = False

    def note(self, text: str) -> None:
        """Say something about the step that is being done."""
        self.say(f"      {text}")

    def do(self, what: str, action: Callable[[], object]) -> None:
        """Do something, or say it: `what` follows "would"."""
        if self.dry:
            self.note(f"would {what}")
        else:
            action()

    def run(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a command that changes something.

        Raises:
            ServiceError: It failed; with the end of what it wrote.
        """
        words = [str(word) for word in command]
        if self.dry:
            self.note(f"would run: {' '.join(words)}")
            return
        done = self.execute(words, environment, None)
        if done.status != 0:
            lines = (done.stdout + "\n" + done.stderr).strip().splitlines()[-TAIL:]
            raise ServiceError("\n".join([f"`{' '.join(words)}` failed:", *lines]))

    def ask(self, *command: str | Path) -> Done:
        """Run a command that changes nothing, also when dry."""
        return self.execute([str(word) for word in command], None, ASK_TIMEOUT_S)

    def write(self, path: Path, content: str, mode: int | None = None) -> bool:
        """Write a file at once; tells whether its content is new."""
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            return False

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content, mode)

        self.do(f"write {path}", write)
        return True

    def link(self, path: Path, target: str | Path) -> None:
        """Make a symbolic link lead to a target."""

        def link() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            link_atomically(path, target)

        if not (path.is_symlink() and path.readlink() == Path(target)):
            self.do(f"link {path} to {target}", link)

    def remove(self, path: Path) -> bool:
        """Remove a file, a link or a folder with all in it; tells whether it was there."""
        if not (path.exists() or path.is_symlink()):
            return False

        def remove() -> None:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            sync_folder(path.parent)

        self.do(f"remove {path}", remove)
        return True

    def remove_if_empty(self, path: Path) -> None:
        """Remove a folder in which nothing is left."""
        if path.is_dir() and not any(path.iterdir()):
            self.do(f"remove {path}", path.rmdir)
