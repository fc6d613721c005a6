from __future__ import annotations

import random
from pathlib import Path

import pytest
from tflite import POSENET, metadata, normalisation_metadata, rewrite

from pose_edge.zoo.normalisation import RANGES, Normalisation, read_normalisation
from pose_edge.zoo.registry import Zoo


def with_metadata(folder: Path, content: bytes) -> bytes:
    return rewrite(folder / "own.tflite", POSENET, metadata(content)).read_bytes()


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        ([127.5], [127.5], RANGES["-1..1"]),
        ([0.0], [1.0], RANGES["0..255"]),
        ([0.0, 0.0, 0.0], [255.0], RANGES["0..1"]),
        ([124.0, 116.0, 104.0], [58.0, 57.0, 57.5], Normalisation((124, 116, 104), (58, 57, 57.5))),
        ([0.0], [0.0], None),
        ([float("nan")], [1.0], None),
        ([0.0], [float("inf")], None),
        ([0.0, 0.0], [1.0, 1.0], None),
        ([], [], None),
    ],
)
def test_what_metadata_say(
    tmp_path: Path, mean: list[float], std: list[float], expected: Normalisation | None
) -> None:
    content = with_metadata(tmp_path, normalisation_metadata(mean, std))
    assert read_normalisation(content) == expected


def test_the_models_that_ship_have_none() -> None:
    for entry in Zoo().entries.values():
        assert read_normalisation(Zoo().path(entry).read_bytes()) is None


def test_damaged_files_say_nothing_and_raise_nothing(tmp_path: Path) -> None:
    whole = normalisation_metadata([127.5], [127.5])
    rng = random.Random(0)
    for content in (b"", b"\0", bytes(100), b"\xff" * 100, whole[:-8]):
        read_normalisation(content)
        read_normalisation(with_metadata(tmp_path, content))
    model = with_metadata(tmp_path, whole)
    assert read_normalisation(model) is not None
    for _ in range(100):
        damaged = bytearray(model)
        for _ in range(20):
            place = rng.choice((rng.randrange(64), len(damaged) - 1 - rng.randrange(4000)))
            damaged[place] = rng.randrange(256)
        read_normalisation(bytes(damaged[: rng.randrange(8, len(damaged))]))
        read_normalisation(bytes(damaged))
