"""Debian for arm64 as a root folder: built once, kept as an archive, unpacked for each run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from aarch64 import namespace
from aarch64.namespace import Namespace
from aarch64.processor import PI_4
from system.image import mirror

PYTHONS: Final = {"bookworm": "3.11", "trixie": "3.13"}
"""The Debian releases (12 and 13), and the Python version of each."""

PACKAGES: Final = ("python3", "python3-venv", "procps", "systemd")
"""Installed packages; without a compiler, so that dependencies without a wheel fail to install."""

BUILD_LIMIT_S: Final = 3600.0
CERTIFICATES: Final = Path("etc/ssl/certs/ca-certificates.crt")


def missing(release: str) -> str | None:
    """Return why a release cannot be run here, or None if it can."""
    if platform.machine() != "x86_64":
        return f"not tried on {platform.machine()}: script/test tests the machine that it is on"
    if os.geteuid() != 0:
        return "only root can unpack a Debian"
    if not archive_of(release).exists():
        for program in ("mmdebstrap", "arch-test"):
            if shutil.which(program) is None:
                return f"not installed: {program}"
    return namespace.missing()


def cache() -> Path:
    """Return the folder in which archives are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pose-edge-aarch64"


def archive_of(release: str) -> Path:
    """Return the path of a release's archive; its name contains a digest of its packages."""
    digest = hashlib.sha256(" ".join((release, *PACKAGES)).encode()).hexdigest()
    return cache() / f"{release}-{digest[:12]}.tar"


@contextmanager
def unpacked(release: str) -> Iterator[Path]:
    """Yield a freshly unpacked root folder of a release, which is removed at the end.

    The archive is built first if it is missing. Only one process at a time can use a release; a
    folder left by a killed run is removed.

    Raises:
        RuntimeError: The archive cannot be built; the message names the log.
    """
    cache().mkdir(parents=True, exist_ok=True)
    folder = cache() / f"{release}.root"
    with (cache() / f"{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archive = archive_of(release)
        if not archive.exists():
            build(release, archive)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
            use_network_of_this_machine(folder)
            yield folder
        finally:
            shutil.rmtree(folder)


def build(release: str, archive: Path) -> None:
    """Build an archive, which takes minutes, mostly because of the emulation."""
    began = time.monotonic()
    log, work = archive.with_suffix(".log"), archive.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    unfinished = work / archive.name
    corner = Namespace()
    try:
        with log.open("w", encoding="utf-8") as output:
            done = corner.run(
                *("mmdebstrap", "--mode=root", "--architectures=arm64", "--variant=minbase"),
                *("--components=main", f"--include={','.join(PACKAGES)}"),
                *(release, str(unfinished), *mirror()),
                timeout=BUILD_LIMIT_S,
                environment={**os.environ, "QEMU_CPU": PI_4.name, "TMPDIR": str(work)},
                log=output,
            )
            output.write(f"took {time.monotonic() - began:.0f} s\n")
        if done.returncode != 0:
            raise RuntimeError(f"Debian {release} for arm64 cannot be made, see {log}")
        unfinished.rename(archive)
    finally:
        corner.close()
        shutil.rmtree(work)


def use_network_of_this_machine(folder: Path) -> None:
    """Copy the host's name servers and certificates, which may be needed behind a proxy."""
    for path in (Path("etc/resolv.conf"), CERTIFICATES):
        if Path("/", path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).unlink(missing_ok=True)  # a link may lead out of the root
            shutil.copyfile(Path("/", path), folder / path)
