from __future__ import annotations

import importlib
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from pose_edge.config.schema import EDGETPU_LIBRARY
from pose_edge.errors import ModelError, UnavailableError
from pose_edge.runtimes.edgetpu import delegate
from pose_edge.runtimes.edgetpu.delegate import edgetpu_accelerator, library_version
from pose_edge.runtimes.litert import LiteRT
from pose_edge.zoo.registry import ModelFile, Zoo

OWN = "/opt/libedgetpu.so.1"


class FakeRuntime:
    """The used part of LiteRT: records arguments, and raises `fault` or `model_fault` if set."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.model_fault: Exception | None = None
        self.loaded: list[tuple[str, dict[str, str]]] = []

    def member(self, name: str = "Interpreter") -> tuple[str, Any]:
        members = {"Interpreter": self.interpreter, "load_delegate": self.load_delegate}
        return "a_runtime", members[name]

    def load_delegate(self, library: str, options: dict[str, str]) -> str:
        if self.fault is not None:
            raise self.fault
        self.loaded.append((library, options))
        return "a delegate"

    def interpreter(self, **options: object) -> dict[str, object]:
        if self.model_fault is not None:
            raise self.model_fault
        return options


class FakePycoral:
    """A fake of Google's module `pycoral.utils.edgetpu`."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.made: list[tuple[str, str | None]] = []

    def make_interpreter(self, path: str, device: str | None = None) -> str:
        if self.fault is not None:
            raise self.fault
        self.made.append((path, device))
        return "pycoral's interpreter"


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime()
    monkeypatch.setattr(delegate, "import_runtime", fake.member)
    have(monkeypatch, None)
    return fake


def have(
    monkeypatch: pytest.MonkeyPatch,
    kind: Literal["google", "namesake"] | None,
    module: FakePycoral | Exception | None = None,
) -> None:
    """Install a fake pycoral, or none; importing it raises `module` if that is an exception."""
    real = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:  # noqa: ANN401
        if name != "pycoral.utils.edgetpu":
            return real(name, package)
        if isinstance(module, FakePycoral):
            return SimpleNamespace(make_interpreter=module.make_interpreter)
        raise module or AssertionError("nothing of it may be imported")

    monkeypatch.setattr(delegate, "find_pycoral", lambda: kind)
    monkeypatch.setattr(importlib, "import_module", import_module)


# --- the library as a delegate --------------------------------------------------------------------


@pytest.mark.parametrize("device", ["", "usb", "usb:0", "pci:1", ":2"])
def test_the_interpreter_gets_the_library_as_its_delegate(
    runtime: FakeRuntime, device: str
) -> None:
    accelerator = edgetpu_accelerator(OWN, device)
    assert runtime.loaded == [], "nothing is opened before the model is to be loaded"
    made = accelerator.make_interpreter("m.tflite")
    assert made == {"model_path": "m.tflite", "experimental_delegates": ["a delegate"]}
    assert runtime.loaded == [(OWN, {"device": device})]
    assert accelerator.backend == "edgetpu"
    assert accelerator.describe == f"Edge TPU, {OWN}"
    assert accelerator.version is None


def refused(library: str, device: str = "") -> str:
    with pytest.raises(UnavailableError) as error:
        edgetpu_accelerator(library, device).make_interpreter("m.tflite")
    assert not isinstance(error.value, ModelError)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_library_that_cannot_be_loaded(runtime: FakeRuntime) -> None:
    runtime.fault = OSError("libusb-1.0.so.0: cannot open shared object file")
    assert refused(OWN) == (
        f"{OWN} cannot be loaded: libusb-1.0.so.0: cannot open shared object file"
    )


def test_no_device_is_said_in_words_that_the_library_does_not_have(runtime: FakeRuntime) -> None:
    runtime.fault = ValueError(f"Failed to load delegate from {OWN}\n")
    assert refused(OWN) == (
        f"{OWN} opens no Edge TPU: it is not there, in use by another program, or not permitted"
    )
    assert f"{OWN} opens no Edge TPU for device 'usb:1': it is not there" in refused(OWN, "usb:1")


