"""Check whether an Edge TPU is plugged in, may be used, and works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pose_edge.config.schema import EDGETPU_LIBRARY, EdgeTpuSettings, Settings
from pose_edge.doctor import libedgetpu
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding, Verdict, explain
from pose_edge.errors import PoseEdgeError
from pose_edge.pipeline.loading import find_pair
from pose_edge.runtimes.child_fault import ChildDied, ChildFault
from pose_edge.runtimes.edgetpu.detection import Coral, count_undriven, find_corals
from pose_edge.runtimes.edgetpu.lookup import find_library, find_pycoral
from pose_edge.runtimes.edgetpu.opening import start_edgetpu
from pose_edge.util.device_access import current_user, find_obstacle
from pose_edge.zoo.registry import Zoo

MODES: Final = {
    "auto": "auto: used while one is plugged in, the CPU at other times",
    "on": "on: a run starts only where one is plugged in",
    "off": "off: the CPU is used, and nothing else is examined",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of loading library and model and running the model, in a child process.

    Attributes:
        version: Version of the library; None if the trial failed before it was known.
        inference_ms: Time of the second inference, milliseconds (the first is slow); None if the
            trial failed.
        fault: What went wrong, in a sentence; None on success.
        crashed: Whether a signal ended the process, as when library and runtime do not match.
    """

    version: str | None = None
    inference_ms: float | None = None
    fault: str | None = None
    crashed: bool = False


def try_edgetpu(settings: Settings) -> Trial:
    """Load library and model in a child process, run the model, and return the outcome."""
    zoo = Zoo()
    try:
        cpu, edgetpu = find_pair(zoo, settings.model.name, settings.edgetpu)
        child = start_edgetpu(zoo, edgetpu or cpu.name, settings, lambda: True)
    except ChildFault as fault:
        return Trial(fault=str(fault), crashed=fault.crashed)
    except PoseEdgeError as error:
        return Trial(fault=str(error))
    loaded = child.loaded
    tensor = np.zeros(loaded.input.shape, loaded.input.dtype)
    try:
        begin = time.perf_counter()
        child.run(tensor, settings.edgetpu.timeout)
        return Trial(loaded.version, (time.perf_counter() - begin) * 1000)
    except ChildDied:
        death = child.cause_of_death()
        return Trial(loaded.version, fault=str(death), crashed=death.crashed)
    except ChildFault as fault:
        return Trial(loaded.version, fault=str(fault))
    finally:
        child.close()


def examine(
    context: DoctorContext, trial: Callable[[Settings], Trial] = try_edgetpu
) -> Iterator[Finding]:
    """Examine what a run on the Edge TPU needs, then run a model on it.

    A missing part is a fault if a Coral is plugged in or `edgetpu.mode` is "on". The model runs
    only if no part is missing and models may be run.

    Args:
        context: The configuration and the machine.
        trial: Runs the model; tests replace it.
    """
    settings = context.settings
    options = settings.edgetpu
    plugged_in = find_corals(sysfs=context.sysfs, dev=context.dev)
    yield Finding("setting", "ok", MODES[options.mode])
    if options.mode == "off":
        for coral in plugged_in:
            yield Finding("device", "ok", coral.describe())
        if not plugged_in:
            yield Finding("device", "ok", "none plugged in")
        return
    corals = find_corals(options.device, sysfs=context.sysfs, dev=context.dev)
    missing: Verdict = "fault" if corals or options.mode == "on" else "skipped"
    yield from _devices(options, corals, plugged_in)
    if undriven := count_undriven(context.sysfs):
        text = f"{undriven} on PCIe without its driver, so without /dev/apex_0"
        remedy = (
            "install the package gasket-dkms (built from a gasket-driver for this kernel), then "
            "restart the machine"
        )
        yield Finding("driver", "fault", text, remedy)
    yield from map(_permission, corals)
    library = find_library(options.library)
    yield _library(options.library, library, missing)
    yield _pycoral(options.library)
    model = _model(settings, missing)
    yield model
    ready = {
        "a device": bool(corals),
        "permission": not corals or None in map(Coral.obstacle, corals),
        "the library": library is not None,
        "a model": model.verdict == "ok",
    }
    missing_parts = ", ".join(part for part, found in ready.items() if not found)
    if missing_parts:
        yield Finding("inference", "skipped", f"not tried without {missing_parts}")
    elif not context.use_models:
        yield Finding("inference", "skipped", "not tried (--no-inference)")
    else:
        yield _inference(trial(settings))


