from __future__ import annotations

import re
from pathlib import Path

from pose_edge.sinks.device_name import device_name, hardware_id, named


def test_the_name_stays_the_same() -> None:
    assert named("pi", "a1", "10000000abcdef") == named("pi", "a1", "10000000abcdef")


def test_clones_of_an_sd_card_have_different_names() -> None:
    assert named("pi", "a1", "10000000abcdef") != named("pi", "a1", "10000000abcdee")


def test_systems_on_the_same_board_have_different_names() -> None:
    assert named("pi", "a1", "10000000abcdef") != named("pi", "a2", "10000000abcdef")


def test_a_name_tells_the_host_and_nothing_else() -> None:
    name = named("kitchen.example.org", "0123456789abcdef", "10000000abcdef")
    assert re.fullmatch(r"kitchen-[0-9a-f]{8}", name)


def test_a_name_fits_into_topics_whatever_the_host_is_called() -> None:
    for host in ("Küche/#+ 1", "", "x" * 300, "-"):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", named(host, "", ""))


def test_the_serial_number_of_the_board_tells_it_apart(tmp_path: Path) -> None:
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "serial-number").write_bytes(b"10000000abcdef\0")
    assert hardware_id(tmp_path) == "10000000abcdef"


def add_interface(
    root: Path, name: str, address: str, *, bus: str | None = "pci", kind: int = 0
) -> Path:
    """Make up a network interface; `kind` is how the address was assigned, 0 for permanently."""
    interface = root / "sys/class/net" / name
    interface.mkdir(parents=True)
    (interface / "address").write_text(f"{address}\n")
    (interface / "addr_assign_type").write_text(f"{kind}\n")
    if bus is not None:
        (root / "sys/bus" / bus).mkdir(parents=True, exist_ok=True)
        (interface / "device").mkdir()
        (interface / "device/subsystem").symlink_to(root / "sys/bus" / bus)
    return interface


def test_else_the_address_of_a_real_interface_does(tmp_path: Path) -> None:
    add_interface(tmp_path, "docker0", "02:42:00:00:00:01", bus=None)
    add_interface(tmp_path, "eth0", "dc:a6:32:00:00:01")
    add_interface(tmp_path, "wlan0", "dc:a6:32:00:00:02")
    assert hardware_id(tmp_path) == "dc:a6:32:00:00:01"


def test_the_address_does_not_depend_on_names_or_on_what_is_plugged_in(tmp_path: Path) -> None:
    add_interface(tmp_path, "eth1", "dc:a6:32:00:00:01")
    add_interface(tmp_path, "eth0", "dc:a6:32:00:00:02")
    add_interface(tmp_path, "enx001122334455", "00:11:22:33:44:55", bus="usb")
    assert hardware_id(tmp_path) == "dc:a6:32:00:00:01"


def test_an_adapter_is_better_than_nothing(tmp_path: Path) -> None:
    add_interface(tmp_path, "enx001122334455", "00:11:22:33:44:55", bus="usb")
    assert hardware_id(tmp_path) == "00:11:22:33:44:55"


def test_a_random_address_does_not_count(tmp_path: Path) -> None:
    wireless = add_interface(tmp_path, "wlan0", "5e:11:22:33:44:55", kind=3)
    assert hardware_id(tmp_path) == ""
    (wireless / "phy80211").mkdir()
    (wireless / "phy80211/macaddress").write_text("dc:a6:32:00:00:02\n")
    assert hardware_id(tmp_path) == "dc:a6:32:00:00:02", "the permanent one of the same adapter"


def test_a_machine_without_any_of_these_has_a_name(tmp_path: Path) -> None:
    assert hardware_id(tmp_path) == ""
    assert device_name(tmp_path)
