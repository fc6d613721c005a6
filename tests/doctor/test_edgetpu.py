from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_sysfs import (
    dev_of,
    make_sysfs,
    plug_pci_coral,
    plug_usb_coral,
    start_usb_coral,
    sysfs_of,
)
from shared import shared_dir

from pose_edge.config.schema import Settings
from pose_edge.doctor import edgetpu, libedgetpu
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.edgetpu import Trial, examine
from pose_edge.doctor.report import Finding

GOOD = Trial("BuildLabel(N/A), RuntimeVersion(14)", 14.24)
COMPILED = b"\x1c\0\0\0TFL3" + bytes(100) + b"edgetpu-custom-op"


@dataclass
class Machine:
    """A fake machine to be examined, with a fake sysfs and with files as library and models."""

    root: Path
    trial: Trial = GOOD
    tried: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def plug(self, **how: Any) -> Path:  # noqa: ANN401
        return plug_usb_coral(self.root, "2-1", **how)

    def install_library(self) -> Path:
        path = self.root / "libedgetpu.so.1"
        path.touch()
        self.settings["library"] = str(path)
        return path

    def install_model(self, content: bytes = COMPILED) -> Path:
        path = self.root / "own_edgetpu.tflite"
        path.write_bytes(content)
        self.settings["model"] = str(path)
        return path

    def context(self, *, use_models: bool = True, **settings: Any) -> DoctorContext:  # noqa: ANN401
        testing = {"sysfs": str(sysfs_of(self.root)), "dev": str(dev_of(self.root))}
        values = {"testing": testing, "edgetpu": self.settings, **settings}
        file = self.root / "config.yaml"
        return DoctorContext(Settings.model_validate(values), file, use_models=use_models)

    def examine(self, **settings: Any) -> dict[str, list[Finding]]:  # noqa: ANN401
        """Return the findings by subject."""
        found: dict[str, list[Finding]] = {}
        for finding in examine(self.context(**settings), self.make_trial):
            assert finding.text
            assert finding.remedy or finding.verdict in ("ok", "skipped")
            found.setdefault(finding.subject, []).append(finding)
        return found

    def verdicts(self, **settings: Any) -> dict[str, str]:  # noqa: ANN401
        """Return the verdicts by subject, for subjects with exactly one finding."""
        found = self.examine(**settings)
        return {subject: one[0].verdict for subject, one in found.items() if len(one) == 1}

    def only(self, subject: str, **settings: Any) -> Finding:  # noqa: ANN401
        (finding,) = self.examine(**settings)[subject]
        return finding

    def make_trial(self, _settings: Settings) -> Trial:
        self.tried += 1
        return self.trial


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))  # of fetched models
    monkeypatch.setattr(libedgetpu, "package_of", lambda _path: None)
    monkeypatch.setattr(edgetpu, "find_pycoral", lambda: None)
    found = Machine(make_sysfs(tmp_path / "machine"))
    found.settings["library"] = "libno-such-edgetpu.so.1"
    return found


@pytest.fixture
def ready(machine: Machine) -> Machine:
    """Return a machine with a Coral, its library and a compiled model."""
    machine.plug()
    machine.install_library()
    machine.install_model()
    return machine


# --- without a Coral ------------------------------------------------------------------------------


def test_auto_without_a_coral_is_no_fault(machine: Machine) -> None:
    assert machine.verdicts() == {
        "setting": "ok",
        "device": "ok",
        "library": "skipped",
        "pycoral": "ok",
        "model": "skipped",
        "inference": "skipped",
    }
    assert machine.only("device").text == "none plugged in: the CPU is used"
    assert not machine.tried


def test_on_without_a_coral_is_a_fault_and_so_is_all_that_is_missing(machine: Machine) -> None:
    machine.settings["mode"] = "on"
    assert machine.verdicts() == {
        "setting": "ok",
        "device": "fault",
        "library": "fault",
        "pycoral": "ok",
        "model": "fault",
        "inference": "skipped",
    }
    assert machine.only("inference").text == "not tried without a device, the library, a model"
    assert not machine.tried


def test_off_lists_devices_and_looks_at_nothing_else(machine: Machine) -> None:
    machine.settings["mode"] = "off"
    assert machine.verdicts() == {"setting": "ok", "device": "ok"}
    assert machine.only("device").text == "none plugged in"
    machine.plug(speed=480)
    node = plug_pci_coral(machine.root)
    node.unlink()
    found = machine.examine()
    assert [one.text for one in found.pop("device")] == [
        "apex_0 (PCIe)",
        "usb 2-1 (USB 2, 480 Mbit/s)",
    ]
    assert list(found) == ["setting"]
    assert not machine.tried


