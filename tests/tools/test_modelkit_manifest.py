import pytest
import yaml
from modelkit import manifest
from modelkit.files import sha256

ENTRY = manifest.entry(
    name="a-fp16",
    file="a-fp16.tflite",
    content=b"TFL3",
    family="movenet",
    source=((1, 192, 192, 3), "uint8"),
    result=((1, 1, 17, 3), "float32"),
    summary='A "small" model: single person',
    licence="Apache-2.0",
    origin="someone; # a package",
)


def test_the_form_is_the_one_the_product_reads() -> None:
    assert manifest.render([ENTRY]) == (
        "# Written by `python tools/convert_models.py`; do not edit.\n"
        "schema: 1\n"
        "models:\n"
        "  - name: a-fp16\n"
        "    file: a-fp16.tflite\n"
        "    size: 4\n"
        f'    sha256: "{sha256(b"TFL3")}"\n'
        "    family: movenet\n"
        "    input: {shape: [1, 192, 192, 3], dtype: uint8}\n"
        "    output: {shape: [1, 1, 17, 3], dtype: float32}\n"
        '    summary: "A \\"small\\" model: single person"\n'
        "    licence: Apache-2.0\n"
        '    origin: "someone; # a package"\n'
    )


def test_what_is_written_reads_back() -> None:
    text = manifest.render([ENTRY, {**ENTRY, "name": "b"}])
    assert yaml.safe_load(text)["schema"] == 1
    assert manifest.parse(text) == [ENTRY, {**ENTRY, "name": "b"}]


def test_a_checksum_of_digits_stays_a_string() -> None:
    entry = {**ENTRY, "sha256": "1" * 64}
    assert manifest.parse(manifest.render([entry])) == [entry]


def test_merge_keeps_others_and_the_order() -> None:
    old = [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
    merged = manifest.merge(old, [{"name": "c", "size": 4}, {"name": "a", "size": 3}])
    assert merged == [
        {"name": "a", "size": 3},
        {"name": "b", "size": 2},
        {"name": "c", "size": 4},
    ]


def test_sizes_and_calibration_pictures_are_there_only_when_said() -> None:
    assert not {"sizes", "calibration"} & set(ENTRY)
    more = manifest.entry(
        name="b",
        file="b.tflite",
        content=b"TFL3",
        family="multipose",
        source=((1, 256, 256, 3), "uint8"),
        result=((1, 6, 56), "float32"),
        summary="",
        licence="Apache-2.0",
        origin="",
        sizes=[(256, 256), (192, 320)],
        calibration=["000000000001.jpg"],
    )
    text = manifest.render([more])
    assert "    sizes: [[256, 256], [192, 320]]\n" in text
    assert manifest.parse(text) == [more]
    assert more["calibration"] == ["000000000001.jpg"]


@pytest.mark.parametrize("text", ["", "- a", "schema: 2\nmodels: []", "schema: 1: 2"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(manifest.ManifestError):
        manifest.parse(text)
