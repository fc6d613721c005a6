from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from pose_edge.doctor import debian
from pose_edge.doctor.debian import Package, codename, package_of
from pose_edge.runtimes.edgetpu.lookup import find_library


def test_the_package_of_a_library_of_this_machine() -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("no dpkg on this machine")
    path = find_library("libc.so.6")
    assert path is not None
    package = package_of(path)
    assert package is not None
    assert package.name == "libc6"
    assert package.version == platform.libc_ver()[1] or package.version.startswith(
        f"{platform.libc_ver()[1]}-"
    )


def test_a_file_of_no_package(tmp_path: Path) -> None:
    path = tmp_path / "libedgetpu.so.1"
    path.touch()
    assert package_of(path) is None


class Dpkg:
    """Answers as dpkg-query does."""

    def __init__(self, files: dict[str, str], versions: dict[str, str]) -> None:
        self._files, self._versions = files, versions

    def __call__(self, *command: str) -> str:
        known = self._files if command[1] == "--search" else self._versions
        return known.get(command[-1], "")


def test_the_name_that_the_package_gave_the_file_may_be_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The linker's cache says /lib/..., which leads to /usr/lib/..., where a link leads to the file.
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    real = tmp_path / "usr/lib/libedgetpu.so.1.0"
    real.touch()
    (tmp_path / "usr/lib/libedgetpu.so.1").symlink_to(real.name)
    owner = {str(real): f"libedgetpu1-std:arm64: {real}\n"}
    version = {"libedgetpu1-std": "16.0tf2.19.1-1\n"}
    monkeypatch.setattr(debian, "_ask", Dpkg(owner, version))
    found = package_of(tmp_path / "lib/libedgetpu.so.1")
    assert found == Package("libedgetpu1-std", "16.0tf2.19.1-1")


def test_a_file_that_several_packages_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.so"
    answer = f"liba1:arm64, libb1: {path}\nlocal diversion\n"
    monkeypatch.setattr(debian, "_ask", Dpkg({str(path): answer}, {"liba1": "1\n2\n"}))
    assert package_of(path) == Package("liba1", "1")


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("dpkg", 20)])
def test_a_machine_without_dpkg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert package_of(tmp_path) is None


def test_the_codename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    assert codename() == "trixie"
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "arch"})
    assert codename() == ""

    def none() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", none)
    assert codename() == ""
