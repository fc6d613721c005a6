"""Which Edge TPU library goes with which runtime, and where it comes from."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from pose_edge.doctor.debian import Package, codename

RELEASE: Final = "16.0TF2.19.1-1"
RELEASES: Final = "https://github.com/feranick/libedgetpu/releases"
"""Google's library of 2021, built again by others with newer TensorFlow: Google's own crashes with
TensorFlow Lite 2.12 and newer, and so with LiteRT."""

DEBIANS: Final = frozenset(("bookworm", "trixie"))
"""Releases of Debian and Raspberry Pi OS that have packages of their own there."""

ARCHITECTURES: Final = {"aarch64": "arm64", "x86_64": "amd64"}
"""Debian's names of the machines that LiteRT runs on."""

MATCHING_LITERT: Final = "2.2.0"
"""The newest LiteRT that this release of the library is known to work with."""


def how_to_install() -> str:
    """Say how to install the library on this machine."""
    release, architecture = codename(), ARCHITECTURES.get(platform.machine())
    if release in DEBIANS and architecture is not None:
        file = f"libedgetpu1-std_{RELEASE.lower()}.{release}_{architecture}.deb"
        return (
            f"`wget {RELEASES}/download/{RELEASE}/{file} && sudo apt install ./{file}`, "
            "then plug the Coral in again"
        )
    return f"install libedgetpu1-std {RELEASE} of {RELEASES}, then plug the Coral in again"


def is_googles(package: Package) -> bool:
    """Tell whether a package is Google's own build: the others name their TensorFlow."""
    return package.name.startswith("libedgetpu1") and "tf2" not in package.version.lower()


def runtime() -> str:
    """Return the installed runtime with its version, e.g. "ai-edge-litert 2.2.0"."""
    for name in ("ai-edge-litert", "tflite-runtime"):
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return "no runtime"


def how_to_match() -> str:
    """Say how to get a library and a runtime that go together."""
    return (
        f"`pip install ai-edge-litert=={MATCHING_LITERT}`, which goes with libedgetpu1-std "
        f"{RELEASE}: {how_to_install()}"
    )
