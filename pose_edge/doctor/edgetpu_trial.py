"""Tries one inference on the Edge TPU."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from pose_edge.config.schema import Settings
from pose_edge.errors import PoseEdgeError
from pose_edge.pipeline.loading import find_pair
from pose_edge.runtimes.child import ChildDied, ChildFault
from pose_edge.runtimes.edgetpu.opening import start_edgetpu
from pose_edge.zoo.registry import Zoo


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of loading library and model in a child process, and running it.

    Attributes:
        version: Version of the library; None when the trial ended before it was known.
        inference_ms: Time of the second inference (the first is slow); None when it failed.
        fault: What went wrong, in a sentence; None when nothing did.
        crashed: A signal ended the process, as it does when library and runtime do not match.
    """

    version: str | None = None
    inference_ms: float | None = None
    fault: str | None = None
    crashed: bool = False


def try_edgetpu(settings: Settings) -> Trial:
    """Load library and model in a child process and run the model once.

    Args:
        settings: Those that a run would have.

    Returns:
        The outcome; every error is part of it.
    """
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
