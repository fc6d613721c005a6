"""The Edge TPU: is one there, can it be used, and does it work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pose_edge.config.schema import EDGETPU_LIBRARY
from pose_edge.doctor import libedgetpu
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.debian import package_of
from pose_edge.doctor.finding import Finding, Verdict
from pose_edge.errors import PoseEdgeError
from pose_edge.pipeline.loading import find_pair
from pose_edge.runtimes.edgetpu.access import current_user, find_obstacle
from pose_edge.runtimes.edgetpu.detection import Coral, count_undriven, find_corals
from pose_edge.runtimes.edgetpu.lookup import find_library, find_pycoral
from pose_edge.zoo.registry import Zoo

if TYPE_CHECKING:
    from pose_edge.config.schema import EdgeTpuSettings, Settings
    from pose_edge.doctor.edgetpu_trial import Trial

SECTION: Final = "Edge TPU"

_finding = partial(Finding, SECTION)

MODES: Final = {
    "auto": "auto: used while one is there, the CPU at other times",
    "on": "on: a run starts only where one is there",
    "off": "off: the CPU is used, and nothing else is looked at",
}


def examine(patient: DoctorContext) -> Iterator[Finding]:
    """Look at everything that a run on the Edge TPU needs, and try it unless told not to."""
    from pose_edge.doctor.edgetpu_trial import try_edgetpu

    settings = patient.settings
    return look(settings, (lambda: try_edgetpu(settings)) if patient.use_models else None)


def look(settings: Settings, trial: Callable[[], Trial] | None) -> Iterator[Finding]:
    """Look at everything that a run on the Edge TPU needs, and try it.

    What is missing is a fault where a run misses it: when a Coral is plugged in, or must be.

    Args:
        settings: Those that a run would have.
        trial: Runs a model once on the Edge TPU, in a process of its own; asked only when nothing
            is known to be in the way. None: no model may be run.

    Yields:
        The findings.
    """
    wishes = settings.edgetpu
    sysfs, dev = Path(settings.testing.sysfs), Path(settings.testing.dev)
    everything = find_corals(sysfs=sysfs, dev=dev)
    yield _finding("setting", "ok", MODES[wishes.mode])
    if wishes.mode == "off":
        for coral in everything:
            yield _finding("device", "ok", coral.describe())
        if not everything:
            yield _finding("device", "ok", "none plugged in")
        return
    corals = find_corals(wishes.device, sysfs=sysfs, dev=dev)
    missing: Verdict = "fault" if corals or wishes.mode == "on" else "skipped"
    yield from _devices(wishes, corals, everything)
    yield from _driver(count_undriven(sysfs))
    yield from map(_permission, corals)
    library = find_library(wishes.library)
    yield _library(wishes.library, library, missing)
    yield _pycoral(wishes.library)
    model = _model(settings, missing)
    yield model
    lacking = [
        *(["a device"] if not corals else []),
        *(["permission"] if corals and all(map(Coral.obstacle, corals)) else []),
        *(["the library"] if library is None else []),
        *(["a model"] if model.verdict != "ok" else []),
    ]
    if lacking:
        yield _finding("inference", "skipped", f"not tried without {', '.join(lacking)}")
    elif trial is None:
        yield _finding("inference", "skipped", "not tried, as asked for (--no-inference)")
    else:
        yield _inference(trial())


def _devices(
    wishes: EdgeTpuSettings, corals: list[Coral], everything: list[Coral]
) -> Iterator[Finding]:
    for coral in corals:
        if coral.slow:
            yield _finding(
                "device",
                "warning",
                f"{coral.describe()}: an inference takes about three times as long as on USB 3",
                "plug it into a USB 3 port (blue), with a USB 3 cable and no hub between",
            )
        else:
            yield _finding("device", "ok", coral.describe())
    if not corals and everything:
        there = ", ".join(coral.describe() for coral in everything)
        yield _finding(
            "device",
            "fault",
            f"none is edgetpu.device {wishes.device!r}; plugged in: {there}",
            'set edgetpu.device to "" to use any',
        )
    elif not corals and wishes.mode == "on":
        yield _finding(
            "device",
            "fault",
            "none plugged in",
            "plug one in (`lsusb` then lists 1a6e:089a or 18d1:9302), or use --edgetpu auto",
        )
    elif not corals:
        yield _finding("device", "ok", "none plugged in: the CPU is used")


def _driver(undriven: int) -> Iterator[Finding]:
    if undriven:
        yield _finding(
            "driver",
            "fault",
            f"{undriven} on PCIe without its driver, so without /dev/apex_0",
            "install the package gasket-dkms (built from a gasket-driver that knows this kernel), "
            "then start the machine again",
        )


def _permission(coral: Coral) -> Finding:
    obstacle = find_obstacle(coral.node)
    if obstacle is not None:
        return _finding("permission", "fault", obstacle.text, obstacle.remedy)
    return _finding("permission", "ok", f"{current_user()} may open {coral.node}")


def _library(name: str, path: Path | None, missing: Verdict) -> Finding:
    if path is None and missing == "skipped":
        return _finding("library", missing, f"{name} is not installed; only a Coral needs it")
    if path is None:
        return _finding("library", missing, f"{name} is not installed", libedgetpu.how_to_install())
    package = package_of(path)
    if package is None:
        return _finding("library", "ok", f"{path}, of no Debian package")
    text = f"{path}, of {package.name} {package.version}"
    if libedgetpu.is_googles(package):
        return _finding(
            "library",
            "warning",
            f"{text}: Google's own build crashes with {libedgetpu.runtime()}",
            libedgetpu.how_to_install(),
        )
    return _finding("library", "ok", text)


def _pycoral(library: str) -> Finding:
    kind = find_pycoral()
    if kind == "google" and library == EDGETPU_LIBRARY:
        return _finding("pycoral", "ok", "Google's: used")
    if kind == "google":
        return _finding("pycoral", "ok", f"Google's: not used, as it only knows {EDGETPU_LIBRARY}")
    if kind == "namesake":
        return _finding("pycoral", "ok", "another project of that name: not used, nor needed")
    return _finding("pycoral", "ok", "not installed, nor needed")


def _model(settings: Settings, missing: Verdict) -> Finding:
    zoo = Zoo()
    try:
        pair = find_pair(zoo, settings.model.name, settings.edgetpu)
        if pair.edgetpu is None:
            return _finding(
                "model",
                "skipped" if missing == "skipped" else "warning",
                f"{pair.cpu.name} has no version for the Edge TPU: it stays on the CPU",
                f"those that have are {', '.join(zoo.aliases)}",
            )
        file = zoo.find(pair.edgetpu)
    except PoseEdgeError as error:
        text, _, remedy = str(error).partition("; ")  # a message ends with what to do
        remedy = remedy or "`pose-edge models list` lists those that there are"
        return _finding("model", missing, text, remedy)
    if not file.compiled:
        return _finding(
            "model",
            "fault",
            f"{file.path} is not compiled for the Edge TPU",
            "leave edgetpu.model empty, or name the file that edgetpu_compiler wrote",
        )
    return _finding("model", "ok", f"{file.name}: {file.path}")


def _inference(trial: Trial) -> Finding:
    version = f" (library: {trial.version})" if trial.version else ""
    if trial.fault is None and trial.inference_ms is not None:
        return _finding("inference", "ok", f"{trial.inference_ms:.1f} ms{version}")
    text = f"{trial.fault or 'gave no answer'}{version}"
    if trial.crashed:
        text += f"; library and {libedgetpu.runtime()} probably do not match"
        return _finding("inference", "fault", text, libedgetpu.how_to_match())
    return _finding(
        "inference",
        "fault",
        text,
        "end other programs that use it (`systemctl stop pose-edge`), or plug it in again",
    )
