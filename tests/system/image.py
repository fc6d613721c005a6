"""The disk image of the virtual machine: Debian 13 with the product's dependencies, built once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
GUEST: Final = Path(__file__).resolve().parent / "guest"

SUITE: Final = "trixie"
PACKAGES: Final = (
    *("linux-image-amd64", "initramfs-tools", "systemd", "systemd-sysv", "udev", "dbus", "kmod"),
    *("libpam-systemd", "procps", "util-linux", "kbd", "usbutils", "v4l-utils", "ca-certificates"),
    *("e2fsprogs", "python3", "python3-venv"),
    # The libraries with which SDL draws: the same list as in docs/fleets.md and script/lib.sh.
    *("libgl1-mesa-dri", "libegl1", "libgles2", "libgbm1", "libdrm2"),
)
DISK_SIZE: Final = "5G"
"""Size of the file system; the image is a sparse file."""

VENV: Final = "/opt/tests-venv"
"""Virtual environment for the tests of `pose-edge run`; the service's command creates its own."""
WHEELS: Final = "/opt/wheels"
"""Folder with the wheels of all dependencies, for installations without a network."""
EXTRAS: Final = ("web",)
"""Extras of the product whose wheels are in `WHEELS` too, but not installed in the image."""

# Masked units: a login on the serial port interrupts the console log; the others only take time.
MASKED: Final = (
    *("serial-getty@ttyS0.service", "systemd-networkd-wait-online.service", "apt-daily.timer"),
    *("apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"),
    *("dpkg-db-backup.timer", "systemd-pstore.service"),
)

INSIDE: Final = f"""
set -eu
useradd --create-home --shell /bin/bash --groups video,render,input,tty pi
passwd --delete root
systemctl enable agent.service
systemctl mask {" ".join(MASKED)}
python3 -m venv {VENV}
pip() {{ SSL_CERT_FILE=/root/certificates {VENV}/bin/pip --isolated --no-input "$@"; }}
pip download --timeout 180 --dest {WHEELS} -r /root/requirements -r /root/extra-requirements
pip install --no-index --find-links {WHEELS} -r /root/requirements
rm /root/certificates /root/requirements /root/extra-requirements
update-initramfs -u
"""
"""Script run inside the new system, so that its own Python selects the matching wheels."""


@dataclass(frozen=True)
class Image:
    """A disk image with its kernel; it is read-only, and each machine adds a layer of its own.

    Attributes:
        folder: Folder of the disk, the kernel and the initial RAM disk.
        layer: Layer over the folder's disk with later installations, or None; see `installed`.
    """

    folder: Path
    layer: Path | None = None

    @property
    def disk(self) -> Path:
        """Path of the disk: the root file system, without a partition table."""
        return self.layer or self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """Path of the kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Path of the initial RAM disk."""
        return self.folder / "initrd.img"


def requirements() -> list[str]:
    """Return the product's requirements from setup.cfg."""
    return _lines(_setup()["options"]["install_requires"])


def extra_requirements() -> list[str]:
    """Return the additional requirements of `EXTRAS` from setup.cfg."""
    extras = _setup()["options.extras_require"]
    return [line for name in EXTRAS for line in _lines(extras[name])]


def _setup() -> ConfigParser:
    setup = ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return setup


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def cache() -> Path:
    """Return the folder in which images are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pose-edge-vm"


def fingerprint() -> str:
    """Return a digest of everything from which an image is built, including this file."""
    digest = hashlib.sha256("\n".join([*requirements(), *extra_requirements()]).encode())
    for path in (Path(__file__), *sorted(GUEST.iterdir())):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def provide_image() -> Image:
    """Return the image; build it first if it is not cached.

    Raises:
        RuntimeError: The image cannot be built; the message names the reason or the log.
    """
    image = Image(cache() / fingerprint())
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.folder.exists():
            build(image)
    return image


def build(image: Image) -> None:
    """Build an image, which takes minutes, mostly for downloads.

    Raises:
        RuntimeError: The user is not root, or a command failed; then the message names the log.
    """
    if os.geteuid() != 0:
        raise RuntimeError("only root can build the image of the virtual machine")
    began = time.monotonic()
    unfinished = image.folder.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    log, root = image.folder.with_suffix(".log"), unfinished / "root"
    with log.open("w", encoding="utf-8") as output:
        for command in (debootstrap(root), make_disk(root, unfinished)):
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"the image of the virtual machine cannot be built, see {log}")
        output.write(f"built in {time.monotonic() - began:.0f} s\n")
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy((root / name).resolve(), unfinished / name)
    shutil.rmtree(root)
    unfinished.rename(image.folder)


def debootstrap(root: Path) -> list[str]:
    """Return the command that installs the system into a folder."""
    hooks = [
        # Keep the initial RAM disk small: include only the modules for this disk.
        'mkdir -p "$1/etc/initramfs-tools/conf.d"',
        'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/machine"',
        'printf "%s\\n" virtio_pci virtio_blk ext4 >>"$1/etc/initramfs-tools/modules"',
        'echo "/dev/vda / ext4 noatime 0 1" >"$1/etc/fstab"',
        'echo raspberrypi >"$1/etc/hostname"',
        'printf "127.0.0.1 localhost\\n127.0.1.1 raspberrypi\\n" >"$1/etc/hosts"',
        f'cp {shlex.quote(str(GUEST))}/agent.py "$1/usr/local/lib/agent.py"',
        f'cp {shlex.quote(str(GUEST))}/agent.service "$1/etc/systemd/system/agent.service"',
        # The host's certificates, which may be needed behind a proxy.
        'cp /etc/ssl/certs/ca-certificates.crt "$1/root/certificates"',
        f'printf "%s\\n" {shlex.join(requirements())} >"$1/root/requirements"',
        f'printf "%s\\n" {shlex.join(extra_requirements())} >"$1/root/extra-requirements"',
        f'chroot "$1" sh -c {shlex.quote(INSIDE)}',
    ]
    return [
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"),
        *("--components=main", f"--include={','.join(PACKAGES)}"),
        *(f"--customize-hook={hook}" for hook in hooks),
        *(SUITE, str(root), *mirror()),
    ]


def mirror() -> list[str]:
    """Return the Debian mirror of the host's apt, or an empty list for mmdebstrap's default."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [address for address in done.stdout.split() if address.rstrip("/").endswith("/debian")]
    return found[:1]


def make_disk(root: Path, folder: Path) -> list[str]:
    """Return the command that creates a file system image from a folder, without mounting."""
    return [
        *("/sbin/mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root)),
        *(str(folder / "disk.raw"), DISK_SIZE),
    ]
