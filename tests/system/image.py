"""The disk of the virtual machine: Debian 13 with what the product stands on, built once."""

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
    # What SDL draws with: the same list as in docs/fleets.md and script/lib.sh.
    *("libgl1-mesa-dri", "libegl1", "libgles2", "libgbm1", "libdrm2"),
)
DISK_SIZE: Final = "5G"
"""Of the file system; the file itself has holes where it is empty."""

VENV: Final = "/opt/tests-venv"
"""Where the tests of `pose-edge run` have it; the service has another, made by its own command."""
WHEELS: Final = "/opt/wheels"
"""The wheels that the product depends on, for installations without a network."""
EXTRAS: Final = ("web",)
"""Extras of the product whose wheels are there too; nothing of them is installed in the image."""

# A terminal on the serial port hangs up the console log; the rest only takes time from the tests.
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
"""Run inside the new system, by its own Python, so that the wheels are the right ones."""


@dataclass(frozen=True)
class Image:
    """A disk and what boots it; never written to, runs put a layer of their own over it.

    Attributes:
        folder: Where all of it is.
        layer: What was installed later, over the disk that is in the folder; see `installed`.
    """

    folder: Path
    layer: Path | None = None

    @property
    def disk(self) -> Path:
        """The root file system, without a partition table."""
        return self.layer or self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """What the kernel finds the disk with."""
        return self.folder / "initrd.img"


def requirements() -> list[str]:
    """Return what the product depends on, as setup.cfg says it."""
    return _lines(_setup()["options"]["install_requires"])


def extra_requirements() -> list[str]:
    """Return what the product depends on besides with its `EXTRAS`."""
    extras = _setup()["options.extras_require"]
    return [line for name in EXTRAS for line in _lines(extras[name])]


def _setup() -> ConfigParser:
    setup = ConfigParser()
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return setup


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def cache() -> Path:
    """Return the folder that images are kept in."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pose-edge-vm"


def fingerprint() -> str:
    """Return a name for everything that an image is built from."""
    digest = hashlib.sha256("\n".join([*requirements(), *extra_requirements()]).encode())
    for path in (Path(__file__), *sorted(GUEST.iterdir())):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def provide_image() -> Image:
    """Return the image, built before it is returned if need be.

    Raises:
        RuntimeError: It cannot be built; the message says where the log is.
    """
    image = Image(cache() / fingerprint())
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.folder.exists():
            build(image)
    return image


def build(image: Image) -> None:
    """Make an image: minutes, most of them spent on downloads."""
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
    """Return the command that fills a folder with the system."""
    hooks = [
        # A small initial RAM disk, with only what this one disk needs.
        'mkdir -p "$1/etc/initramfs-tools/conf.d"',
        'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/machine"',
        'printf "%s\\n" virtio_pci virtio_blk ext4 >>"$1/etc/initramfs-tools/modules"',
        'echo "/dev/vda / ext4 noatime 0 1" >"$1/etc/fstab"',
        'echo raspberrypi >"$1/etc/hostname"',
        'printf "127.0.0.1 localhost\\n127.0.1.1 raspberrypi\\n" >"$1/etc/hosts"',
        f'cp {shlex.quote(str(GUEST))}/agent.py "$1/usr/local/lib/agent.py"',
        f'cp {shlex.quote(str(GUEST))}/agent.service "$1/etc/systemd/system/agent.service"',
        # This machine's own, for those who sit behind a proxy.
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
    """Return the Debian mirror that this machine's apt uses itself; none is mmdebstrap's own."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [address for address in done.stdout.split() if address.rstrip("/").endswith("/debian")]
    return found[:1]


def make_disk(root: Path, folder: Path) -> list[str]:
    """Return the command that makes a file system of a folder; nothing is mounted."""
    return [
        *("/sbin/mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root)),
        *(str(folder / "disk.raw"), DISK_SIZE),
    ]
