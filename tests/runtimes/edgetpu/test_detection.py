from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from fake_sysfs import (
    NEW,
    STARTED,
    dev_of,
    make_sysfs,
    plug_pci_coral,
    plug_usb_coral,
    plug_usb_device,
    start_usb_coral,
    sysfs_of,
    unplug,
)
from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.schema import DEVICE_PATTERN, EdgeTpuSettings
from pose_edge.runtimes.edgetpu import detection
from pose_edge.runtimes.edgetpu.detection import (
    Bus,
    Coral,
    count_undriven,
    find_corals,
    parse_device,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_sysfs(tmp_path, others=3)


def find(root: Path, device: str = "") -> list[Coral]:
    return find_corals(device, sysfs=sysfs_of(root), dev=dev_of(root))


def names(root: Path, device: str = "") -> list[str]:
    return [coral.name for coral in find(root, device)]


def test_a_machine_without_one(root: Path) -> None:
    assert find(root) == []
    assert count_undriven(sysfs_of(root)) == 0


def test_a_machine_without_usb_and_pci(tmp_path: Path) -> None:
    assert find(tmp_path / "gone") == []
    assert count_undriven(tmp_path / "gone") == 0


def test_this_machine_can_be_asked() -> None:
    assert all(isinstance(coral, Coral) for coral in find_corals())
    assert count_undriven() >= 0


def test_before_and_after_first_use(root: Path) -> None:
    node = plug_usb_coral(root, "2-1")
    assert find(root) == [Coral("usb", "usb 2-1", node, started=False, speed_mbps=5000)]
    back = start_usb_coral(root, "2-1")
    assert back != node
    assert find(root) == [Coral("usb", "usb 2-1", back, started=True, speed_mbps=5000)]
    unplug(root, "2-1")
    assert find(root) == []


def test_pcie(root: Path) -> None:
    node = plug_pci_coral(root, 0)
    (coral,) = find(root)
    assert coral == Coral("pci", "apex_0", node, started=True)
    assert node == dev_of(root) / "apex_0"
    assert not coral.slow
    assert count_undriven(sysfs_of(root)) == 0
    unplug(root, "apex_0")
    assert find(root) == []


def test_pcie_without_its_driver_has_no_node(root: Path) -> None:
    plug_pci_coral(root, 0)
    plug_pci_coral(root, 1, driver=False)
    assert names(root) == ["apex_0"]
    assert count_undriven(sysfs_of(root)) == 1


@pytest.mark.parametrize(
    ("speed", "slow", "text"),
    [
        (12, True, "usb 1-2 (USB 2, 12 Mbit/s)"),
        (480, True, "usb 1-2 (USB 2, 480 Mbit/s)"),
        (5000, False, "usb 1-2 (USB 3, 5000 Mbit/s)"),
        (10000, False, "usb 1-2 (USB 3, 10000 Mbit/s)"),
    ],
)
def test_usb_2_is_told_from_usb_3(root: Path, speed: int, slow: bool, text: str) -> None:
    plug_usb_coral(root, "1-2", speed=speed)
    (coral,) = find(root)
    assert coral.slow == slow
    assert coral.describe() == text


@pytest.mark.parametrize("content", ["unknown\n", "", None])
def test_a_speed_that_is_not_known_is_not_slow(root: Path, content: str | None) -> None:
    plug_usb_coral(root, "2-1")
    speed = sysfs_of(root) / "bus/usb/devices/2-1/speed"
    speed.unlink() if content is None else speed.write_text(content)
    (coral,) = find(root)
    assert coral.speed_mbps is None
    assert not coral.slow
    assert coral.describe() == "usb 2-1 (USB)"


def test_numbers_are_written_as_the_kernel_names_nodes(root: Path) -> None:
    plug_usb_coral(root, "1-1.4")
    folder = sysfs_of(root) / "bus/usb/devices/1-1.4"
    (folder / "busnum").write_text("12\n")
    (folder / "devnum").write_text("127\n")
    assert find(root)[0].node == dev_of(root) / "bus/usb/012/127"


def test_others_that_look_similar_are_left_out(root: Path) -> None:
    plug_usb_device(root, "1-4", ("18d1", "4ee1"), speed=480)  # a phone by Google
    plug_usb_device(root, "1-5", (NEW[0], STARTED[1]), speed=480)
    interface = sysfs_of(root) / "bus/usb/devices/2-1:1.0"
    interface.mkdir()
    (interface / "idVendor").write_text("1a6e\n")
    assert find(root) == []


# --- several --------------------------------------------------------------------------------------


@pytest.fixture
def several(root: Path) -> Path:
    plug_usb_coral(root, "2-1", started=True)
    plug_usb_coral(root, "1-1.10", speed=480)
    plug_usb_coral(root, "1-1.2", speed=480)
    plug_pci_coral(root, 10)
    plug_pci_coral(root, 2)
    return root


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("", ["apex_2", "apex_10", "usb 1-1.2", "usb 1-1.10", "usb 2-1"]),
        (":0", ["apex_2"]),
        (":4", ["usb 2-1"]),
        (":5", []),
        ("pci", ["apex_2", "apex_10"]),
        ("pci:1", ["apex_10"]),
        ("pci:2", []),
        ("usb", ["usb 1-1.2", "usb 1-1.10", "usb 2-1"]),
        ("usb:0", ["usb 1-1.2"]),
        ("usb:2", ["usb 2-1"]),
        ("usb:3", []),
    ],
)
def test_what_an_option_means(several: Path, device: str, expected: list[str]) -> None:
    assert names(several, device) == expected


