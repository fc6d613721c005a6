from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from pose_edge import __version__
from pose_edge.errors import UsageError
from pose_edge.service.origin import find_origin, pack, stage

METADATA = "Metadata-Version: 2.1\nName: pose-edge\nVersion: 9.8.7\nRequires-Dist: numpy\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def installed(folder: Path) -> Distribution:
    """Create a package as installed by pip: with a command, bytecode and pip's own metadata."""
    info = folder / "lib/pose_edge-9.8.7.dist-info"
    contents = {
        "pose_edge/__init__.py": "x = 1\n",
        "pose_edge/data/notes, and more.txt": "ä\n",
        "pose_edge/__pycache__/__init__.cpython-311.pyc": "compiled",
        f"{info.name}/METADATA": METADATA,
        f"{info.name}/WHEEL": WHEEL,
        f"{info.name}/entry_points.txt": "[console_scripts]\npose-edge = pose_edge.cli.main:main\n",
        f"{info.name}/INSTALLER": "pip\n",
        f"{info.name}/direct_url.json": "{}",
        "../bin/pose-edge": "#!/somewhere/else\n",
    }
    for name, content in contents.items():
        path = folder / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    names = [f'"{name}",,' if "," in name else f"{name},," for name in contents]
    (info / "RECORD").write_text("\n".join([*names, f"{info.name}/RECORD,,"]) + "\n")
    return PathDistribution(info)


def test_this_checkout_is_found_and_copied(tmp_path: Path) -> None:
    origin = find_origin()
    assert (origin.kind, origin.version) == ("checkout", __version__)
    before = sorted(origin.path.iterdir())
    copy = stage(origin, tmp_path)
    assert sorted(origin.path.iterdir()) == before
    names = {str(path.relative_to(copy)) for path in copy.rglob("*")}
    assert {"setup.cfg", "pyproject.toml", "pose_edge/cli"} <= names
    assert not any(path.is_symlink() for path in copy.rglob("*")), "files, where links were"
    assert (copy / "pose_edge/data/models/movenet-lightning-int8.tflite").stat().st_size > 1_000_000
    assert not any("__pycache__" in name for name in names)


def test_a_package_is_packed_as_it_was(tmp_path: Path) -> None:
    wheel = pack(installed(tmp_path), tmp_path)
    assert wheel.name == "pose_edge-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        record = archive.read("pose_edge-9.8.7.dist-info/RECORD").decode()
    info = "pose_edge-9.8.7.dist-info"
    assert names == {
        *("pose_edge/__init__.py", "pose_edge/data/notes, and more.txt"),
        *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")),
    }
    assert len(record.splitlines()) == len(names)


def test_pip_installs_what_was_packed(tmp_path: Path) -> None:
    wheel = pack(installed(tmp_path), tmp_path)
    target = tmp_path / "target"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-cache-dir"),
            *("--disable-pip-version-check", "--target", str(target), str(wheel)),
        ],
        check=True,
        capture_output=True,
    )
    assert (target / "pose_edge/data/notes, and more.txt").read_text() == "ä\n"
    assert (target / "bin/pose-edge").is_file()
    with zipfile.ZipFile(
        pack(PathDistribution(target / "pose_edge-9.8.7.dist-info"), target)
    ) as again:
        assert again.testzip() is None


def test_a_wheel_by_name(tmp_path: Path) -> None:
    wheel = pack(installed(tmp_path), tmp_path)
    origin = find_origin(str(wheel))
    assert (origin.kind, origin.version) == ("wheel", "9.8.7")
    assert stage(origin, tmp_path) == wheel


@pytest.mark.parametrize("name", ["missing", "pose_edge-1-py3-none-any.whl", "numpy-2.0.whl"])
def test_what_is_no_wheel_of_ours(tmp_path: Path, name: str) -> None:
    if name.startswith("pose"):
        (tmp_path / name).write_text("no archive")
    if name.startswith("numpy"):
        shutil.copy(pack(installed(tmp_path), tmp_path), tmp_path / name)
    with pytest.raises(UsageError, match="--wheel"):
        find_origin(str(tmp_path / name))
