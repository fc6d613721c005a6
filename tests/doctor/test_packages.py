from __future__ import annotations

import importlib
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from doctor_contexts import MadeUp, by_subject, sound
from packaging.requirements import Requirement

from pose_edge.doctor import packages
from pose_edge.doctor.context import installed_version
from pose_edge.doctor.packages import check, examine, imports, system_numpy


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Make exactly these packages appear to be installed; underscores stand for hyphens."""

    def version(name: str) -> str:
        try:
            return versions[name.replace("-", "_")]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    monkeypatch.setattr(metadata, "version", version)


def test_this_environment_is_as_it_should_be(made_up: MadeUp) -> None:
    found = by_subject(sound(examine(made_up.context())))
    assert found["packages"].verdict == "ok", found["packages"]
    assert "numpy" in found["packages"].text
    assert "cv2" in found["imports"].text
    assert found["python"].text.startswith(".".join(map(str, sys.version_info[:3])))


@pytest.mark.parametrize(
    ("needs", "there", "fault"),
    [
        ("numpy>=1.24,<2", {"numpy": "2.1.0"}, "numpy 2.1.0: needs <2,>=1.24"),
        ("numpy>=1.24,<2", {"numpy": "1.26.4"}, ""),
        ("numpy>=2", {}, "numpy is not installed"),
        ("numpy>=2", {"numpy": "of my own"}, ""),
        ("opencv-python-headless>=4.8,<5", {"opencv": "4.10.0"}, ""),
        ("ai-edge-litert>=2.1", {"tflite_runtime": "2.14.0"}, ""),
        ("ai-edge-litert>=2.1", {"ai_edge_litert": "2.3.0rc1"}, ""),
    ],
)
def test_ranges(
    monkeypatch: pytest.MonkeyPatch, needs: str, there: dict[str, str], fault: str
) -> None:
    install(monkeypatch, **there)
    installed, wrong = check(Requirement(needs))
    assert wrong == fault
    assert bool(installed) is (bool(there))


def test_a_package_out_of_its_range_is_a_fault_with_the_command(
    made_up: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        metadata,
        "requires",
        lambda _name: [
            "numpy<2,>=1.24",
            'nonsense>=1; python_version < "3"',
            'pytest; extra == "test"',
            "what is this?",
        ],
    )
    install(monkeypatch, numpy="2.1.0")
    found = by_subject(sound(examine(made_up.context())))["packages"]
    assert found.verdict == "fault"
    assert found.text == "numpy 2.1.0: needs <2,>=1.24"
    assert "-m pip install 'numpy<2,>=1.24'" in found.remedy


def test_a_checkout_that_is_not_installed(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", none)
    found = by_subject(sound(examine(made_up.context())))
    assert found["packages"].text.startswith("pose-edge ")


def test_what_was_built_for_another_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:  # noqa: ANN401
        if name == "cv2":
            raise ValueError("numpy.dtype size changed,\nmay indicate binary incompatibility")
        return ModuleType(name)

    monkeypatch.setattr(importlib, "import_module", load)
    fault, fine = sound(imports(["numpy", "cv2"]))
    assert (fault.subject, fault.verdict) == ("cv2", "fault")
    assert "size changed, may indicate" in fault.text
    assert fine.text == "numpy (unknown version)"


def test_numpy_against_the_systems(tmp_path: Path) -> None:
    assert list(system_numpy(tmp_path, "2.1.0")) == []
    (tmp_path / "numpy-1.24.2.egg-info").mkdir()
    assert list(system_numpy(tmp_path, None)) == []
    (same,) = system_numpy(tmp_path, "1.26.4")
    assert same.verdict == "ok"
    (other,) = sound(system_numpy(tmp_path, "2.1.0"))
    assert other.verdict == "warning"
    (tmp_path / "picamera2").mkdir()
    (other,) = sound(system_numpy(tmp_path, "2.1.0"))
    assert other.verdict == "fault"
    assert "'numpy>=1,<2'" in other.remedy


def test_two_opencvs_at_once(made_up: MadeUp, monkeypatch: pytest.MonkeyPatch) -> None:
    real = installed_version
    both = ("opencv-python", "opencv-python-headless")
    monkeypatch.setattr(
        packages, "installed_version", lambda name: real(both[1] if name in both else name)
    )
    found = by_subject(sound(examine(made_up.context())))["cv2"]
    assert found.verdict == "warning"
    assert "overwrite each other" in found.text
