"""A simulated machine for the doctor: its /sys, /dev, /proc and commands are files in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding
from pose_edge.util import resources

Sections = dict[str, dict[str, Any]]


class MadeUp:
    """A simulated machine that a test builds file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("sys", "dev", "proc/self", "bin"):
            (root / folder).mkdir(parents=True)

    def put(self, path: str, content: str = "") -> Path:
        """Write a file, e.g. sys/class/thermal/thermal_zone0/temp."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def command(self, name: str, script: str) -> None:
        """Install a shell script as a command."""
        self.put(f"bin/{name}", f"#!/bin/sh\n{script}\n").chmod(0o755)

    def process(self, pid: int, name: str, *nodes: Path, command: str = "") -> None:
        """Add a process that has device nodes open."""
        self.put(f"proc/{pid}/comm", f"{name}\n")
        self.put(f"proc/{pid}/cmdline", (command or name).replace(" ", "\0") + "\0")
        for number, node in enumerate(nodes):
            link = self.root / f"proc/{pid}/fd/{number + 3}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(node)

    def be_a_pi(self) -> None:
        self.put("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")

    def context(self, *, settings: Sections | None = None, **more: Any) -> DoctorContext:  # noqa: ANN401
        testing = {"sysfs": str(self.root / "sys"), "dev": str(self.root / "dev")}
        return DoctorContext(
            Settings.model_validate({"testing": testing, **(settings or {})}),
            **{
                "file": resources.default_config(),
                "proc": self.root / "proc",
                "folders": f"{self.root / 'bin'}:/usr/bin:/bin",
                "environment": {},
                **more,
            },
        )


def sound(findings: Iterable[Finding]) -> list[Finding]:
    """Check what must hold for all findings, and return them."""
    found = list(findings)
    for finding in found:
        assert finding.text
        assert "\n" not in finding.text + finding.remedy
        assert finding.remedy or finding.verdict in ("ok", "skipped")
    return found


def by_subject(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return findings by subject; if a subject has several, the worst one."""
    order = ("ok", "skipped", "warning", "fault")
    found: dict[str, Finding] = {}
    for one in findings:
        known = found.get(one.subject)
        if known is None or order.index(one.verdict) > order.index(known.verdict):
            found[one.subject] = one
    return found
