from typing import Any

import numpy as np
import pytest
from modelkit.weights import decode_weights


def group(*weights: dict[str, Any], paths: tuple[str, ...] = ("a.bin",)) -> list[dict[str, Any]]:
    return [{"paths": list(paths), "weights": list(weights)}]


HALF = {"dtype": "float16", "original_dtype": "float32"}


def test_half_precision_is_widened_and_integers_stay() -> None:
    kernel = np.array([[1.5, -2.25], [0.1, 65504]], "<f2")
    blob = kernel.tobytes() + np.array([7, -8], "<i4").tobytes() + np.float32(0.1).tobytes()
    manifest = group(
        {"name": "kernel", "shape": [2, 2], "dtype": "float32", "quantization": HALF},
        {"name": "sizes", "shape": [2], "dtype": "int32"},
        {"name": "scale", "shape": [], "dtype": "float32"},
    )
    found = decode_weights(manifest, {"a.bin": blob})
    np.testing.assert_array_equal(found["kernel"], kernel.astype(np.float32))
    assert found["kernel"].dtype == np.float32
    np.testing.assert_array_equal(found["sizes"], [7, -8])
    assert found["scale"].shape == ()
    assert found["scale"] == np.float32(0.1)


def test_a_tensor_may_lie_across_two_files() -> None:
    blob = np.arange(3, dtype="<f4").tobytes()
    manifest = group({"name": "x", "shape": [3], "dtype": "float32"}, paths=("a.bin", "b.bin"))
    found = decode_weights(manifest, {"b.bin": blob[5:], "a.bin": blob[:5]})
    np.testing.assert_array_equal(found["x"], [0, 1, 2])


@pytest.mark.parametrize(
    ("length", "message"), [(3, "end before tensor x"), (6, "2 bytes left over")]
)
def test_missing_and_extra_bytes_are_refused(length: int, message: str) -> None:
    manifest = group({"name": "x", "shape": [1], "dtype": "float32"})
    with pytest.raises(ValueError, match=message):
        decode_weights(manifest, {"a.bin": b"\x00" * length})


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "float32", "quantization": {"dtype": "uint8", "scale": 1.0, "min": 0}},
        {"dtype": "string"},
    ],
)
def test_types_it_cannot_decode_are_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"tensor x: type .* is not supported"):
        decode_weights(group({"name": "x", "shape": [1], **entry}), {"a.bin": b"\x00" * 4})
