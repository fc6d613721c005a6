"""The sections of the report, in its order: from the machine itself to the service.

A section is a module of this package with a function `examine(context)` that yields findings. A
new section is one file, and one line in `SECTIONS`. Each section runs in a process of its own and
imports there what it needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding
from pose_edge.doctor.isolated import Task


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of the report.

    Attributes:
        name: Its title.
        module: The module of this package with its `examine(context)`.
        limit_s: Time limit, seconds. The default is for sections that read a few files and run a
            command or two, on a slow SD card.
        stuck: What to do when the section exceeds its limit.
        alone: Whether it runs after the others, so that they do not disturb what it measures.
        early: Whether it starts before the others, as it may have to wait long.
    """

    name: str
    module: str
    limit_s: float = 6.0
    stuck: str = "the machine is very busy, or a command hangs: try again"
    alone: bool = False
    early: bool = False

    def task(self, context: DoctorContext) -> Task:
        """Return the task that examines a context."""
        return Task(self.name, lambda: self._examine(context), self.limit_s, self.stuck)

    def _examine(self, context: DoctorContext) -> Iterable[Finding]:
        module = importlib.import_module(f"pose_edge.doctor.{self.module}")
        return cast(Iterable[Finding], module.examine(context))


SECTIONS: Final = (
    ReportSection("Machine", "machine"),
    ReportSection("Heat and power", "heat"),
    ReportSection("Python", "packages", limit_s=10.0),
    ReportSection("Configuration", "configuration"),
    ReportSection("Disk", "disk", stuck="a network folder does not answer: unmount it"),
    ReportSection("Clock", "clock"),
    ReportSection("User", "groups"),
    ReportSection("Models", "models", stuck="the disk is very slow: the SD card may be failing"),
    ReportSection(
        "Inference",
        "inference",
        limit_s=10.0,
        stuck="the model hangs or is very slow: try another with --model, or --threads 1",
        alone=True,
    ),
    ReportSection(
        "Edge TPU",
        "edgetpu",
        limit_s=14.0,
        stuck="unplug the Coral and plug it in again, or use --edgetpu off",
        early=True,
    ),
    ReportSection(
        "Cameras",
        "cameras",
        limit_s=8.0,
        stuck="a camera's driver hangs: unplug the camera and plug it in again, or restart",
    ),
    ReportSection(
        "Source",
        "source",
        limit_s=14.0,
        stuck="the camera hangs: unplug it and plug it in again, or use --no-camera",
        early=True,
    ),
    ReportSection("Screens", "screens"),
    ReportSection("Service", "service"),
)
