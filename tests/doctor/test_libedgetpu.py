from __future__ import annotations

import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from pose_edge.doctor import libedgetpu
from pose_edge.doctor.libedgetpu import (
    how_to_install,
    how_to_match,
    is_googles,
    package_of,
    runtime,
)
from pose_edge.runtimes.edgetpu.lookup import find_library


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
    monkeypatch.setattr(libedgetpu, "os_release", lambda _key: release)
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
    monkeypatch.setattr(libedgetpu, "os_release", lambda _key: release)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert ".deb" not in how_to_install()
    assert libedgetpu.RELEASES in how_to_install()


@pytest.mark.parametrize(
    ("version", "googles"),
    [("16.0", True), ("14.1", True), ("16.0tf2.19.1-1", False), ("16.0TF2.17.1-1", False)],
)
def test_googles_own_build_is_known_by_its_version(version: str, googles: bool) -> None:
    assert is_googles(f"libedgetpu1-std {version}") == googles
    assert is_googles(f"libedgetpu1-max {version}") == googles
    assert not is_googles(f"libc6 {version}")


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


def test_the_package_of_a_library_of_this_machine() -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("no dpkg on this machine")
    path = find_library("libc.so.6")
    assert path is not None
    package = package_of(path)
    assert package is not None
    name, version = package.split()
    assert name == "libc6"
    assert version.split("-")[0] == platform.libc_ver()[1]


def test_a_file_of_no_package(tmp_path: Path) -> None:
    path = tmp_path / "libedgetpu.so.1"
    path.touch()
    assert package_of(path) is None


class Dpkg:
    """A fake dpkg-query."""

    def __init__(self, files: dict[str, str], versions: dict[str, str]) -> None:
        self._files, self._versions = files, versions

    def __call__(self, *arguments: str) -> str:
        known = self._files if arguments[0] == "--search" else self._versions
        return known.get(arguments[-1], "")


def test_the_name_that_the_package_gave_the_file_may_be_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The linker's cache names /lib/..., a link to /usr/lib/..., where another link names the file.
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    real = tmp_path / "usr/lib/libedgetpu.so.1.0"
    real.touch()
    (tmp_path / "usr/lib/libedgetpu.so.1").symlink_to(real.name)
    owner = {str(real): f"libedgetpu1-std:arm64: {real}\n"}
    version = {"libedgetpu1-std": "16.0tf2.19.1-1\n"}
    monkeypatch.setattr(libedgetpu, "_ask_dpkg", Dpkg(owner, version))
    found = package_of(tmp_path / "lib/libedgetpu.so.1")
    assert found == "libedgetpu1-std 16.0tf2.19.1-1"


def test_a_file_that_several_packages_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.so"
    answer = f"liba1:arm64, libb1: {path}\nlocal diversion\n"
    monkeypatch.setattr(libedgetpu, "_ask_dpkg", Dpkg({str(path): answer}, {"liba1": "1\n2\n"}))
    assert package_of(path) == "liba1 1"


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("dpkg", 20)])
def test_a_machine_without_dpkg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert package_of(tmp_path) is None