def test_a_malformed_option_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        find(root, "tpu")


@given(
    usb=st.dictionaries(
        st.builds("{}-{}".format, st.integers(1, 3), st.integers(1, 12)), st.booleans(), max_size=4
    ),
    pci=st.sets(st.integers(0, 20), max_size=3),
)
def test_kinds_and_indices_share_out_all_that_is_there(
    tmp_path_factory: pytest.TempPathFactory, usb: dict[str, bool], pci: set[int]
) -> None:
    root = make_sysfs(tmp_path_factory.mktemp("machine"))
    for port, started in usb.items():
        plug_usb_coral(root, port, started=started)
    for number in pci:
        plug_pci_coral(root, number)
    everything = find(root)
    assert len(everything) == len(usb) + len(pci)
    assert find(root, "pci") + find(root, "usb") == everything
    for kind, count in (("", len(everything)), ("usb", len(usb)), ("pci", len(pci))):
        one_by_one = [find(root, f"{kind}:{index}") for index in range(count + 1)]
        assert [coral for found in one_by_one for coral in found] == find(root, kind)
    assert all(coral.node.exists() for coral in everything)
    order = [coral.started for coral in find(root, "usb")]
    assert order == sorted(order)


# --- while it is pulled out -----------------------------------------------------------------------


@pytest.mark.parametrize("file", ["idVendor", "idProduct", "busnum", "devnum", "speed"])
@pytest.mark.parametrize("how", ["gone", "empty", "rubbish"])
def test_half_of_a_device_does_no_harm(root: Path, file: str, how: str) -> None:
    plug_usb_coral(root, "2-1")
    path = sysfs_of(root) / "bus/usb/devices/2-1" / file
    path.unlink() if how == "gone" else path.write_text("\xff?" if how == "rubbish" else "")
    assert [coral.name for coral in find(root)] == (["usb 2-1"] if file == "speed" else [])


def test_a_device_that_goes_between_two_reads(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_usb_coral(root, "2-1")
    read = detection._read

    def pull_out_first(folder: Path, name: str) -> str:
        if name == "busnum":
            unplug(root, "2-1")
        return read(folder, name)

    monkeypatch.setattr(detection, "_read", pull_out_first)
    assert find(root) == []


def test_while_devices_come_and_go(root: Path) -> None:
    plug_usb_coral(root, "1-9")
    stop = threading.Event()

    def restless() -> None:
        while not stop.is_set():
            plug_usb_coral(root, "2-1")
            start_usb_coral(root, "2-1")
            unplug(root, "2-1")

    thread = threading.Thread(target=restless)
    thread.start()
    try:
        for _ in range(300):
            found = names(root)
            assert "usb 1-9" in found
            assert set(found) <= {"usb 1-9", "usb 2-1"}
    finally:
        stop.set()
        thread.join()


def test_looking_leaves_nothing_open(several: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        find(several)
        count_undriven(sysfs_of(several))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- permission -----------------------------------------------------------------------------------


def test_one_that_can_be_opened(root: Path) -> None:
    plug_usb_coral(root)
    assert find(root)[0].obstacle() is None


def test_one_whose_node_is_missing_says_so(root: Path) -> None:
    node = plug_usb_coral(root)
    node.unlink()
    fault = str(find(root)[0].obstacle())
    assert fault.startswith(f"{node} is not there: ")


def test_one_that_may_not_be_opened_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = plug_pci_coral(root)
    monkeypatch.setattr(os, "access", lambda *_: False)
    fault = str(find(root)[0].obstacle())
    assert f"may not open {node}: " in fault
    assert "rules" in fault or "usermod" in fault or "log in again" in fault


# --- the option `device` --------------------------------------------------------------------------


@given(bus=st.sampled_from((None, "usb", "pci")), index=st.none() | st.integers(0, 999))
def test_every_option_of_the_library_is_understood(bus: Bus | None, index: int | None) -> None:
    text = (bus or "") + ("" if index is None else f":{index}")
    assert parse_device(text) == (bus, index)
    assert EdgeTpuSettings(device=text).device == text


@pytest.mark.parametrize(
    "text",
    ["USB", "usb:", ":", "usb:-1", "usb:x", "usb 0", "pcie", "0", "usb:0\n", "usb:\u0661", ":1000"],
)
def test_anything_else_is_refused_by_reader_and_settings_alike(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r}: expected")):
        parse_device(text)
    with pytest.raises(ValueError, match="device"):
        EdgeTpuSettings(device=text)


@given(st.text(alphabet="usbpci:0123456789 \n", max_size=8))
def test_reader_and_settings_agree(text: str) -> None:
    def accepts(read: object) -> bool:
        try:
            read(text)  # type: ignore[operator]
        except ValueError:
            return False
        return True

    assert accepts(parse_device) == accepts(lambda value: EdgeTpuSettings(device=value))
    assert DEVICE_PATTERN.startswith("^")