def test_a_model_that_cannot_be_read_is_not_taken_for_a_missing_device(
    runtime: FakeRuntime,
) -> None:
    runtime.model_fault = ValueError("Mmap of '41' failed.")
    accelerator = edgetpu_accelerator(OWN, "")
    with pytest.raises(ModelError, match=r"cannot load m.tflite: Mmap of '41' failed"):
        LiteRT(ModelFile("m", Path("m.tflite")), threads=1, accelerator=accelerator)


# --- pycoral --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("device", "given"), [("", None), ("usb", "usb"), (":1", ":1")])
def test_googles_pycoral_is_used_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime, device: str, given: str | None
) -> None:
    pycoral = FakePycoral()
    have(monkeypatch, "google", pycoral)
    # Other tests load the stand-in into this process, which answers to the library's name.
    monkeypatch.setattr(delegate, "library_version", lambda _library: None)
    accelerator = edgetpu_accelerator(EDGETPU_LIBRARY, device)
    assert accelerator.describe == f"Edge TPU, {EDGETPU_LIBRARY} through pycoral"
    assert accelerator.make_interpreter("m.tflite") == "pycoral's interpreter"
    assert pycoral.made == [("m.tflite", given)]
    assert runtime.loaded == []
    pycoral.fault = ValueError("Failed to load delegate from libedgetpu.so.1")
    assert refused(EDGETPU_LIBRARY, device).startswith(f"{EDGETPU_LIBRARY} opens no Edge TPU")


def test_it_knows_one_library_only(monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime) -> None:
    have(monkeypatch, "google")
    accelerator = edgetpu_accelerator(OWN, "usb")
    assert "pycoral" not in accelerator.describe
    accelerator.make_interpreter("m.tflite")
    assert runtime.loaded == [(OWN, {"device": "usb"})]


@pytest.mark.parametrize("fault", [ImportError("_pywrap_coral"), OSError("libusb-1.0.so.0")])
def test_a_broken_one_is_never_required(
    monkeypatch: pytest.MonkeyPatch,
    runtime: FakeRuntime,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
) -> None:
    have(monkeypatch, "google", fault)
    with caplog.at_level(logging.INFO):
        made = edgetpu_accelerator(EDGETPU_LIBRARY, "usb").make_interpreter("m.tflite")
    assert made["experimental_delegates"] == ["a delegate"]
    assert runtime.loaded == [(EDGETPU_LIBRARY, {"device": "usb"})]
    (line,) = caplog.messages
    assert line == f"Google's pycoral cannot be imported ({fault}): going on without it"


def test_another_project_of_that_name_is_recognised_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, runtime: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    have(monkeypatch, "namesake")
    with caplog.at_level(logging.INFO):
        edgetpu_accelerator(EDGETPU_LIBRARY, "").make_interpreter("m.tflite")
    assert runtime.loaded == [(EDGETPU_LIBRARY, {"device": ""})]
    (line,) = caplog.messages
    assert "not Google's" in line


# --- the library's version ------------------------------------------------------------------------


def test_the_version_is_part_of_the_description(stand_in_library: Path) -> None:
    library = str(stand_in_library)
    version = "BuildLabel(stand-in), RuntimeVersion(14)"
    assert library_version(library) == version
    accelerator = edgetpu_accelerator(library, "")
    assert accelerator.version == version
    assert accelerator.describe == f"Edge TPU, {library} {version}"


@pytest.mark.parametrize("library", ["libc.so.6", "/nowhere/libedgetpu.so.1"])
def test_without_a_version_there_is_none(library: str) -> None:
    assert library_version(library) is None


def test_a_real_interpreter_is_made(
    stand_in_library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description is the delegate's, without a number of CPU threads."""
    monkeypatch.undo()
    accelerator = edgetpu_accelerator(str(stand_in_library), "usb")
    runtime = LiteRT(Zoo().find("movenet-lightning-int8"), threads=1, accelerator=accelerator)
    assert runtime.provenance.backend == "edgetpu"
    assert runtime.describe().startswith("ai_edge_litert, Edge TPU, ")
