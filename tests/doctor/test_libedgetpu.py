from __future__ import annotations

import platform
from importlib import metadata

import pytest

from pose_edge.doctor import libedgetpu
from pose_edge.doctor.debian import Package
from pose_edge.doctor.libedgetpu import how_to_install, how_to_match, is_googles, runtime


@pytest.mark.parametrize(
    ("release", "machine", "file"),
    [
        ("bookworm", "aarch64", "libedgetpu1-std_16.0tf2.19.1-1.bookworm_arm64.deb"),
        ("trixie", "aarch64", "libedgetpu1-std_16.0tf2.19.1-1.trixie_arm64.deb"),
        ("bookworm", "x86_64", "libedgetpu1-std_16.0tf2.19.1-1.bookworm_amd64.deb"),
    ],
)
def test_the_package_for_this_debian(
    monkeypatch: pytest.MonkeyPatch, release: str, machine: str, file: str
) -> None:
    monkeypatch.setattr(libedgetpu, "codename", lambda: release)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert f"/releases/download/16.0TF2.19.1-1/{file} " in how_to_install()
    assert f"sudo apt install ./{file}`" in how_to_install()
    assert how_to_install() in how_to_match()


@pytest.mark.parametrize(
    ("release", "machine"), [("bookworm", "riscv64"), ("sid", "aarch64"), ("", "x86_64")]
)
def test_for_others_only_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, release: str, machine: str
) -> None:
    monkeypatch.setattr(libedgetpu, "codename", lambda: release)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert ".deb" not in how_to_install()
    assert libedgetpu.RELEASES in how_to_install()


@pytest.mark.parametrize(
    ("version", "googles"),
    [("16.0", True), ("14.1", True), ("16.0tf2.19.1-1", False), ("16.0TF2.17.1-1", False)],
)
def test_googles_own_build_is_known_by_its_version(version: str, googles: bool) -> None:
    assert is_googles(Package("libedgetpu1-std", version)) == googles
    assert is_googles(Package("libedgetpu1-max", version)) == googles
    assert not is_googles(Package("libc6", version))


def test_the_runtime_is_named_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime().split()[0] in ("ai-edge-litert", "tflite-runtime")
    versions = {"tflite-runtime": "2.14.0"}

    def version(name: str) -> str:
        try:
            return versions[name]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    monkeypatch.setattr(metadata, "version", version)
    assert runtime() == "tflite-runtime 2.14.0"
    versions.clear()
    assert runtime() == "no runtime"
