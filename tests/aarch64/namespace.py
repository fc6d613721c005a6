"""Linux namespaces in which programs for aarch64 run transparently, by user-mode emulation."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

EMULATOR: Final = "qemu-aarch64-static"
"""The emulator; statically linked, because the host's libraries are not in the other root."""

REGISTERED: Final = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
"""The entry, under Debian's name, of an emulator registered for the whole machine."""

# Header of an ELF file: 64 bits, little endian, any ABI, executable or shared object, machine 183
# (AArch64). Of the flags used below, P preserves argv[0], and F opens the emulator at registration,
# so that it need not exist in the other root.
MAGIC: Final = r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00\xb7\x00"
MASK: Final = r"\xff" * 7 + r"\x00" + r"\xff" * 8 + r"\xfe" + r"\xff" * 3

# The first shell starts before the user ids are mapped, as nobody; after the mapping it executes
# the second shell, which is root.
HOLD: Final = 'echo new; read mapped; exec sh -euc "$1" holder "$2"'
SET_UP: Final = """
mount -t proc proc /proc
if [ -n "$1" ]; then
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    printf %s "$1" >/proc/sys/fs/binfmt_misc/register
fi
echo ready
read end || exit 0
"""


def missing() -> str | None:
    """Return why programs for aarch64 cannot be run here, or None if they can."""
    if shutil.which(EMULATOR) is None:
        return "not installed: qemu-user-static"
    if not (for_a_namespace() or for_everybody()):
        return "before Linux 6.7 the emulator must be registered for everybody: binfmt-support"
    return None


def for_a_namespace() -> bool:
    """Return whether this kernel lets a user namespace register an emulator of its own."""
    numbers = re.findall(r"\d+", Path("/proc/sys/kernel/osrelease").read_text(encoding="ascii"))
    return tuple(map(int, numbers[:2])) >= (6, 7)


def for_everybody() -> bool:
    """Return whether an emulator is registered machine-wide that also works in another root."""
    known = REGISTERED.read_text(encoding="ascii") if REGISTERED.exists() else ""
    return re.search(r"^flags: .*F", known, re.MULTILINE) is not None


class Namespace:
    """User, mount and PID namespaces in which an aarch64 emulator is registered.

    The namespaces end with this process in any case, so no mounts or processes are left behind.
    """

    def __init__(self) -> None:
        """Create the namespaces.

        Raises:
            RuntimeError: The kernel does not allow it.
        """
        emulator = shutil.which(EMULATOR) if for_a_namespace() else None
        registration = f":qemu-aarch64:M::{MAGIC}:{MASK}:{emulator}:PF" if emulator else ""
        # The holder exits at the end of its input, that is, when this process ends.
        self._holder = subprocess.Popen(
            [
                *("unshare", "--user", "--mount", "--pid", "--fork", "--kill-child"),
                *("sh", "-c", HOLD, "holder", SET_UP, registration),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must only interrupt the tests, which then end it
            text=True,
        )
        try:
            self._expect("new")
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{self._holder.pid}/{name}").write_text(same_users(name))
            self._expect("ready", "\n")
        except BaseException:
            self.close()
            raise

    def run(
        self,
        *command: str | Path,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        log: IO[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespaces, as root.

        Args:
            command: Program and arguments.
            timeout: Seconds after which the command is killed.
            environment: All environment variables; None for those of this process.
            log: File for the output; None to return the output.

        Raises:
            subprocess.TimeoutExpired: The command did not end in time.
        """
        holder = self._holder.pid
        enter = [
            *("nsenter", f"--target={holder}", "--user", "--mount"),
            # The holder is only the parent of the first process in the PID namespace.
            f"--pid=/proc/{holder}/ns/pid_for_children",
        ]
        return subprocess.run(
            [*enter, *map(str, command)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )

    def close(self) -> None:
        """End all processes in the namespaces."""
        self._holder.kill()
        self._holder.communicate()

    def _expect(self, word: str, say: str = "") -> None:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(say)
        self._holder.stdin.flush()
        said = self._holder.stdout.readline().strip()
        if said != word:
            raise RuntimeError(f"there can be no namespace for aarch64: {said}")


def same_users(name: str) -> str:
    """Return an identity mapping of all user or group ids known here.

    Args:
        name: "uid_map" or "gid_map".
    """
    lines = Path(f"/proc/self/{name}").read_text(encoding="ascii").splitlines()
    ranges = [line.split() for line in lines]
    return "".join(f"{first} {first} {count}\n" for first, _outside, count in ranges)
