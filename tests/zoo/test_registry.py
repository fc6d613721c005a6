from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from shared import shared_dir

from pose_edge.errors import ModelError
from pose_edge.util import resources
from pose_edge.zoo.catalogue import TFLITE_MARK, Download, git_blob_id
from pose_edge.zoo.registry import COMPILED_MARK, Tensor, Zoo, check_tflite

CONTENT = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 8
NAME = "movenet-test"


def entry(content: bytes = CONTENT, **changes: object) -> dict[str, object]:
    return {
        "name": NAME,
        "file": f"{NAME}.tflite",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "family": "movenet",
        "input": {"shape": [1, 192, 192, 3], "dtype": "uint8"},
        "output": {"shape": [1, 1, 17, 3], "dtype": "float32"},
        "summary": "a test",
        "licence": "Apache-2.0",
        "origin": "nowhere",
        **changes,
    }


def write_manifest(folder: Path, *entries: object, schema: object = 1) -> None:
    manifest = {"schema": schema, "models": list(entries)}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path, entry())
    (tmp_path / f"{NAME}.tflite").write_bytes(CONTENT)
    return tmp_path


def one_line(error: pytest.ExceptionInfo[ModelError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert error.value.exit_status == 3
    return message


def test_a_whole_model_is_found(folder: Path) -> None:
    model = Zoo(folder).find(NAME)
    assert model.name == NAME
    assert model.path == folder / f"{NAME}.tflite"
    assert model.entry is not None
    assert str(model.entry.input) == "uint8 1x192x192x3"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b"TFL3", "is not a TensorFlow Lite model"),
        (b"<html><body>404</body></html>", "is not a TensorFlow Lite model"),
        (CONTENT[: len(CONTENT) // 2], f"has {len(CONTENT) // 2} bytes, not {len(CONTENT)}"),
        (CONTENT[:8], f"has 8 bytes, not {len(CONTENT)}"),
        (CONTENT + b"\0", f"has {len(CONTENT) + 1} bytes, not {len(CONTENT)}"),
        (CONTENT[:-1] + b"\0", "another SHA-256"),
    ],
)
def test_damaged_files_are_refused(folder: Path, content: bytes | None, reason: str) -> None:
    path = folder / f"{NAME}.tflite"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    zoo = Zoo(folder)
    with pytest.raises(ModelError) as error:
        zoo.find(NAME)
    assert reason in one_line(error)
    assert str(path) in str(error.value)


def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    path = folder / f"{NAME}.tflite"
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelError) as error:
        Zoo(folder).find(NAME)
    assert "cannot be read: Is a directory" in one_line(error)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("movenet-tset", f"did you mean {NAME}?"),
        ("resnet", f"there are: {NAME}"),
        ("", f"there are: {NAME}"),
    ],
)
def test_unknown_names_are_refused_with_a_hint(folder: Path, name: str, hint: str) -> None:
    zoo = Zoo(folder)
    for check in (lambda: zoo.find(name), lambda: zoo.entry(name)):
        with pytest.raises(ModelError) as error:
            check()
        assert hint in one_line(error)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "models: [",
        "[]",
        "just text",
        "schema: 2\nmodels: []",
        "schema: 1",
        "schema: 1\nmodels: [{name: x}]",
        yaml.safe_dump({"schema": 1, "models": [entry(sha256="abc")]}),
        yaml.safe_dump({"schema": 1, "models": [entry(size=0)]}),
        yaml.safe_dump({"schema": 1, "models": [entry(surprise=1)]}),
        b"\xff\xfe\x00binary",
        "\x00\x01",
    ],
)
def test_a_damaged_manifest_is_refused(folder: Path, text: str | bytes | None) -> None:
    path = folder / "manifest.yaml"
    path.unlink()
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError) as error:
        Zoo(folder)
    assert str(path) in one_line(error)
    assert "install again" in str(error.value)


def test_a_users_own_file_by_its_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.tflite").write_bytes(CONTENT)
    (tmp_path / "noending").write_bytes(CONTENT)
    zoo = Zoo(folder)
    for name in ("own.tflite", "./own.tflite", "~/own.tflite", str(tmp_path / "own.tflite")):
        model = zoo.find(name)
        assert (model.name, model.entry) == ("own", None)
        assert model.path.read_bytes() == CONTENT
    assert zoo.find("./noending").name == "noending"
    with pytest.raises(ModelError, match="no model 'noending'"):
        zoo.find("noending")


@pytest.mark.parametrize(
    "name",
    ["gone.tflite", "/nowhere/gone", "/", "~nobody-has-this-name/x.tflite", "x" * 5000 + "/x"],
)
def test_a_users_own_file_that_is_not_there(folder: Path, name: str) -> None:
    with pytest.raises(ModelError) as error:
        Zoo(folder).find(name)
    one_line(error)


def test_a_file_is_known_by_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    assert check_tflite(path) == CONTENT
    assert CONTENT[4:8] == TFLITE_MARK


