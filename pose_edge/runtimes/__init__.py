"""Runtimes execute a model: tensors in, tensors out.

`litert.py` runs models on the CPU. `edgetpu/` runs them on a Coral Edge TPU, in a child process
(`child.py`, `child_main.py`), with the CPU as the fallback.

May import: errors, util, frames, poses, config, logs, supervision, telemetry, zoo.

To add a runtime for another accelerator, write a file here with a class that implements `Runtime`
and a function like `litert.load_litert`, and add an `if` to `load_runtime` below that recognises
its models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pose_edge.runtimes.runtime import INPUT_TYPES, AnyArray, InputSize, InputSizeChanged, Runtime
from pose_edge.zoo.registry import ModelFile

if TYPE_CHECKING:
    from pose_edge.config.schema import Settings

__all__ = ["INPUT_TYPES", "AnyArray", "InputSize", "InputSizeChanged", "Runtime", "load_runtime"]


def load_runtime(model: ModelFile, settings: Settings) -> Runtime:
    """Load a model on the Edge TPU if it is compiled for it, else on the CPU.

    Raises:
        ModelError: The runtime cannot read the file.
        UnavailableError: No runtime is installed, or the Edge TPU is not available.
    """
    if model.compiled:
        from pose_edge.runtimes.edgetpu.opening import load_edgetpu as load
    else:
        from pose_edge.runtimes.litert import load_litert as load
    return load(model, settings)