# --- with one -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_all_is_well(ready: Machine, mode: str) -> None:
    ready.settings["mode"] = mode
    assert set(ready.verdicts().values()) == {"ok"}
    ready.tried = 0
    found = ready.examine()
    assert ready.tried == 1
    assert found["device"][0].text == "usb 2-1 (USB 3, 5000 Mbit/s)"
    assert found["library"][0].text.startswith(ready.settings["library"])
    assert ready.settings["model"] in found["model"][0].text
    assert found["inference"][0].text == ("14.2 ms (library: BuildLabel(N/A), RuntimeVersion(14))")
    assert str(dev_of(ready.root)) in found["permission"][0].text


def test_after_first_use(ready: Machine) -> None:
    node = start_usb_coral(ready.root, "2-1")
    assert str(node) in ready.only("permission").text


def test_usb_2_is_a_warning(ready: Machine) -> None:
    start_usb_coral(ready.root, "2-1")
    plug_usb_coral(ready.root, "1-1.3", speed=480)
    warning, ok = ready.examine()["device"]
    assert (warning.verdict, ok.verdict) == ("warning", "ok")
    assert warning.text.startswith("usb 1-1.3 (USB 2, 480 Mbit/s): ")
    assert "USB 3 port" in warning.remedy


def test_a_coral_on_pcie_without_driver(machine: Machine) -> None:
    plug_pci_coral(machine.root, driver=False)
    driver = machine.only("driver")
    assert driver.verdict == "fault"
    assert "gasket-dkms" in driver.remedy
    assert machine.verdicts()["device"] == "ok"  # no usable one, but mode auto


def test_a_coral_on_pcie_with_driver(ready: Machine) -> None:
    plug_pci_coral(ready.root)
    assert "driver" not in ready.examine()


@pytest.mark.parametrize("device", ["pci", "usb:1", ":1"])
@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_device_option_that_means_none_of_them(ready: Machine, device: str, mode: str) -> None:
    ready.settings |= {"device": device, "mode": mode}
    finding = ready.only("device")
    assert finding.verdict == "fault"
    assert repr(device) in finding.text
    assert "usb 2-1" in finding.text
    assert "edgetpu.device" in finding.remedy
    assert "a device" in ready.only("inference").text
    assert not ready.tried


def test_a_node_that_may_not_be_opened(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_args, **_more: False)
    finding = ready.only("permission")
    assert finding.verdict == "fault"
    assert "may not open" in finding.text
    assert ready.only("inference").text == "not tried without permission"
    assert not ready.tried


def test_one_of_two_that_may_be_opened_is_enough_to_try(ready: Machine) -> None:
    plug_pci_coral(ready.root).unlink()
    assert [one.verdict for one in ready.examine()["permission"]] == ["fault", "ok"]
    assert ready.tried == 1


# --- library --------------------------------------------------------------------------------------


def test_a_missing_library_and_how_to_get_it(ready: Machine) -> None:
    ready.settings["library"] = "libno-such-edgetpu.so.1"
    finding = ready.only("library")
    assert finding.verdict == "fault"
    assert finding.text == "libno-such-edgetpu.so.1 is not installed"
    assert finding.remedy == libedgetpu.how_to_install()
    assert ready.only("inference").text == "not tried without the library"
    assert not ready.tried


def test_the_librarys_package_is_named(ready: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    package = "libedgetpu1-std 16.0tf2.19.1-1"
    monkeypatch.setattr(libedgetpu, "package_of", lambda _path: package)
    finding = ready.only("library")
    assert finding.verdict == "ok"
    assert finding.text.endswith("libedgetpu.so.1, of libedgetpu1-std 16.0tf2.19.1-1")


def test_googles_own_library_is_warned_of_and_tried(
    ready: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libedgetpu, "package_of", lambda _path: "libedgetpu1-max 16.0")
    finding = ready.only("library")
    assert finding.verdict == "warning"
    assert "crashes" in finding.text
    assert finding.remedy == libedgetpu.how_to_install()
    assert ready.tried == 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [("google", "Google's: not used"), ("namesake", "another project"), (None, "not installed")],
)
def test_any_pycoral_or_none_is_fine(
    ready: Machine, monkeypatch: pytest.MonkeyPatch, kind: str | None, text: str
) -> None:
    monkeypatch.setattr(edgetpu, "find_pycoral", lambda: kind)
    finding = ready.only("pycoral")
    assert finding.verdict == "ok"
    assert finding.text.startswith(text)


def test_googles_pycoral_goes_with_the_library_of_the_usual_name(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edgetpu, "find_pycoral", lambda: "google")
    del machine.settings["library"]
    assert machine.only("pycoral").text == "Google's: used"


