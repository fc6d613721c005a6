"""How the Edge TPU is put to use: everything that can be missing is looked for, and named."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pose_edge.config.schema import EDGETPU_LIBRARY, Settings
from pose_edge.errors import ModelError, UnavailableError, UsageError
from pose_edge.poses import Provenance
from pose_edge.runtimes import INPUT_TYPES, Runtime
from pose_edge.runtimes.child import LOAD_S, ChildFault, Started, start_child
from pose_edge.runtimes.child_main import EdgeTpu, Job, Loaded
from pose_edge.runtimes.child_runtime import ChildRuntime
from pose_edge.runtimes.edgetpu.child_supervisor import LATE_S, Absent, ChildSupervisor, Unavailable
from pose_edge.runtimes.edgetpu.detection import find_corals
from pose_edge.runtimes.edgetpu.failover import Failover
from pose_edge.runtimes.edgetpu.failure_backoff import FailureBackoff
from pose_edge.runtimes.edgetpu.lookup import find_library
from pose_edge.zoo.registry import ModelFile, Zoo

log = logging.getLogger(__name__)

SETTLE_S: Final = 0.5
"""How long udev may take to give a new device node to its group."""
NO_LIBRARY: Final = "the README says which package to install; `pose-edge doctor` checks it"


def open_failover(
    cpu: Runtime,
    model: str,
    settings: Settings,
    *,
    report: Callable[[str | None], None],
    wait: bool,
    stop: threading.Event | None = None,
) -> Runtime:
    """Run a model on the Edge TPU whenever there is one, and on the CPU meanwhile.

    Args:
        cpu: The model on the CPU.
        model: Name or path of the same, compiled for the Edge TPU.
        settings: All of `edgetpu`, and where devices are looked for.
        report: Told what is wrong with the Edge TPU, and None when it works.
        wait: Wait until it is ready or known not to be there, and for each answer: nobody
            watches, and what has answered should not depend on how busy the machine is.
        stop: Set when nobody wants it any more.

    Raises:
        UnavailableError: It must be there (mode "on"), and is not.
        UsageError: The model on the CPU has several input sizes, which no compiled one has.
    """
    if len(cpu.sizes) > 1:
        raise UsageError(
            f"{cpu.provenance.model} has several input sizes, a model for the Edge TPU has one: "
            "use another model, or --edgetpu off"
        )
    must = settings.edgetpu.mode == "on"
    zoo = Zoo()  # not anew every second: reading the lists takes a while
    supervisor = ChildSupervisor(
        lambda wanted: start_edgetpu(zoo, model, settings, wanted, twin=cpu),
        timeout=settings.edgetpu.timeout,
        patience=FailureBackoff(settings.edgetpu.max_backoff),
        late=settings.edgetpu.timeout if wait else LATE_S,
        required=must,
        report=report,
    )
    supervisor.open()
    try:
        if must or wait:
            supervisor.wait(LOAD_S, stop)
    except ChildFault as fault:
        if must:
            supervisor.close()
            raise UnavailableError(
                f"no Edge TPU: {fault}\n`pose-edge doctor` says more; --edgetpu auto goes on "
                "without one"
            ) from fault
    except BaseException:
        supervisor.close()
        raise
    return Failover(cpu, supervisor, Path(model).stem if model.endswith(".tflite") else model)


def load_edgetpu(model: ModelFile, settings: Settings) -> Runtime:
    """Run a compiled model on the Edge TPU alone: for measuring.

    Raises:
        UnavailableError: There is none, or it cannot run the model.
    """
    started = start_edgetpu(Zoo(), str(model.path), settings, lambda: True)
    provenance = Provenance(model.name, "edgetpu")
    return ChildRuntime(started, provenance, timeout=settings.edgetpu.timeout)


def start_edgetpu(
    zoo: Zoo,
    model: str,
    settings: Settings,
    wanted: Callable[[], bool],
    twin: Runtime | None = None,
) -> Started:
    """Start a child process that runs a model on the Edge TPU.

    Args:
        zoo: Where models are found.
        model: Name or path of the compiled model.
        settings: All of `edgetpu`, and where devices are looked for.
        wanted: Says whether it is still wanted.
        twin: What answers at other times, and must have the same input and outputs.

    Raises:
        Absent: No device is plugged in.
        Unavailable: Something else is missing: the model, the library, a permission.
        ChildFault: It cannot be started.
    """
    wishes, testing = settings.edgetpu, settings.testing
    sysfs, dev = Path(testing.sysfs), Path(testing.dev)
    corals = find_corals(wishes.device, sysfs=sysfs, dev=dev)
    faults = [coral.fault() for coral in corals]
    if corals and None not in faults:
        time.sleep(SETTLE_S)
        corals = find_corals(wishes.device, sysfs=sysfs, dev=dev)
        faults = [coral.fault() for coral in corals]
    if not corals:
        which = f" (edgetpu.device: {wishes.device})" if wishes.device else ""
        raise Absent(f"none is plugged in{which}", "edgetpu unplugged")
    if None not in faults:
        raise Unavailable(str(faults[0]), "edgetpu not permitted")
    try:
        file = zoo.find(model)
    except ModelError as error:
        raise Unavailable(str(error), "edgetpu model missing") from error
    if not file.compiled:
        raise Unavailable(
            f"{file.path} is not compiled for the Edge TPU: it would run on the CPU",
            "edgetpu model wrong",
        )
    library = find_library(wishes.library)
    if library is None:
        raise Unavailable(
            f"the library {wishes.library} is not installed; {NO_LIBRARY}",
            "edgetpu library missing",
        )
    # The default name says more than a path: pycoral loads the library by that name.
    named = wishes.library if wishes.library == EDGETPU_LIBRARY else str(library)
    job = Job(file, settings.model.threads, EdgeTpu(named, wishes.device))
    started = start_child(job, wanted)
    if twin is not None and not _go_together(started.loaded, twin):
        started.child.close()
        raise Unavailable(
            f"{file.path} ({_describe(started.loaded)}) does not go together with "
            f"{twin.provenance.model} ({_describe(twin)})",
            "edgetpu model wrong",
        )
    if all(coral.slow for coral in corals):
        log.warning("Edge TPU: %s: about three times slower than on USB 3", corals[0].describe())
    return started


def _go_together(one: Loaded, twin: Runtime) -> bool:
    """Tell whether one can answer for the other: pictures are 0...255, so int8 would not do."""
    same_picture = one.input.shape == twin.input.shape and one.input.dtype in INPUT_TYPES
    return same_picture and one.outputs == twin.outputs


def _describe(model: Loaded | Runtime) -> str:
    return f"input {model.input}, outputs {', '.join(map(str, model.outputs)) or 'none'}"
