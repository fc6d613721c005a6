from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doctor_contexts import MadeUp, by_subject, sound

from pose_edge.doctor.models import examine
from pose_edge.util import resources
from pose_edge.zoo.registry import Zoo


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    """Return a zoo with a copy of the bundled models, which tests may damage; none is fetched."""
    folder = tmp_path / "models"
    shutil.copytree(resources.models_dir(), folder)
    return Zoo(folder, tmp_path / "fetched")


def test_all_are_intact(made_up: MadeUp, zoo: Zoo) -> None:
    found = by_subject(sound(examine(made_up.context(), zoo)))
    assert {one.verdict for one in found.values()} == {"ok"}
    assert found["shipped"].text.startswith(f"{len(zoo.entries)}, intact, ")
    assert found["fetched"].text.startswith("none")
    assert found["model"].text.startswith("movenet-lightning-int8, ")


def test_a_damaged_one(made_up: MadeUp, zoo: Zoo) -> None:
    path = zoo.path(zoo.entry("movenet-lightning-int8"))
    path.write_bytes(path.read_bytes()[:-1])
    found = by_subject(sound(examine(made_up.context(), zoo)))
    assert found["shipped"].verdict == "fault"
    assert found["model"].verdict == "fault"
    assert "install again" in found["model"].remedy


def test_a_fetched_one_is_verified_too(made_up: MadeUp, zoo: Zoo) -> None:
    download = zoo.downloads["movenet-lightning-edgetpu"]
    path = zoo.path(download)
    path.parent.mkdir(parents=True)
    path.touch()
    found = by_subject(sound(examine(made_up.context(), zoo)))
    assert found["fetched"].verdict == "fault"
    assert "is empty" in found["fetched"].text


def test_a_name_that_nobody_knows(made_up: MadeUp, zoo: Zoo) -> None:
    context = made_up.context(settings={"model": {"name": "movenet-lightening-int8"}})
    found = by_subject(sound(examine(context, zoo)))["model"]
    assert found.verdict == "fault"
    assert found.remedy == "did you mean movenet-lightning-int8?"


def test_the_name_of_an_edge_tpu_model(made_up: MadeUp, zoo: Zoo) -> None:
    context = made_up.context(settings={"model": {"name": "movenet-lightning-edgetpu"}})
    found = by_subject(sound(examine(context, zoo)))["model"]
    assert found.verdict == "ok"
    assert "the CPU's version of movenet-lightning-edgetpu" in found.text


def test_a_semicolon_in_a_path_cuts_nothing_off(made_up: MadeUp, zoo: Zoo, tmp_path: Path) -> None:
    path = tmp_path / "one; two.tflite"
    context = made_up.context(settings={"model": {"name": str(path)}})
    found = by_subject(sound(examine(context, zoo)))["model"]
    assert found.text == f"model file {path} is missing"
    assert found.remedy == "`pose-edge models list`"
