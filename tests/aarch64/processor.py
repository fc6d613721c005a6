"""The processors of the Raspberry Pis that the product is for."""

from __future__ import annotations

import os
from dataclasses import dataclass

OLD = "fp asimd evtstrm crc32 cpuid"
"""What the cores of a Pi 4 and of a Zero 2 W have: neither FP16 arithmetic nor dot products."""

NEW = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp"
)
"""Those of a Pi 5 have both."""


@dataclass(frozen=True)
class Processor:
    """A processor as QEMU makes it up, and as Linux describes it.

    Attributes:
        board: Where it is.
        name: What QEMU calls it.
        part: Its number in /proc/cpuinfo.
        features: Likewise.
    """

    board: str
    name: str
    part: int
    features: str

    def cpuinfo(self) -> str:
        """Return /proc/cpuinfo, with as many cores as this machine has.

        Libraries choose their code by it, and some crash on what a PC has there.
        """
        core = {
            "BogoMIPS": "108.00",
            "Features": self.features,
            "CPU implementer": "0x41",
            "CPU architecture": "8",
            "CPU variant": "0x0",
            "CPU part": f"{self.part:#x}",
            "CPU revision": "3",
        }
        lines = [f"{name}\t: {value}" for name, value in core.items()]
        cores = range(os.cpu_count() or 1)
        return "".join("\n".join([f"processor\t: {n}", *lines, "", ""]) for n in cores)


ZERO_2_W = Processor("Zero 2 W", "cortex-a53", 0xD03, OLD)
PI_4 = Processor("Pi 4", "cortex-a72", 0xD08, OLD)
PI_5 = Processor("Pi 5", "cortex-a76", 0xD0B, NEW)