def test_a_tensor_is_told_in_words() -> None:
    assert str(Tensor(shape=(1, 1, 17, 3), dtype="float32")) == "float32 1x1x17x3"


def test_the_models_that_ship_are_whole_and_said_to_be_what_they_are() -> None:
    zoo = Zoo()
    assert set(zoo.entries) >= {"movenet-lightning-fp16", "movenet-thunder-fp16"}
    for name, listed in zoo.entries.items():
        assert zoo.find(name).path.parent == resources.models_dir()
        assert listed.licence
        assert listed.origin
        assert Path(listed.file).name == listed.file
    files = {path.name for path in resources.models_dir().glob("*.tflite")}
    assert files == {listed.file for listed in zoo.entries.values()}


def test_a_copy_of_the_models_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    name = "movenet-lightning-fp16"
    shutil.copy(resources.models_dir() / "manifest.yaml", tmp_path)
    content = (resources.models_dir() / f"{name}.tflite").read_bytes()
    (tmp_path / f"{name}.tflite").write_bytes(content[:1_000_000])
    with pytest.raises(ModelError, match="has 1000000 bytes"):
        Zoo(tmp_path).find(name)


# --- fetched models -------------------------------------------------------------------------------

FETCHED = "movenet-lightning-google-int8"


@pytest.fixture
def fetched(tmp_path: Path, folder: Path) -> Callable[..., Zoo]:
    """Return a function that makes a zoo whose entry FETCHED describes a small file."""

    def make(content: bytes | None = None, **known: object) -> Zoo:
        zoo = Zoo(folder, tmp_path / "fetched")
        changes = {
            "size": len(CONTENT),
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
            "git_blob": None,
            **known,
        }
        listed = {**zoo.downloads[FETCHED].model_dump(), **changes}
        zoo.downloads = {FETCHED: Download.model_validate(listed)}
        if content is not None:
            path = zoo.path(zoo.downloads[FETCHED])
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return zoo

    return make


def test_a_fetched_model_is_found(tmp_path: Path, fetched: Callable[..., Zoo]) -> None:
    model = fetched(CONTENT).find(FETCHED)
    assert model.name == FETCHED
    assert model.path == tmp_path / "fetched" / f"{FETCHED}.tflite"
    assert model.entry is None
    assert model.sha256 == hashlib.sha256(CONTENT).hexdigest()


def test_a_model_that_was_not_fetched_yet_says_how_to(fetched: Callable[..., Zoo]) -> None:
    with pytest.raises(ModelError) as error:
        fetched().find(FETCHED)
    assert f"{FETCHED} is not here yet; `pose-edge models fetch {FETCHED}`" in one_line(error)


@pytest.mark.parametrize(
    ("content", "known", "reason"),
    [
        (b"", {}, "is empty"),
        (b"<html>not found</html>", {}, "is not a TensorFlow Lite model"),
        (CONTENT[:-1], {}, f"{len(CONTENT) - 1} bytes instead of {len(CONTENT)}"),
        (CONTENT[:-1] + b"\0", {}, "SHA-256"),
        (CONTENT, {"sha256": None, "size": None, "git_blob": "0" * 40}, "Git blob id"),
    ],
)
def test_a_damaged_fetched_model_is_refused(
    tmp_path: Path,
    fetched: Callable[..., Zoo],
    content: bytes,
    known: dict[str, object],
    reason: str,
) -> None:
    with pytest.raises(ModelError) as error:
        fetched(content, **known).find(FETCHED)
    message = one_line(error)
    assert reason in message
    assert str(tmp_path / "fetched" / f"{FETCHED}.tflite") in message