def _devices(
    options: EdgeTpuSettings, corals: list[Coral], plugged_in: list[Coral]
) -> Iterator[Finding]:
    for coral in corals:
        text = coral.describe()
        if coral.slow:
            text += ": an inference takes about three times as long as on USB 3"
            remedy = "plug it into a USB 3 port (blue), with a USB 3 cable and no hub between"
            yield Finding("device", "warning", text, remedy)
        else:
            yield Finding("device", "ok", text)
    if not corals and plugged_in:
        names = ", ".join(coral.describe() for coral in plugged_in)
        text = f"none is edgetpu.device {options.device!r}; plugged in: {names}"
        yield Finding("device", "fault", text, 'set edgetpu.device to "" to use any')
    elif not corals and options.mode == "on":
        remedy = "plug one in (`lsusb` then lists 1a6e:089a or 18d1:9302), or use --edgetpu auto"
        yield Finding("device", "fault", "none plugged in", remedy)
    elif not corals:
        yield Finding("device", "ok", "none plugged in: the CPU is used")


def _permission(coral: Coral) -> Finding:
    obstacle = find_obstacle(coral.node)
    if obstacle is not None:
        return Finding("permission", "fault", obstacle.text, obstacle.remedy)
    return Finding("permission", "ok", f"{current_user()} may open {coral.node}")


def _library(name: str, path: Path | None, missing: Verdict) -> Finding:
    if path is None and missing == "skipped":
        return Finding("library", missing, f"{name} is not installed; only a Coral needs it")
    if path is None:
        return Finding("library", missing, f"{name} is not installed", libedgetpu.how_to_install())
    package = libedgetpu.package_of(path)
    if package is None:
        return Finding("library", "ok", f"{path}, not of a Debian package")
    text = f"{path}, of {package}"
    if libedgetpu.is_googles(package):
        text += f": Google's own build crashes with {libedgetpu.runtime()}"
        return Finding("library", "warning", text, libedgetpu.how_to_install())
    return Finding("library", "ok", text)


def _pycoral(library: str) -> Finding:
    kind = find_pycoral()
    if kind == "google" and library == EDGETPU_LIBRARY:
        return Finding("pycoral", "ok", "Google's: used")
    if kind == "google":
        return Finding("pycoral", "ok", f"Google's: not used, as it only knows {EDGETPU_LIBRARY}")
    if kind == "namesake":
        return Finding("pycoral", "ok", "another project of that name: neither used nor needed")
    return Finding("pycoral", "ok", "not installed, not needed")


def _model(settings: Settings, missing: Verdict) -> Finding:
    zoo = Zoo()
    try:
        cpu, edgetpu = find_pair(zoo, settings.model.name, settings.edgetpu)
        if edgetpu is None:
            verdict: Verdict = "skipped" if missing == "skipped" else "warning"
            text = f"{cpu.name} has no version for the Edge TPU: it stays on the CPU"
            remedy = f"models that have one: {', '.join(zoo.aliases)}"
            return Finding("model", verdict, text, remedy)
        file = zoo.find(edgetpu)
    except PoseEdgeError as error:
        return Finding("model", missing, *explain(error, "`pose-edge models list` lists all"))
    if not file.compiled:
        text = f"{file.path} is not compiled for the Edge TPU"
        remedy = "leave edgetpu.model empty, or name the file that edgetpu_compiler wrote"
        return Finding("model", "fault", text, remedy)
    return Finding("model", "ok", f"{file.name}: {file.path}")


def _inference(trial: Trial) -> Finding:
    version = f" (library: {trial.version})" if trial.version else ""
    if trial.fault is None and trial.inference_ms is not None:
        return Finding("inference", "ok", f"{trial.inference_ms:.1f} ms{version}")
    text = f"{trial.fault or 'gave no answer'}{version}"
    if trial.crashed:
        text += f"; library and {libedgetpu.runtime()} probably do not work together"
        return Finding("inference", "fault", text, libedgetpu.how_to_match())
    remedy = "end other programs that use it (`systemctl stop pose-edge`), or plug it in again"
    return Finding("inference", "fault", text, remedy)
