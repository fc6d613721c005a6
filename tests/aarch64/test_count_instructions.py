"""Tests of the tool that counts instructions, on emulated processors."""

from __future__ import annotations

import pytest
from aarch64.machine import Machine
from aarch64.processor import PI_5
from aarch64.root import PYTHONS
from count_instructions import count_one, missing, put_emulator, put_litert

from pose_edge.util import resources


def test_counts_are_repeatable(release: str, machine: Machine, tell: list[str]) -> None:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    model = resources.models_dir() / "movenet-lightning-int8.tflite"
    put_emulator(machine.path("emulator"))
    put_litert(machine.path("packages"), PYTHONS[release])
    first, second = count_one(machine, model), count_one(machine, model)
    assert first == pytest.approx(second, rel=0.01)
    with_dot_products = Machine(machine.root, PI_5)
    try:
        fewer = count_one(with_dot_products, model)
    finally:
        with_dot_products.close()
    assert all(fewer[size] < 0.7 * first[size] for size in first)
    tell.append(f"{model.stem}, instructions: {first}, with dot products: {fewer}")
