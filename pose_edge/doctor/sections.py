"""The sections of the report, from the most basic to the most special.

A section is a function that yields findings. A new one gets its file and a line in `SECTIONS`.
Each runs in a process of its own and imports there what it needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding
from pose_edge.doctor.isolated import Task

QUICK_S: Final = 6.0
"""Of a section that reads a few files and asks a command or two, on a slow SD card."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section.

    Attributes:
        name: Its title.
        module: The module of this package with its `examine(context)`.
        limit_s: How long it may take.
        stuck: What to do when it takes longer.
        alone: It runs after the others, so that they do not disturb what it measures.
        early: It is begun before the others, as it may wait for long.
    """

    name: str
    module: str
    limit_s: float = QUICK_S
    stuck: str = "the machine is very busy, or the command hangs: try again"
    alone: bool = False
    early: bool = False

    def task(self, context: DoctorContext) -> Task:
        """Return what examines a context."""
        return Task(self.name, lambda: self._examine(context), self.limit_s, self.stuck)

    def _examine(self, context: DoctorContext) -> Iterable[Finding]:
        module = importlib.import_module(f"pose_edge.doctor.{self.module}")
        return cast(Iterable[Finding], module.examine(context))


SECTIONS: Final = (
    Section("Machine", "machine"),
    Section("Heat and power", "heat"),
    Section("Python", "packages", limit_s=10.0),
    Section("Configuration", "configuration"),
    Section("Disk", "disk", stuck="a network folder does not answer: unmount it"),
    Section("Clock", "clock"),
    Section("User", "groups"),
    Section("Models", "models", stuck="the disk is very slow: the SD card may be failing"),
    Section(
        "Inference",
        "inference",
        limit_s=10.0,
        stuck="the model hangs or takes very long: try another with --model, or --threads 1",
        alone=True,
    ),
    Section(
        "Edge TPU",
        "edgetpu",
        limit_s=14.0,
        stuck="pull the Coral out and plug it in again, or use --edgetpu off",
        early=True,
    ),
    Section(
        "Cameras",
        "cameras",
        limit_s=8.0,
        stuck="a camera's driver hangs: pull the camera out and plug it in again, or restart",
    ),
    Section(
        "Source",
        "source",
        limit_s=14.0,
        stuck="the camera hangs: pull it out and plug it in again, or use --no-camera",
        early=True,
    ),
    Section("Screens", "screens"),
    Section("Service", "service"),
)
