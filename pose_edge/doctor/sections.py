"""The sections of the report in their order, from the machine to the service."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of the report.

    Attributes:
        name: Title of the section.
        examine: Yields the findings of the section.
        limit_s: Time limit, seconds. The default suits sections that read a few files and run one
            or two commands, on a slow SD card.
        stuck: Remedy to report if the section crashes or exceeds its time limit.
        alone: Whether the section runs after all others, so that they do not disturb its
            measurements.
        early: Whether the section starts before the others, because it may wait long.
    """

    name: str
    examine: Callable[[DoctorContext], Iterable[Finding]]
    limit_s: float = 6.0
    stuck: str = "the machine is very busy, or a command hangs: try again"
    alone: bool = False
    early: bool = False


def in_module(name: str) -> Callable[[DoctorContext], Iterable[Finding]]:
    """Return a function that calls `examine` of a module in this package, imported lazily."""

    def examine(context: DoctorContext) -> Iterable[Finding]:
        module = importlib.import_module(f"pose_edge.doctor.{name}")
        return cast(Iterable[Finding], module.examine(context))

    return examine


SECTIONS: Final = (
    ReportSection("Machine", in_module("machine")),
    ReportSection("Heat and power", in_module("heat")),
    ReportSection("Python", in_module("packages"), limit_s=10.0),
    ReportSection("Configuration", in_module("configuration")),
    ReportSection("Disk", in_module("disk"), stuck="a network folder does not answer: unmount it"),
    ReportSection("Clock", in_module("clock")),
    ReportSection("User", in_module("groups")),
    ReportSection(
        "Models", in_module("models"), stuck="the disk is very slow: the SD card may be failing"
    ),
    ReportSection(
        "Inference",
        in_module("inference"),
        limit_s=10.0,
        stuck="the model hangs or is very slow: try another with --model, or --threads 1",
        alone=True,
    ),
    ReportSection(
        "Edge TPU",
        in_module("edgetpu"),
        limit_s=14.0,
        stuck="unplug the Coral and plug it in again, or use --edgetpu off",
        early=True,
    ),
    ReportSection(
        "Cameras",
        in_module("cameras"),
        limit_s=8.0,
        stuck="a camera's driver hangs: unplug the camera and plug it in again, or restart",
    ),
    ReportSection(
        "Source",
        in_module("source"),
        limit_s=14.0,
        stuck="the camera hangs: unplug it and plug it in again, or use --no-camera",
        early=True,
    ),
    ReportSection("Screens", in_module("screens")),
    ReportSection(
        "Outputs",
        in_module("outputs"),
        limit_s=14.0,
        stuck="the network's names cannot be looked up, or the broker does not answer",
    ),
    ReportSection("Service", in_module("service")),
)
