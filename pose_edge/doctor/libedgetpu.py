"""Find out which build of the Edge TPU library is installed, and how to install a working one."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import installed_version
from pose_edge.doctor.machine import os_release
from pose_edge.util.commands import run_command

RELEASE: Final = "16.0TF2.19.1-1"
RELEASES: Final = "https://github.com/feranick/libedgetpu/releases"
"""Builds of Google's library of 2021 with newer TensorFlow, by a third party.

Google's own build crashes with TensorFlow Lite 2.12 and newer, and so with LiteRT.
"""

DEBIANS: Final = frozenset(("bookworm", "trixie"))
"""Releases of Debian and Raspberry Pi OS for which `RELEASES` has packages."""

ARCHITECTURES: Final = {"aarch64": "arm64", "x86_64": "amd64"}
"""Machine architectures that LiteRT supports, with their names in Debian."""

MATCHING_LITERT: Final = "2.2.0"
"""The newest version of LiteRT that is known to work with `RELEASE`."""

DPKG_S: Final = 20.0
"""Time limit of dpkg-query, seconds; it reads all its lists, which is slow on some SD cards."""


def package_of(path: Path) -> str | None:
    """Return name and version of the Debian package that a file belongs to.

    Returns:
        E.g. "libedgetpu1-std 16.0tf2.19.1-1"; None if the file is in no package, or without dpkg.
    """
    # dpkg only knows a file by its path in the package. But /lib may be a link to /usr/lib, and
    # `path` may itself be a link.
    resolved = str(path.resolve())
    for name in dict.fromkeys((str(path), resolved, resolved.removeprefix("/usr"))):
        owner = _ask_dpkg("--search", name)
        if owner:
            package = owner.splitlines()[0].split(":")[0].split(",")[0]
            version = _ask_dpkg("--show", "--showformat=${Version}\n", package)
            return f"{package} {version.splitlines()[0]}" if version else None
    return None


def is_googles(package: str) -> bool:
    """Return whether a package is Google's own build; other builds name their TensorFlow."""
    return package.startswith("libedgetpu1") and "tf2" not in package.lower()


def runtime() -> str:
    """Return the installed runtime and its version, e.g. "ai-edge-litert 2.2.0"."""
    for name in ("ai-edge-litert", "tflite-runtime"):
        if (version := installed_version(name)) is not None:
            return f"{name} {version}"
    return "no runtime"


def how_to_install() -> str:
    """Return the instructions to install the library on this machine."""
    release, architecture = os_release("VERSION_CODENAME"), ARCHITECTURES.get(platform.machine())
    if release in DEBIANS and architecture is not None:
        file = f"libedgetpu1-std_{RELEASE.lower()}.{release}_{architecture}.deb"
        return (
            f"`wget {RELEASES}/download/{RELEASE}/{file} && sudo apt install ./{file}`, "
            "then plug the Coral in again"
        )
    return f"install libedgetpu1-std {RELEASE} of {RELEASES}, then plug the Coral in again"


def how_to_match() -> str:
    """Return the instructions to install a library and a runtime that work together."""
    return (
        f"`pip install ai-edge-litert=={MATCHING_LITERT}`, which works with libedgetpu1-std "
        f"{RELEASE}: {how_to_install()}"
    )


def _ask_dpkg(*arguments: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    result = run_command(("dpkg-query", *arguments), environment, DPKG_S)
    return result.stdout if result.returncode == 0 else ""
