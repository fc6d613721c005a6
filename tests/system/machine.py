"""A virtual PC in QEMU: power, keyboard, network, agent, and QEMU's monitor protocol."""

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
"""Time limit of a boot, in seconds. It usually takes 15 s, and two minutes on a busy host."""

SHUT_DOWN_S: Final = 120.0

CORES: Final = 2
MEMORY_MB: Final = 2048

# QEMU 7.2 emulates AVX incorrectly, so that Mesa and others crash at random. The other disabled
# features slow down the emulation of memory, or cause services to start that are not needed here.
EMULATED_CPU: Final = "max,-avx,-avx2,-fma,-f16c,-la57,-smap,-smep,-pku,-pks,-svm"

KERNEL_ARGUMENTS: Final = (
    *("root=/dev/vda", "rw", "console=tty0", "console=ttyS0", "quiet", "loglevel=4"),
    *("mitigations=off", "systemd.show_status=0"),
)
ADDRESS: Final = "10.0.2.15"
"""IP address of a machine with a network card, within QEMU's user network."""
NETWORK: Final = f"""
[Match]
Type=ether
[Network]
Address={ADDRESS}/24
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
NO_SCREEN: Final = "video=Virtual-1:d"
"""Kernel argument with which the screen is disconnected when the machine starts."""


class MachineError(Exception):
    """QEMU refuses a command or has ended, or the machine does not shut down."""


def accelerator() -> list[str]:
    """Return QEMU's options for the processor.

    The processor is emulated, which works on every host. POSE_EDGE_VM_ACCEL=kvm selects the host's
    own processor instead; that is faster, but crashes inside some virtual machines.
    """
    if os.environ.get("POSE_EDGE_VM_ACCEL") == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", EMULATED_CPU]


class Machine:
    """One machine with its own layer over the image's disk; the layer survives power cuts."""

    def __init__(
        self,
        image: Image,
        folder: Path,
        *,
        screen: tuple[int, int] = (640, 480),
        served: int | None = None,
    ) -> None:
        """Create the machine and its disk layer; `boot` switches it on.

        Args:
            image: The disk to start from; it is not written to.
            folder: Folder for the disk layer and the logs.
            screen: Width and height of the screen, in pixels.
            served: TCP port in the machine that this host can reach after `open_network`; None for
                a machine without a network card.
        """
        self._image = image
        self._folder = folder
        self._screen = screen
        self._served = served
        self._disk = folder / "disk.qcow2"
        # Not in `folder`: the paths of test folders are too long for sockets.
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
        """The agent that runs commands inside the machine."""
        assert self._agent is not None, "the machine is off"
        return self._agent

    @property
    def forwarded_port(self) -> int:
        """The port on this host's loopback that is forwarded to `served`; it changes at each boot.

        Raises:
            MachineError: The machine has no network card.
        """
        told = self.command("human-monitor-command", **{"command-line": "info usernet"})
        found = re.search(rf"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+{ADDRESS}\s", told)
        if found is None:
            raise MachineError(f"no port is forwarded: {told}")
        return int(found[1])

    def boot(self, *kernel_arguments: str) -> float:
        """Switch the machine on, wait until the system is up, and return the seconds it took.

        Raises:
            AgentError: The system did not come up in time.
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
        """Configure the machine's network card with `ADDRESS`, until the machine is switched off.

        The machine cannot open connections to this host or any other.
        """
        self.agent(
            "mkdir -p /run/systemd/network && cat >/run/systemd/network/page.network && "
            "systemctl start systemd-networkd && "
            f"until grep -q {ADDRESS} /proc/net/fib_trie; do sleep 0.1; done",
            given=NETWORK.encode(),
        )

    def command(self, name: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Send QEMU a command of its monitor protocol (QMP), and return the answer."""
        assert self._monitor is not None, "the machine is off"
        return self._monitor.command(name, **arguments)

    def press(self, *keys: str) -> None:
        """Press keys together on the machine's keyboard, e.g. "ctrl", "alt", "f2"."""
        self.command("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def cut_power(self) -> None:
        """Switch the machine off at once; unwritten data is lost. It can be booted again."""
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
        """Shut the machine down cleanly, and return the path of its complete disk layer.

        Raises:
            MachineError: The machine is not off after `SHUT_DOWN_S`.
        """
        assert self._qemu is not None, "the machine is off"
        # Delayed, so that the agent can still answer before it is stopped too.
        self.agent("systemd-run --quiet --on-active=0.5 systemctl poweroff")
        try:
            self._qemu.wait(SHUT_DOWN_S)
        except subprocess.TimeoutExpired:
            raise MachineError(f"it was not off {SHUT_DOWN_S:g} s after `poweroff`") from None
        self.cut_power()
        return self._disk

    def discard(self) -> None:
        """Switch the machine off, and delete its disk layer."""
        self.cut_power()
        shutil.rmtree(self._sockets)
        self._disk.unlink(missing_ok=True)

    def _command(self, agent: int, monitor: int, kernel_arguments: Sequence[str]) -> list[str]:
        width, height = self._screen
        return [
            # QEMU must not outlive the tests if they are killed.
            *("setpriv", "--pdeathsig", "KILL"),
            *("qemu-system-x86_64", "-nodefaults", "-display", "none"),
            *accelerator(),
            *("-smp", str(CORES), "-m", str(MEMORY_MB), "-rtc", "base=utc"),
            *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd)),
            *("-append", " ".join((*KERNEL_ARGUMENTS, *kernel_arguments))),
            # "unsafe" does not wait for the host's disk; see "Power cuts" in README.md.
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
        """Return QEMU's options for an isolated network that only forwards the served port."""
        if self._served is None:
            return []
        forward = f"hostfwd=tcp:127.0.0.1:0-{ADDRESS}:{self._served}"
        return [
            *("-netdev", f"user,id=page,restrict=on,{forward}"),
            # No boot ROM is needed, as the machine does not boot from the network.
            *("-device", "virtio-net-pci,netdev=page,romfile="),
        ]


class Monitor:
    """QEMU's control channel (QMP)."""

    def __init__(self, channel: socket.socket) -> None:
        """Create the channel and negotiate capabilities with QEMU."""
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
