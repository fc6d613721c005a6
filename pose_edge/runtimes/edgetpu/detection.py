"""List the connected Corals from sysfs, without loading the library or starting a device."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pose_edge.config.schema import DEVICE_PATTERN
from pose_edge.util.device_access import Obstacle, find_obstacle
from pose_edge.util.paths import exists

Bus = Literal["usb", "pci"]
"""How a Coral is connected."""

NEW_USB_ID: Final = ("1a6e", "089a")
"""Vendor and product id of a USB Coral without firmware, i.e. not used since power-on."""

STARTED_USB_ID: Final = ("18d1", "9302")
"""Vendor and product id of a USB Coral after the library has loaded its firmware: the device then
reconnects with these."""

PCI_ID: Final = ("0x1ac1", "0x089a")
"""Vendor and device id of a Coral on PCIe, as sysfs writes them."""

USB_VENDORS: Final = (NEW_USB_ID[0], STARTED_USB_ID[0])
USB_3_MBPS: Final = 5000
"""Lowest link speed of USB 3, Mbit/s."""


@dataclass(frozen=True, slots=True)
class Coral:
    """A Coral that the kernel sees.

    Attributes:
        bus: How the Coral is connected.
        name: "usb 2-1" (USB bus and ports, stable while it stays in the same socket) or "apex_0".
        node: The device node that the library opens.
        started: Whether the firmware is loaded; always true on PCIe, where none is needed.
        speed_mbps: Speed of the USB link, Mbit/s: 12, 480, 5000 or more; None on PCIe, or if the
            kernel does not know it.
    """

    bus: Bus
    name: str
    node: Path
    started: bool
    speed_mbps: int | None = None

    @property
    def slow(self) -> bool:
        """Whether the link is slower than USB 3; an inference then takes about 3 times as long."""
        return self.speed_mbps is not None and self.speed_mbps < USB_3_MBPS

    def obstacle(self) -> Obstacle | None:
        """Return why this user cannot open the device node, or None."""
        return find_obstacle(self.node)

    def describe(self) -> str:
        """Return name and connection, e.g. "usb 2-1 (USB 3, 5000 Mbit/s)"."""
        if self.bus == "pci":
            return f"{self.name} (PCIe)"
        if self.speed_mbps is None:
            return f"{self.name} (USB)"
        return f"{self.name} (USB {2 if self.slow else 3}, {self.speed_mbps} Mbit/s)"


def find_corals(
    device: str = "", *, sysfs: Path = Path("/sys"), dev: Path = Path("/dev")
) -> list[Coral]:
    """List the Corals that match a device option.

    The order is PCIe by number, then USB without firmware, then USB with firmware, the latter two
    by bus and port. The library also lists USB devices without firmware first. Otherwise its order
    is that of the kernel and of libusb, so with several Corals ":N" may mean another one there.

    Args:
        device: The library's device option, see `parse_device`.
        sysfs: Mount point of sysfs.
        dev: Folder of the device nodes.

    Returns:
        The Corals; at most one for an option with an index.

    Raises:
        ValueError: The option is malformed.
    """
    bus, index = parse_device(device)
    found = [] if bus == "usb" else _find_pci(sysfs, dev)
    found += [] if bus == "pci" else _find_usb(sysfs, dev)
    return found if index is None else found[index : index + 1]


def parse_device(text: str) -> tuple[Bus | None, int | None]:
    """Parse a device option, which selects one of several Corals, as the Edge TPU library does.

    Returns:
        The bus, or None for either; and the index in the library's order, from 0, or None for any.

    Raises:
        ValueError: The option is malformed.
    """
    match = re.fullmatch(DEVICE_PATTERN, text)
    if match is None or text.endswith("\n"):
        raise ValueError(f'{text!r}: expected "", ":N", "usb", "usb:N", "pci" or "pci:N", N from 0')
    bus: Bus | None = "usb" if match[1] == "usb" else "pci" if match[1] == "pci" else None
    return bus, None if match[2] is None else int(match[2][1:])


def count_undriven(sysfs: Path = Path("/sys")) -> int:
    """Count the Corals on PCIe without a driver, and therefore without /dev/apex_N."""
    folder = sysfs / "bus/pci/devices"
    devices = [folder / name for name in _names(folder)]
    corals = [one for one in devices if (_read(one, "vendor"), _read(one, "device")) == PCI_ID]
    return sum(not exists(coral / "driver") for coral in corals)


def _find_pci(sysfs: Path, dev: Path) -> list[Coral]:
    matches = (re.fullmatch(r"apex_(\d+)", name) for name in _names(sysfs / "class/apex"))
    numbers = sorted(int(match[1]) for match in matches if match is not None)
    return [Coral("pci", f"apex_{n}", dev / f"apex_{n}", started=True) for n in numbers]


def _find_usb(sysfs: Path, dev: Path) -> list[Coral]:
    folder = sysfs / "bus/usb/devices"
    # Names in sysfs: usb1 is a root hub, 1-1.4 a device, and 1-1.4:1.0 an interface of the device.
    names = [name for name in _names(folder) if "-" in name and ":" not in name]
    found = [_usb_coral(folder / name, dev) for name in sorted(names, key=_ports)]
    return sorted((coral for coral in found if coral is not None), key=lambda c: c.started)


def _usb_coral(folder: Path, dev: Path) -> Coral | None:
    vendor = _read(folder, "idVendor")
    if vendor not in USB_VENDORS:
        return None  # most devices are ruled out by reading this one file
    usb_id = (vendor, _read(folder, "idProduct"))
    bus, device = _read(folder, "busnum"), _read(folder, "devnum")
    if usb_id not in (NEW_USB_ID, STARTED_USB_ID) or not (bus.isdecimal() and device.isdecimal()):
        return None
    node = dev / f"bus/usb/{int(bus):03}/{int(device):03}"
    speed = re.match(r"\d+", _read(folder, "speed"))  # may be "1.5" or "unknown"
    speed_mbps = int(speed[0]) if speed else None
    return Coral("usb", f"usb {folder.name}", node, usb_id == STARTED_USB_ID, speed_mbps)


def _ports(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - called every second: names are enough
    except OSError:
        return []  # this machine has no such bus, or no sysfs


def _read(folder: Path, name: str) -> str:
    """Return an attribute of a device; "" if there is none, or the device was unplugged."""
    # For a few bytes, a raw descriptor takes half the time of a file object.
    try:
        descriptor = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 64).decode("ascii", "replace").strip()
        finally:
            os.close(descriptor)
    except OSError:
        return ""
