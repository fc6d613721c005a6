"""The processors of the Raspberry Pis that the product is for."""

from __future__ import annotations

import os
from dataclasses import dataclass

OLD = "fp asimd evtstrm crc32 cpuid"
"""CPU features of the Pi 4 and the Zero 2 W, without FP16 arithmetic and dot products."""

NEW = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
    "asimddp"
)
"""CPU features of the Pi 5, with FP16 arithmetic (asimdhp) and dot products (asimddp)."""


@dataclass(frozen=True)
class Processor:
    """A processor that QEMU can emulate, with its description by Linux.

    Attributes:
        board: The board with this processor.
        name: QEMU's name of the processor.
        part: "CPU part" in /proc/cpuinfo.
        features: "Features" in /proc/cpuinfo.
    """

    board: str
    name: str
    part: int
    features: str

    def cpuinfo(self) -> str:
        """Return the text of /proc/cpuinfo, with as many cores as the host has.

        Libraries select code by this file, and some crash on the content of a PC's.
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
