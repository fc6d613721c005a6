"""Open the Edge TPU: check its requirements, report what is missing, and fall back to the CPU."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pose_edge.config.schema import EDGETPU_LIBRARY, Settings
from pose_edge.errors import ModelError, UnavailableError
from pose_edge.poses import Provenance
from pose_edge.runtimes.child_fault import LOAD_S, ChildFault
from pose_edge.runtimes.edgetpu.child_supervisor import (
    LATE_S,
    ChildSupervisor,
    EdgeTpuAbsent,
    EdgeTpuUnavailable,
    FailureBackoff,
)
from pose_edge.runtimes.edgetpu.detection import Coral, find_corals
from pose_edge.runtimes.edgetpu.lookup import find_library
from pose_edge.runtimes.runtime import INPUT_TYPES, AnyArray, InputSize, InputSizeChanged, Runtime
from pose_edge.util.paths import unambiguous
from pose_edge.zoo.registry import ModelFile, Zoo

if TYPE_CHECKING:
    from pose_edge.runtimes.child import Child
    from pose_edge.runtimes.child_main import Loaded

log = logging.getLogger(__name__)

SETTLE_S: Final = 0.5
"""Time for udev to give a new device node to its group, seconds."""


class Failover:
    """A `Runtime` that uses the Edge TPU while it works, and otherwise the CPU."""

    def __init__(self, cpu: Runtime, supervisor: ChildSupervisor, model: str) -> None:
        """Combine the two backends; `close` closes both.

        Args:
            cpu: The model on the CPU.
            supervisor: An open supervisor, which keeps the model on the Edge TPU running.
            model: Name of the model on the Edge TPU.
        """
        self._cpu = cpu
        self._supervisor = supervisor
        self._on_edgetpu = Provenance(model, "edgetpu")
        self.input, self.outputs = cpu.input, cpu.outputs
        self.provenance = self._on_edgetpu if supervisor.child else cpu.provenance

    @property
    def holds_edgetpu(self) -> bool:
        """Whether the Edge TPU is open or being opened, even if the CPU runs the model now."""
        return self._supervisor.holding

    @property
    def sizes(self) -> tuple[InputSize, ...]:
        """The sizes of the current backend: one on the Edge TPU, perhaps several on the CPU."""
        if (child := self._supervisor.child) is None:
            return self._cpu.sizes
        _, height, width, _ = child.loaded.input.shape
        return ((height, width),)

    def run(self, tensor: AnyArray) -> list[AnyArray]:
        """Run the model on the Edge TPU, or on the CPU if the Edge TPU does not reply in time.

        Raises:
            InputSizeChanged: Only the Edge TPU supports this size, and it has just failed.
        """
        outputs = self._supervisor.run(tensor)
        if outputs is not None:
            self.provenance = self._on_edgetpu
            return outputs
        if tensor.shape[1:3] not in self._cpu.sizes:
            raise InputSizeChanged
        self.provenance = replace(self._cpu.provenance, note=self._supervisor.note)
        return self._cpu.run(tensor)

    def describe(self) -> str:
        """Return a short description of what runs the model now."""
        child = self._supervisor.child
        return child.loaded.describe if child else self._cpu.describe()

    def close(self) -> None:
        """End the child process and close the model on the CPU."""
        self._supervisor.close()
        self._cpu.close()


def open_failover(
    cpu: Runtime,
    model: str,
    settings: Settings,
    zoo: Zoo,
    *,
    report: Callable[[str | None], None],
    wait: bool,
    stop: threading.Event | None = None,
) -> Runtime:
    """Return a runtime that uses the Edge TPU whenever there is one, and otherwise the CPU.

    Args:
        cpu: The model on the CPU.
        model: Name or path of the same model, compiled for the Edge TPU.
        settings: The section edgetpu, the number of threads, and the paths of sysfs and /dev.
        zoo: The known models; shared, because its lists take too long to read every second.
        report: Called with what is wrong with the Edge TPU, and with None when it works.
        wait: Whether to wait until the Edge TPU is ready or known to be missing, and up to the full
            timeout for each result, so that results do not depend on the machine's load.
        stop: Set by the caller to end the wait for an Edge TPU.

    Raises:
        UnavailableError: The Edge TPU is required (mode "on"), but not available.
    """
    required = settings.edgetpu.mode == "on"
    supervisor = ChildSupervisor(
        lambda wanted: start_edgetpu(zoo, model, settings, wanted, twin=cpu),
        timeout=settings.edgetpu.timeout,
        failure_backoff=FailureBackoff(settings.edgetpu.max_backoff),
        late=settings.edgetpu.timeout if wait else LATE_S,
        required=required,
        report=report,
    )
    supervisor.open()
    try:
        if required or wait:
            supervisor.wait(LOAD_S, stop)
    except ChildFault as fault:
        if required:
            supervisor.close()
            raise UnavailableError(
                f"no Edge TPU: {fault}\n`pose-edge doctor` says more",
                remedy="--edgetpu auto goes on without one",
            ) from fault
    except BaseException:
        supervisor.close()
        raise
    return Failover(cpu, supervisor, Path(model).stem if model.endswith(".tflite") else model)


def load_edgetpu(model: ModelFile, settings: Settings) -> Runtime:
    """Return a runtime that uses the Edge TPU alone, without a fallback, for measurements.

    Raises:
        UnavailableError: There is no Edge TPU, or it cannot run the model.
    """
    from pose_edge.runtimes.child import ChildRuntime

    child = start_edgetpu(Zoo(), unambiguous(model.path), settings, lambda: True)
    provenance = Provenance(model.name, "edgetpu")
    return ChildRuntime(child, provenance, timeout=settings.edgetpu.timeout)


def start_edgetpu(
    zoo: Zoo,
    model: str,
    settings: Settings,
    wanted: Callable[[], bool],
    twin: Runtime | None = None,
) -> Child:
    """Start a child process that runs a model on the Edge TPU.

    Args:
        zoo: The known models.
        model: Name or path of the compiled model.
        settings: As for `open_failover`.
        wanted: Returns False when the child is no longer wanted.
        twin: The runtime that serves as the fallback. The child must have the same outputs, and an
            input that takes the same pixel values; the size of the input may differ.

    Raises:
        EdgeTpuAbsent: No device is plugged in.
        EdgeTpuUnavailable: The model, the library or a permission is missing, or the model does not
            match `twin`.
        ChildFault: The process cannot be started, or cannot load the model.
    """
    corals = _usable_corals(settings)
    file = _compiled_model(zoo, model)
    library = _library(settings.edgetpu.library)
    from pose_edge.runtimes.child import start_child  # lazily: most machines have no Coral
    from pose_edge.runtimes.child_main import Job

    job = Job(file, settings.model.threads, library, settings.edgetpu.device)
    child = start_child(job, wanted)
    if twin is not None and not _interchangeable(child.loaded, twin):
        child.close()
        raise EdgeTpuUnavailable(
            f"{file.path} ({_describe(child.loaded)}) does not go together with "
            f"{twin.provenance.model} ({_describe(twin)})",
            note="edgetpu model wrong",
        )
    if all(coral.slow for coral in corals):
        log.warning("Edge TPU: %s: about three times slower than on USB 3", corals[0].describe())
    return child


def _usable_corals(settings: Settings) -> list[Coral]:
    """Return the Corals that the settings allow, at least one of which this user can open.

    Raises:
        EdgeTpuAbsent: No such Coral is plugged in.
        EdgeTpuUnavailable: This user can open none of them.
    """
    device = settings.edgetpu.device
    sysfs, dev = Path(settings.testing.sysfs), Path(settings.testing.dev)
    for pause in (SETTLE_S, 0.0):
        corals = find_corals(device, sysfs=sysfs, dev=dev)
        if not corals:
            which = f" (edgetpu.device: {device})" if device else ""
            raise EdgeTpuAbsent(f"none is plugged in{which}")
        obstacles = [obstacle for coral in corals if (obstacle := coral.obstacle())]
        if len(obstacles) < len(corals):
            return corals
        time.sleep(pause)
    first = obstacles[0]
    raise EdgeTpuUnavailable(first.text, remedy=first.remedy, note="edgetpu not permitted")


def _compiled_model(zoo: Zoo, name: str) -> ModelFile:
    try:
        file = zoo.find(name)
    except ModelError as error:
        raise EdgeTpuUnavailable(
            error.message, remedy=error.remedy, note="edgetpu model missing"
        ) from error
    if not file.compiled:
        raise EdgeTpuUnavailable(
            f"{file.path} is not compiled for the Edge TPU: it would run on the CPU",
            note="edgetpu model wrong",
        )
    return file


def _library(name: str) -> str:
    """Return the name or path by which the child loads the library."""
    path = find_library(name)
    if path is None:
        raise EdgeTpuUnavailable(
            f"the library {name} is not installed",
            remedy="docs/coral.md says which package to install; `pose-edge doctor` checks it",
            note="edgetpu library missing",
        )
    # Keep the name of the default library: pycoral is used only with this name, not with a path.
    return name if name == EDGETPU_LIBRARY else unambiguous(path)


def _interchangeable(loaded: Loaded, twin: Runtime) -> bool:
    types = {loaded.input.dtype, twin.input.dtype}
    # The same pixels need another value range for int8, and may need one for float32.
    same_range = len(types) == 1 or types <= {"uint8", "int32"}
    shape = loaded.input.shape
    pictures = len(shape) == 4 and (shape[0], shape[3]) == (1, 3) and min(shape[1:3]) > 1
    same_input = pictures and loaded.input.dtype in INPUT_TYPES
    return same_input and same_range and loaded.outputs == twin.outputs


def _describe(model: Loaded | Runtime) -> str:
    return f"input {model.input}, outputs {', '.join(map(str, model.outputs)) or 'none'}"
