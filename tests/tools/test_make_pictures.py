from __future__ import annotations

import importlib.util

import pytest
from checkout import REPOSITORY
from PIL import Image

PICTURES = REPOSITORY / "docs" / "pictures"
TOOL = REPOSITORY / "tools" / "make_pictures.py"


@pytest.mark.parametrize("name", ["demo.webp", "several.jpg", "trails.jpg"])
def test_the_pictures_are_small_enough_for_the_repository(name: str) -> None:
    assert 0 < (PICTURES / name).stat().st_size <= 300_000


def test_the_animation_lasts_for_three_seconds() -> None:
    with Image.open(PICTURES / "demo.webp") as picture:
        assert getattr(picture, "n_frames", 1) == 36


def test_an_animation_is_made_small_enough() -> None:
    spec = importlib.util.spec_from_file_location("make_pictures", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    frames = [Image.new("RGB", (1280, 720), (index * 2, 0, 0)) for index in range(100)]
    content = tool.animated(frames)
    assert content[8:12] == b"WEBP"
    assert len(content) <= tool.MAX_BYTES
