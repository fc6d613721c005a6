from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from shared import shared_dir

from pose_edge.errors import ModelError
from pose_edge.zoo.catalogue import Download, git_blob_id, load_downloads
from pose_edge.zoo.registry import Zoo

CONTENT = b"\x1c\0\0\0TFL3" + bytes(100)


def listed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - anything may stand in a file
    return {
        "name": "a-model",
        "file": "a-model.tflite",
        "url": "https://example.org/a.tflite",
        "size": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "git_blob": None,
        "summary": "a test",
        "licence": "Apache-2.0",
        **changes,
    }


def write(folder: Path, *models: object, schema: object = 1) -> Path:
    path = folder / "downloads.yaml"
    path.write_text(yaml.safe_dump({"schema": schema, "models": list(models)}))
    return path


def test_a_list_is_read_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, listed(), listed(name="other", size=None, sha256=None))
    found = load_downloads(path)
    assert list(found) == ["a-model", "other"]
    assert found["a-model"] == Download.model_validate(listed())


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 0},
        {"size": -1},
        {"sha256": "abc"},
        {"sha256": "A" * 64},
        {"git_blob": "0" * 64},
        {"url": None},
        {"surprise": 1},
    ],
)
def test_a_wrong_entry_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        load_downloads(write(tmp_path, listed(**changes)))


@pytest.mark.parametrize("key", ["name", "file", "url", "size", "sha256", "git_blob", "licence"])
def test_nothing_may_be_left_out(tmp_path: Path, key: str) -> None:
    """Unknown values must be given as null, so that nothing is forgotten."""
    entry = listed()
    del entry[key]
    with pytest.raises(ModelError, match=key):
        load_downloads(write(tmp_path, entry))


def test_another_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_downloads(write(tmp_path, schema=2))


@pytest.mark.parametrize(
    ("changes", "content", "fault"),
    [
        ({}, CONTENT, None),
        ({}, CONTENT[:-1] + b"x", "SHA-256"),
        ({}, CONTENT + b"x", "bytes instead of"),
        ({}, b"", "0 bytes"),
        ({"size": None, "sha256": None}, CONTENT, None),
        ({"size": None, "sha256": None}, CONTENT + b"any", None),
        ({"size": None, "sha256": None}, b"<html>" + CONTENT, "no TFL3 mark"),
        ({"sha256": None, "git_blob": git_blob_id(CONTENT)}, CONTENT, None),
        ({"sha256": None, "git_blob": git_blob_id(CONTENT)}, CONTENT[:-1] + b"x", "Git blob id"),
    ],
)
def test_a_file_is_compared_with_all_that_is_known(
    changes: dict[str, Any], content: bytes, fault: str | None
) -> None:
    found = Download.model_validate(listed(**changes)).fault(content)
    if fault is None:
        assert found is None
    else:
        assert found is not None
        assert fault in found


def test_the_list_that_ships() -> None:
    downloads = load_downloads()
    assert set(downloads) >= {
        "movenet-lightning-google-int8",
        "movenet-thunder-google-int8",
        "movenet-lightning-edgetpu",
        "movenet-thunder-edgetpu",
        "posenet-mobilenet-257",
    }
    zoo = Zoo()
    assert not set(downloads) & set(zoo.entries), "a name means one model"
    files = [download.file for download in downloads.values()]
    assert len(set(files)) == len(files)
    for name, download in downloads.items():
        assert download.name == name
        assert Path(download.file).name == download.file == f"{name}.tflite"
        address = urlsplit(download.url)
        assert address.scheme == "https"
        assert address.path.endswith(".tflite")
        assert download.licence == "Apache-2.0"
        assert download.summary
        checked = download.sha256 or download.git_blob
        assert checked or "no checksum" in download.summary


def test_what_is_compiled_for_the_edge_tpu_has_a_twin_that_ships() -> None:
    """Without an Edge TPU the twin answers: it must ship, be of the same family and take uint8."""
    zoo = Zoo()
    twins = {}
    for name, download in load_downloads().items():
        assert (download.cpu_twin is not None) == name.endswith("-edgetpu")
        assert ("Edge TPU" in download.summary) == name.endswith("-edgetpu")
        if download.cpu_twin is not None:
            twin = zoo.entries[download.cpu_twin]
            assert twin.name.startswith(name.removesuffix("-edgetpu"))
            assert twin.input.dtype == "uint8", "as the Edge TPU's input is"
            twins[name] = twin.name
    assert len(set(twins.values())) == len(twins), "a model has one twin"


def test_a_model_need_not_have_a_twin(tmp_path: Path) -> None:
    path = write(tmp_path, listed(), listed(name="b-edgetpu", cpu_twin="a-model"))
    found = load_downloads(path)
    assert [download.cpu_twin for download in found.values()] == [None, "a-model"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("movenet-lightning-google-int8", "movenet_single_pose_lightning_ptq.tflite"),
        ("movenet-lightning-edgetpu", "movenet_single_pose_lightning_ptq_edgetpu.tflite"),
    ],
)
def test_the_publishers_own_file_is_accepted(name: str, file: str) -> None:
    content = shared_dir("models", file).read_bytes()
    download = load_downloads()[name]
    assert download.url.endswith(f"/{file}")
    assert download.fault(content) is None
    assert download.fault(content[:-1]) is not None
