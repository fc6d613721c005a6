"""A PC in QEMU: switched on and off, its plugs pulled, its screen looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from system.agent import Agent
from system.image import Image

BOOT_S: Final = 600.0
"""After this long a machine that does not answer is broken; the usual time is 15 s,
and two minutes on a host that is busy."""

SHUT_DOWN_S: Final = 120.0

CORES: Final = 2
MEMORY_MB: Final = 2048

# QEMU 7.2 miscomputes AVX, so that Mesa and others crash at random; the rest makes the
# emulation of memory slower, or starts services that are of no use here.
EMULATED_CPU: Final = "max,-avx,-avx2,-fma,-f16c,-la57,-smap,-smep,-pku,-pks,-svm"

KERNEL_ARGUMENTS: Final = (
    *("root=/dev/vda", "rw", "console=tty0", "console=ttyS0", "quiet", "loglevel=4"),
    *("mitigations=off", "systemd.show_status=0"),
)
ADDRESS: Final = "10.0.2.15"
"""Of the machine, where it has a network card: one of those that QEMU's user network knows."""
NETWORK: Final = f"""
[Match]
Type=ether
[Network]
Address={ADDRESS}/24
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
NO_SCREEN: Final = "video=Virtual-1:d"
"""A kernel argument: the screen is not connected when the machine starts."""


class MachineError(Exception):
    """The machine does not do what it is told."""


def accelerator() -> list[str]:
    """Return QEMU's options for the processor.

    It is emulated, which every machine can do. With POSE_EDGE_VM_ACCEL=kvm the host's own is used:
    faster, but inside some virtual machines it crashes, so it must be asked for.
    """
    if os.environ.get("POSE_EDGE_VM_ACCEL") == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", EMULATED_CPU]


class Machine:
    """One machine with its own layer over the image's disk, which a power cut leaves as it is."""

    def __init__(
        self,
        image: Image,
        folder: Path,
        *,
        screen: tuple[int, int] = (640, 480),
        served: int | None = None,
    ) -> None:
        """Make the machine; `boot` switches it on.

        Args:
            image: The disk to start from; it is not written to.
            folder: For disk layer and logs.
            screen: Width and height of the screen, pixels.
            served: A TCP port of it that this host can reach, after `open_network`; None: it has no
                network card.
        """
        self._image = image
        self._folder = folder
        self._screen = screen
        self._served = served
        self._disk = folder / "disk.qcow2"
        # The path of a socket may not be long, as those of test folders are.
        self._sockets = Path(tempfile.mkdtemp(prefix="pose-edge-vm-"))
        self.usb_port = self._sockets / "usb"
        self._qemu: subprocess.Popen[bytes] | None = None
        self._monitor: Monitor | None = None
        self._agent: Agent | None = None
        self._boots = 0
        below = "raw" if image.layer is None else "qcow2"
        subprocess.run(
            [
                *("qemu-img", "create", "-q", "-f", "qcow2", "-F", below),
                *("-b", str(image.disk), str(self._disk)),
            ],
            check=True,
        )

    @property
    def agent(self) -> Agent:
        """What carries out commands inside."""
        assert self._agent is not None, "the machine is off"
        return self._agent

    @property
    def forwarded_port(self) -> int:
        """The port of this host's loopback that leads to the served one; another at each boot.

        Raises:
            MachineError: It has no network.
        """
        told = self.command("human-monitor-command", **{"command-line": "info usernet"})
        found = re.search(rf"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+{ADDRESS}\s", told)
        if found is None:
            raise MachineError(f"no port is forwarded: {told}")
        return int(found[1])

    def boot(self, *kernel_arguments: str) -> float:
        """Switch it on, wait until the system is up, and return the seconds that it took.

        Raises:
            AgentError: It does not come up.
        """
        assert self._qemu is None, "the machine is on already"
        self._boots += 1
        began = time.monotonic()
        near_agent, far_agent = socket.socketpair()
        near_monitor, far_monitor = socket.socketpair()
        with far_agent, far_monitor, (self._folder / f"qemu-{self._boots}.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                self._command(far_agent.fileno(), far_monitor.fileno(), kernel_arguments),
                pass_fds=[far_agent.fileno(), far_monitor.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._agent = Agent(near_agent)
        self._monitor = Monitor(near_monitor)
        self._agent.wait(BOOT_S)
        self._agent("systemctl is-system-running --wait || true", timeout=BOOT_S)
        return time.monotonic() - began

    def open_network(self) -> None:
        """Give the system in it, which has a network card, its address; until it is switched off.

        There is no way from there to anywhere.
        """
        self.agent(
            "mkdir -p /run/systemd/network && cat >/run/systemd/network/page.network && "
            "systemctl start systemd-networkd && "
            f"until grep -q {ADDRESS} /proc/net/fib_trie; do sleep 0.1; done",
            given=NETWORK.encode(),
        )

    def command(self, name: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Tell QEMU something (a command of its monitor protocol), and return the answer."""
        assert self._monitor is not None, "the machine is off"
        return self._monitor.command(name, **arguments)

    def press(self, *keys: str) -> None:
        """Press keys together, e.g. "ctrl", "alt", "f2", on the keyboard of the machine."""
        self.command("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def cut_power(self) -> None:
        """Switch it off at once; what was not on the disk is lost. It can be booted again."""
        if self._qemu is None:
            return
        self._qemu.kill()
        self._qemu.wait()
        self._qemu = None
        for end in (self._agent, self._monitor):
            if end is not None:
                end.close()
        self._agent = self._monitor = None

    def shut_down(self) -> Path:
        """Switch it off in order, and return its disk layer, which is whole then.

        Raises:
            MachineError: It does not end.
        """
        assert self._qemu is not None, "the machine is off"
        # Not waited for: the agent is among what is ended.
        self.agent("systemd-run --quiet --on-active=0.5 systemctl poweroff")
        try:
            self._qemu.wait(SHUT_DOWN_S)
        except subprocess.TimeoutExpired:
            raise MachineError(f"it was not off {SHUT_DOWN_S:g} s after `poweroff`") from None
        self.cut_power()
        return self._disk

    def discard(self) -> None:
        """Switch it off, and delete its disk."""
        self.cut_power()
        shutil.rmtree(self._sockets)
        self._disk.unlink(missing_ok=True)

    def _command(self, agent: int, monitor: int, kernel_arguments: Sequence[str]) -> list[str]:
        width, height = self._screen
        return [
            # Tests that are killed themselves leave no machine behind.
            *("setpriv", "--pdeathsig", "KILL"),
            *("qemu-system-x86_64", "-nodefaults", "-display", "none"),
            *accelerator(),
            *("-smp", str(CORES), "-m", str(MEMORY_MB), "-rtc", "base=utc"),
            *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
            *("-append", " ".join((*KERNEL_ARGUMENTS, *kernel_arguments))),
            # "unsafe" does not wait for the host's disk: see README.md, "Power cuts".
            *("-drive", f"file={self._disk},format=qcow2,if=virtio,cache=unsafe"),
            *("-serial", f"file:{self._folder}/console-{self._boots}.log"),
            *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "monitor,mode=control"),
            *("-chardev", f"socket,id=agent,fd={agent}"),
            *("-device", "virtio-serial-pci"),
            *("-device", "virtserialport,chardev=agent,name=agent"),
            *("-device", "virtio-rng-pci"),
            *("-device", f"virtio-vga,edid=on,xres={width},yres={height},max_outputs=1"),
            *("-device", "qemu-xhci", "-device", "usb-kbd"),
            *("-chardev", f"socket,id=usb,path={self.usb_port},server=on,wait=off"),
            *("-device", "usb-redir,chardev=usb"),
            *self._network_card(),
        ]

    def _network_card(self) -> list[str]:
        """Return QEMU's options for a network in which there is nothing but the served port."""
        if self._served is None:
            return []
        forward = f"hostfwd=tcp:127.0.0.1:0-{ADDRESS}:{self._served}"
        return [
            *("-netdev", f"user,id=page,restrict=on,{forward}"),
            # Without a ROM: it is not started from the network.
            *("-device", "virtio-net-pci,netdev=page,romfile="),
        ]


class Monitor:
    """QEMU's control channel (QMP)."""

    def __init__(self, channel: socket.socket) -> None:
        """Greet QEMU."""
        self._channel = channel
        self._channel.settimeout(30)
        self._lines = channel.makefile("r", encoding="utf-8")
        self._lock = threading.Lock()
        self._lines.readline()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Send a command, and return its answer.

        Raises:
            MachineError: QEMU refuses, or has ended.
        """
        with self._lock:
            request = json.dumps({"execute": name, "arguments": arguments})
            self._channel.sendall(request.encode() + b"\n")
            for line in self._lines:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise MachineError(f"{name}: {answer['error']['desc']}")
        raise MachineError(f"{name}: QEMU has ended")

    def close(self) -> None:
        """Close the channel."""
        self._lines.close()
        self._channel.close()