# --- model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fetch"),
    [
        ("movenet-lightning-int8", "movenet-lightning-edgetpu"),
        ("movenet-lightning", "movenet-lightning-edgetpu"),
        ("movenet-thunder-int8", "movenet-thunder-edgetpu"),
        ("movenet-thunder-edgetpu", "movenet-thunder-edgetpu"),
    ],
)
def test_a_model_that_is_not_fetched_yet(ready: Machine, model: str, fetch: str) -> None:
    del ready.settings["model"]
    finding = ready.only("model", model={"name": model})
    assert finding.verdict == "fault"
    assert fetch in finding.text
    assert f"`pose-edge models fetch {fetch}`" in finding.remedy
    assert "a model" in ready.only("inference").text
    assert not ready.tried


def test_googles_compiled_model_is_recognised(ready: Machine) -> None:
    path = shared_dir("models", "movenet_single_pose_lightning_ptq_edgetpu.tflite")
    ready.settings["model"] = str(path)
    finding = ready.only("model")
    assert finding.verdict == "ok"
    assert str(path) in finding.text


def test_a_fetched_model_is_found(ready: Machine) -> None:
    source = shared_dir("models", "movenet_single_pose_lightning_ptq_edgetpu.tflite")
    del ready.settings["model"]
    fetched = ready.root.parent / "data/pose-edge/models/movenet-lightning-edgetpu.tflite"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(source.read_bytes())
    finding = ready.only("model")
    assert finding.verdict == "ok"
    assert finding.text == f"movenet-lightning-edgetpu: {fetched}"
    fetched.write_bytes(source.read_bytes()[:-1])
    damaged = ready.only("model")
    assert damaged.verdict == "fault"
    assert "fetch" in damaged.remedy


@pytest.mark.parametrize(("mode", "verdict"), [("auto", "warning"), ("on", "fault")])
def test_a_model_without_a_version_for_the_edge_tpu(
    ready: Machine, mode: str, verdict: str
) -> None:
    del ready.settings["model"]
    ready.settings["mode"] = mode
    finding = ready.only("model", model={"name": "movenet-multipose-int8"})
    assert finding.verdict == verdict
    assert "movenet-multipose-int8" in finding.text
    assert "movenet-lightning" in finding.text + finding.remedy
    assert not ready.tried


def test_a_cpu_model_in_place_of_the_compiled_one(ready: Machine) -> None:
    ready.install_model(COMPILED.replace(b"edgetpu-custom-op", b"conv"))
    finding = ready.only("model")
    assert finding.verdict == "fault"
    assert "not compiled for the Edge TPU" in finding.text
    assert "edgetpu.model" in finding.remedy
    assert not ready.tried


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_file_that_is_no_model(ready: Machine, content: bytes) -> None:
    path = ready.install_model(content)
    finding = ready.only("model")
    assert finding.verdict == "fault"
    assert str(path) in finding.text


# --- the trial ------------------------------------------------------------------------------------


def test_a_crash_is_put_down_to_a_mismatch(ready: Machine) -> None:
    ready.trial = Trial(None, None, "its process was ended by SIGSEGV", crashed=True)
    finding = ready.only("inference")
    assert finding.verdict == "fault"
    assert finding.text.startswith("its process was ended by SIGSEGV; library and ")
    assert libedgetpu.runtime() in finding.text
    assert finding.remedy == libedgetpu.how_to_match()


def test_a_refusal_is_told_with_the_librarys_version(ready: Machine) -> None:
    ready.trial = Trial("RuntimeVersion(14)", None, "opens no Edge TPU")
    finding = ready.only("inference")
    assert finding.verdict == "fault"
    assert finding.text == "opens no Edge TPU (library: RuntimeVersion(14))"
    assert "systemctl stop pose-edge" in finding.remedy


def test_an_inference_without_a_time_is_no_success(ready: Machine) -> None:
    ready.trial = Trial()
    finding = ready.only("inference")
    assert finding.verdict == "fault"
    assert finding.text == "gave no answer"


def test_a_trial_that_raises_is_not_swallowed_here(ready: Machine) -> None:
    def fail(_settings: Settings) -> Trial:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(examine(ready.context(), fail))


def test_no_model_is_run_when_that_is_not_wanted(ready: Machine) -> None:
    findings = list(examine(ready.context(use_models=False), ready.make_trial))
    (found,) = (one for one in findings if one.subject == "inference")
    assert ready.tried == 0
    assert (found.verdict, "--no-inference" in found.text) == ("skipped", True)


def test_a_semicolon_in_the_path_of_a_model_cuts_nothing_off(ready: Machine) -> None:
    path = ready.root / "one; two_edgetpu.tflite"
    ready.settings["model"] = str(path)
    finding = ready.only("model")
    assert finding.text == f"model file {path} is missing"
    assert finding.remedy == "`pose-edge models list`"
