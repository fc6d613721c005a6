"""Store the measured times of the candidates in the state folder, for later runs."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pose_edge.config.schema import Settings
from pose_edge.tuning.choice import PassTiming
from pose_edge.util.atomic import write_atomically
from pose_edge.util.cores import usable_cores
from pose_edge.util.processor import processor_name
from pose_edge.zoo.candidates import candidates
from pose_edge.zoo.registry import Zoo

log = logging.getLogger(__name__)

FILE: Final = "auto.json"
MAX_BYTES: Final = 100_000
RATE_TOLERANCE: Final = 0.1
"""Largest relative difference of two frame rates that count as the same source."""


class Conditions(BaseModel):
    """The conditions under which measured times are valid.

    Attributes:
        processor: Name of the processor or the board.
        architecture: Machine architecture that the kernel reports, e.g. aarch64.
        cores: Number of usable cores.
        edgetpu: Whether an Edge TPU is plugged in and may be used.
        versions: Versions of the program and its runtime, and a checksum of the candidates' files.
        people: Whether one person or several are followed.
        threads: Number of CPU threads that a model may use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    processor: str
    architecture: str
    cores: int
    edgetpu: bool
    versions: str
    people: Literal["one", "several"]
    threads: int


class StoredMeasurements(BaseModel):
    """The content of `FILE`: the measured times and the model chosen from them.

    Attributes:
        conditions: The conditions under which the times are valid.
        rate: Frame rate of the source, frames per second.
        width: Width of the source's frames, pixels.
        height: Height of the source's frames, pixels.
        model: Name of the chosen model.
        timings: Measured times of the candidates.
        search_ms: Time of one search for people, milliseconds; None unless several are followed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    conditions: Conditions
    rate: float = Field(ge=0.0)
    width: int
    height: int
    model: str
    timings: tuple[PassTiming, ...] = Field(min_length=1, max_length=20)
    search_ms: float | None = Field(default=None, ge=0.0)

    def fits(self, rate: float, width: int, height: int) -> bool:
        """Return whether the times were measured with a source of about this rate and this size."""
        near = abs(self.rate - rate) <= RATE_TOLERANCE * max(self.rate, rate)
        return near and (self.width, self.height) == (width, height)


def present_conditions(settings: Settings, zoo: Zoo) -> Conditions:
    """Return the current conditions of this machine and program."""
    corals = settings.edgetpu.mode != "off" and _is_coral_there(settings)
    return Conditions(
        processor=processor_name(),
        architecture=platform.machine(),
        cores=usable_cores(),
        edgetpu=corals,
        versions=_versions(zoo),
        people=settings.model.people,
        threads=settings.model.threads,
    )


def read_kept(folder: Path, conditions: Conditions) -> StoredMeasurements | None:
    """Return the stored times if they are valid under these conditions, else None.

    A file that cannot be used is not an error: the reason is logged. A missing one is not logged.
    """
    path = folder / FILE
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s: %s; the models are measured anew", path, error.strerror)
        return None
    try:
        kept = StoredMeasurements.model_validate_json(content)
    except ValidationError:
        log.warning("%s is damaged; the models are measured anew", path)
        return None
    measured = {timing.model for timing in kept.timings}
    if kept.conditions != conditions or kept.model not in measured:
        changed = [name for name, value in conditions if value != getattr(kept.conditions, name)]
        log.info("auto: measured anew, other than before: %s", ", ".join(changed) or "models")
        return None
    return kept


def write_kept(folder: Path, kept: StoredMeasurements) -> None:
    """Store the measured times; if that fails, log a warning: the next start measures again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / FILE, kept.model_dump_json(indent=2) + "\n")
    except OSError as error:
        log.warning(
            "auto: the choice cannot be kept in %s: %s; it is made anew at the next start",
            folder,
            error.strerror or error,
        )


def _versions(zoo: Zoo) -> str:
    """Return the versions of everything that determines the times, as one text."""
    digest = hashlib.sha256()
    for name in candidates(zoo):
        if name in zoo.entries:
            digest.update(zoo.entries[name].sha256.encode())
    return " ".join(
        [*_installed(("pose-edge", "ai-edge-litert", "tflite-runtime")), digest.hexdigest()[:16]]
    )


def _installed(packages: Sequence[str]) -> list[str]:
    found = []
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{package} {metadata.version(package)}")
    return found


def _is_coral_there(settings: Settings) -> bool:
    # Imported lazily: a run with `edgetpu: off` needs none of this package.
    from pose_edge.runtimes.edgetpu.detection import find_corals

    sysfs, dev = Path(settings.testing.sysfs), Path(settings.testing.dev)
    return bool(find_corals(settings.edgetpu.device, sysfs=sysfs, dev=dev))