def test_where_fetched_models_lie_by_default(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resources.fetched_dir({"XDG_DATA_HOME": "/data"}) == Path("/data/pose-edge/models")
    monkeypatch.setenv("HOME", str(tmp_path))
    for environment in ({}, {"XDG_DATA_HOME": ""}):
        assert resources.fetched_dir(environment) == tmp_path / ".local/share/pose-edge/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    zoo = Zoo(folder)
    path = zoo.path(zoo.downloads[FETCHED])
    assert path == tmp_path / "data" / "pose-edge" / "models" / f"{FETCHED}.tflite"


def test_the_nearest_name_may_be_one_to_fetch(folder: Path) -> None:
    with pytest.raises(ModelError, match=f"did you mean {FETCHED}"):
        Zoo(folder).find("movenet-lightning-gogle-int8")


def test_a_model_that_ships_has_no_need_of_the_fetched_folder(folder: Path) -> None:
    zoo = Zoo(folder, folder / "no" / "such" / "folder")
    assert zoo.find(NAME).name == NAME


# --- pairs of models ------------------------------------------------------------------------------


def test_each_model_for_the_edge_tpu_has_its_twin_and_a_name_for_both() -> None:
    zoo = Zoo()
    assert zoo.twins == {
        "movenet-lightning-edgetpu": "movenet-lightning-int8",
        "movenet-thunder-edgetpu": "movenet-thunder-int8",
    }
    assert zoo.aliases == {
        "movenet-lightning": "movenet-lightning-int8",
        "movenet-thunder": "movenet-thunder-int8",
    }
    assert not set(zoo.aliases) & {*zoo.entries, *zoo.downloads}, "a name means one model"


@pytest.mark.parametrize("size", ["lightning", "thunder"])
def test_a_name_without_a_precision_is_the_cpus_model(size: str) -> None:
    zoo = Zoo()
    expected = zoo.find(f"movenet-{size}-int8")
    assert zoo.find(f"movenet-{size}") == expected
    assert zoo.entry(f"movenet-{size}") == expected.entry
    assert not expected.compiled


def test_a_twin_that_does_not_ship_is_a_name_of_nothing(fetched: Callable[..., Zoo]) -> None:
    """The list of downloads may be newer than the models: an unknown twin is a plain error."""
    zoo = fetched()
    listed = {**zoo.downloads[FETCHED].model_dump(), "name": "x-edgetpu", "cpu_twin": "x-int8"}
    zoo.downloads = {"x-edgetpu": Download.model_validate(listed)}
    with pytest.raises(ModelError, match="no model 'x-int8'"):
        zoo.find("x")


def test_the_list_of_downloads_is_not_read_for_a_model_that_ships(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pose_edge.zoo.registry.load_downloads", lambda: pytest.fail("it was read"))
    zoo = Zoo(folder)
    assert zoo.find(NAME).name == NAME
    assert zoo.entry(NAME).name == NAME


@pytest.mark.parametrize(
    ("content", "compiled"),
    [(CONTENT, False), (CONTENT + COMPILED_MARK, True), (CONTENT + COMPILED_MARK[:-1], False)],
)
def test_what_is_compiled_is_known_by_its_operation(
    folder: Path, fetched: Callable[..., Zoo], content: bytes, compiled: bool
) -> None:
    (folder / "own.tflite").write_bytes(content)
    assert Zoo(folder).find(str(folder / "own.tflite")).compiled is compiled
    known = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert fetched(content, **known).find(FETCHED).compiled is compiled


def test_the_published_models_are_told_apart() -> None:
    for file, compiled in (("ptq", False), ("ptq_edgetpu", True)):
        path = shared_dir("models", f"movenet_single_pose_lightning_{file}.tflite")
        assert Zoo().find(str(path)).compiled is compiled
    assert not any(Zoo().find(name).compiled for name in Zoo().entries)


@pytest.mark.parametrize(
    "text",
    ["[]", "3", "a: [1]", "a: {one: high}", "a: {one: .nan}", "a: {one: 7}", "{", "\0", "- - -"],
)
def test_a_damaged_list_of_accuracies_is_said(folder: Path, text: str) -> None:
    path = folder / "accuracy.yaml"
    path.write_text(text)
    with pytest.raises(ModelError) as error:
        Zoo(folder).accuracy()
    assert str(path) in one_line(error)


@pytest.mark.parametrize("text", ["", "models: 3", "{", "[" * 5000, "schema: 1\nmodels: [7]"])
def test_a_damaged_list_of_downloads_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "downloads.yaml"
    path.write_text(text)
    monkeypatch.setattr("pose_edge.util.resources.downloads_list", lambda: path)
    with pytest.raises(ModelError) as error:
        Zoo().twins.get(NAME)
    assert str(path) in one_line(error)


def test_a_file_is_known_by_its_content(folder: Path, fetched: Callable[..., Zoo]) -> None:
    zoo = Zoo(folder)
    shipped = zoo.find(NAME)
    (folder / "copy.tflite").write_bytes(shipped.path.read_bytes())
    (folder / "own.tflite").write_bytes(shipped.path.read_bytes() + b" ")
    assert shipped.known
    assert zoo.find(str(folder / "copy.tflite")).known
    assert not zoo.find(str(folder / "own.tflite")).known
    own = CONTENT + b"own"
    for known, published in ((True, {"git_blob": git_blob_id(own)}), (False, {"git_blob": None})):
        zoo = fetched(own, size=None, sha256=None, **published)
        assert zoo.find(FETCHED).known is known


@pytest.mark.parametrize(
    ("start", "says"), [(b"RIFF....", "is not a TensorFlow Lite"), (CONTENT, "is too large")]
)
def test_a_huge_file_is_refused_unread(tmp_path: Path, start: bytes, says: str) -> None:
    path = tmp_path / "huge.tflite"
    path.write_bytes(start)
    os.truncate(path, 1 << 40)  # a sparse file, which no memory could hold
    with pytest.raises(ModelError, match=says):
        Zoo().find(str(path))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(ModelError, match="is empty"):
        Zoo().find(str(tmp_path / "pipe.tflite"))


def test_a_file_of_another_kind_is_told_the_suffix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"must end in \.tflite, or be typed as \./model\.onnx"):
        Zoo().find("model.onnx")
