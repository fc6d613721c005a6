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


def test_else_the_address_of_a_real_interface_does(tmp_path: Path) -> None:
    for name, address, real in (
        ("docker0", "02:42:00:00:00:01", False),
        ("eth0", "dc:a6:32:00:00:01", True),
        ("wlan0", "dc:a6:32:00:00:02", True),
    ):
        interface = tmp_path / "sys/class/net" / name
        interface.mkdir(parents=True)
        (interface / "address").write_text(f"{address}\n")
        if real:
            (interface / "device").mkdir()
    assert hardware_id(tmp_path) == "dc:a6:32:00:00:01"


def test_a_machine_without_any_of_these_has_a_name(tmp_path: Path) -> None:
    assert hardware_id(tmp_path) == ""
    assert device_name(tmp_path)
