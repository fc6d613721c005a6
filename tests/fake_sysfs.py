"""A fake sysfs and /dev with Corals that can be plugged in, started and unplugged.

A root folder contains `sys` and `dev`, for the settings testing.sysfs and testing.dev. Devices
behave as in the kernel: they are complete once visible, and have a new number each time.
"""

from __future__ import annotations

import shutil
from pathlib import Path

NEW, STARTED = ("1a6e", "089a"), ("18d1", "9302")
SPEED_USB_2, SPEED_USB_3 = 480, 5000


def make_sysfs(root: Path, *, others: int = 0) -> Path:
    """Make a machine with two USB buses and no Coral.

    Args:
        root: Root folder of the machine; created if it does not exist.
        others: Number of other USB devices (mice on bus 1).

    Returns:
        The root folder.
    """
    for bus, speed in ((1, SPEED_USB_2), (2, SPEED_USB_3)):
        _add_usb(root, f"usb{bus}", 1, ("1d6b", "0002"), speed=speed)
    for number in range(others):
        plug_usb_device(root, f"1-{number + 10}", ("046d", "c077"), speed=12)
    return root


def sysfs_of(root: Path) -> Path:
    return root / "sys"


def dev_of(root: Path) -> Path:
    return root / "dev"


def plug_usb_coral(
    root: Path, port: str = "2-1", *, started: bool = False, speed: int = SPEED_USB_3
) -> Path:
    """Plug in a USB Coral.

    Args:
        root: Root folder of the machine.
        port: Bus and ports, e.g. "2-1" or "1-1.4".
        started: Whether its firmware is already loaded.
        speed: USB speed, Mbit/s.

    Returns:
        Path of the device node.
    """
    return plug_usb_device(root, port, STARTED if started else NEW, speed=speed)


def start_usb_coral(root: Path, port: str = "2-1") -> Path:
    """Reconnect a Coral with its firmware loaded, as happens at its first use.

    Returns:
        Path of the new device node.
    """
    speed = int((sysfs_of(root) / "bus/usb/devices" / port / "speed").read_text())
    unplug(root, port)
    return plug_usb_coral(root, port, started=True, speed=speed)


def plug_usb_device(root: Path, port: str, usb_id: tuple[str, str], *, speed: int) -> Path:
    """Plug in any USB device; return the path of its device node."""
    return _add_usb(root, port, _next_number(root), usb_id, speed=speed)


def plug_pci_coral(root: Path, number: int = 0, *, driver: bool = True) -> Path:
    """Install a PCIe Coral.

    Args:
        root: Root folder of the machine.
        number: Number of its device node.
        driver: Whether the kernel has a driver for it; without one there is no device node.

    Returns:
        Path of the device node, which does not exist without a driver.
    """
    address = f"0000:{number + 1:02x}:00.0"
    device = sysfs_of(root) / "devices/pci0000:00" / address
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x1ac1\n")
    (device / "device").write_text("0x089a\n")
    node = dev_of(root) / f"apex_{number}"
    if driver:
        (device / "driver").mkdir()
        _touch(node)
        _link(sysfs_of(root) / "class/apex" / node.name, device)
    _link(sysfs_of(root) / "bus/pci/devices" / address, device)
    return node


def unplug(root: Path, name: str) -> None:
    """Unplug a device.

    Args:
        root: Root folder of the machine.
        name: A USB port such as "2-1", or "apex_0".

    Raises:
        FileNotFoundError: There is no such device.
    """
    if name.startswith("apex_"):
        links = [sysfs_of(root) / "class/apex" / name]
        device = links[0].resolve(strict=True)
        links.append(sysfs_of(root) / "bus/pci/devices" / device.name)
        node = dev_of(root) / name
    else:
        links = [sysfs_of(root) / "bus/usb/devices" / name]
        device = links[0].resolve(strict=True)
        node = _usb_node(root, int((device / "busnum").read_text()), _number(device))
    for link in links:
        link.unlink()
    node.unlink()
    shutil.rmtree(device)


def _add_usb(root: Path, name: str, number: int, usb_id: tuple[str, str], *, speed: int) -> Path:
    bus = int(name.removeprefix("usb").partition("-")[0])
    device = sysfs_of(root) / "devices/usb" / f"{name}-{number}"
    device.mkdir(parents=True)
    contents = {
        "idVendor": usb_id[0],
        "idProduct": usb_id[1],
        "speed": str(speed),
        "busnum": str(bus),
        "devnum": str(number),
    }
    for file, content in contents.items():
        (device / file).write_text(f"{content}\n")
    node = _usb_node(root, bus, number)
    _touch(node)
    _link(sysfs_of(root) / "bus/usb/devices" / name, device)
    return node


def _usb_node(root: Path, bus: int, number: int) -> Path:
    return dev_of(root) / f"bus/usb/{bus:03}/{number:03}"


def _number(device: Path) -> int:
    return int((device / "devnum").read_text())


def _next_number(root: Path) -> int:
    counter = root / "last-usb-number"
    number = int(counter.read_text()) + 1 if counter.exists() else 2  # 1 is the hub
    counter.write_text(str(number))
    return number


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
