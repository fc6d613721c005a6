"""Load the model that the settings name, for the CPU and optionally for an Edge TPU."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from pose_edge.config.schema import EdgeTpuSettings, Settings
from pose_edge.errors import ModelError, UnavailableError, UsageError
from pose_edge.estimators import Estimator, load_estimator
from pose_edge.pipeline.trial import try_model
from pose_edge.runtimes import Runtime, load_runtime
from pose_edge.zoo.candidates import most_accurate
from pose_edge.zoo.registry import AUTO, ModelFile, Zoo

log = logging.getLogger(__name__)

FINDER: Final = "movenet-multipose-int8"
"""Name of the model that finds people, each of whom a model for one person then examines. It has no
version for an Edge TPU, so it always runs on the CPU."""

FINDER_SIZES: Final = ((256, 256),)
"""Height and width of the finder's input that is used, out of five. Each takes 12 MB of memory, and
all five find hardly more people (AP .384 instead of .376), because the tiles are nearly square."""


def find_pair(zoo: Zoo, name: str, edgetpu: EdgeTpuSettings) -> tuple[ModelFile, str | None]:
    """Return the CPU model that a name stands for, and its version for the Edge TPU.

    Args:
        zoo: The known models.
        name: Name of a CPU model or of an Edge TPU model, the name of both without a precision
            (movenet-lightning), or the path of a CPU model.
        edgetpu: Whether an Edge TPU is used, and optionally the model for it.

    Returns:
        The CPU model, and the name or path of the Edge TPU model; None for the latter if there is
        none, or if the settings do not use an Edge TPU.

    Raises:
        ModelError: There is no such model, or its file cannot be used.
        UsageError: The name is that of an Edge TPU model, but the Edge TPU is off.
        UnavailableError: An Edge TPU is required, but the model has no version for it.
    """
    if edgetpu.mode == "off":
        if name in zoo.twins or (cpu := zoo.find(name)).compiled:
            raise UsageError(
                f"{name} runs on an Edge TPU only, and edgetpu is off",
                remedy=f"use --edgetpu auto, or --model {zoo.twins.get(name, 'with a CPU model')}",
            )
        return cpu, None
    cpu = zoo.find(zoo.twins.get(name, name))
    if cpu.compiled:
        raise ModelError(
            f"{name} is compiled for the Edge TPU",
            remedy="give it as edgetpu.model, and as --model the same model for the CPU",
        )
    # A user's own file may have the name of a listed model and still be another model.
    listed = [one for one, twin in zoo.twins.items() if twin == cpu.name and cpu.entry is not None]
    compiled = edgetpu.model or next(iter(listed), None)
    if compiled is None and edgetpu.mode == "on":
        raise UnavailableError(
            f"no Edge TPU model goes with {cpu.name}",
            remedy=f"those with one are {', '.join(zoo.aliases)} (or set edgetpu.model)",
        )
    return cpu, compiled


def load_model(
    settings: Settings,
    stack: ExitStack,
    *,
    report: Callable[[str | None], None] = lambda _reason: None,
    wait: bool = False,
    stop: threading.Event | None = None,
) -> Estimator:
    """Find, check and load the model that the settings name.

    Args:
        settings: The settings, of which the sections model and edgetpu matter most.
        stack: Closes the estimator and its runtime.
        report: Called with what is wrong with the Edge TPU, and with None when it works.
        wait: Whether `edgetpu: auto` waits for an Edge TPU that is plugged in, instead of starting
            on the CPU.
        stop: Ends the wait for an Edge TPU, or the trial of a user's own file, once it is set.

    Returns:
        The estimator, which may also be closed earlier, and by any thread.

    Raises:
        ModelError: The model's file cannot be used.
        UsageError: The settings contradict each other.
        UnavailableError: No runtime is installed, or there is no Edge TPU though one is required.
    """
    zoo = Zoo()
    cpu, edgetpu = find_pair(zoo, settings.model.name, settings.edgetpu)
    cpu = try_model(cpu, settings.model, stop)
    runtime: Runtime = load_runtime(cpu, settings)
    if edgetpu is not None:
        from pose_edge.runtimes.edgetpu.opening import open_failover

        runtime = open_failover(
            runtime, edgetpu, settings, zoo, report=report, wait=wait, stop=stop
        )
    stack.callback(runtime.close)
    finder = partial(load_finder, zoo, settings)
    estimator = load_estimator(cpu, runtime, settings.model, load_finder=finder)
    stack.callback(estimator.close)
    log.info(
        "model: %s, input %s, by %s", estimator.provenance.models, runtime.input, runtime.describe()
    )
    return estimator


def with_full_effort(settings: Settings) -> Settings:
    """Return settings that prefer accuracy to speed where effort and model are `auto`."""
    wanted: dict[str, str] = {}
    if settings.model.effort == "auto" and settings.model.people == "several":
        wanted["effort"] = "thorough"
    if settings.model.name == AUTO:
        wanted["name"] = most_accurate(Zoo())
    return with_model(settings, **wanted) if wanted else settings


def with_model(settings: Settings, **values: str) -> Settings:
    """Return settings with some values of the section model changed."""
    model = settings.model.model_copy(update=values)
    return settings.model_copy(update={"model": model})


def load_finder(zoo: Zoo, settings: Settings) -> Runtime:
    """Load `FINDER`, the model that finds the people for another one.

    Raises:
        ModelError: Its file is missing or damaged.
    """
    model = zoo.find(FINDER)
    assert model.entry is not None, "it ships"
    entry = model.entry.model_copy(update={"sizes": FINDER_SIZES})
    return load_runtime(replace(model, entry=entry), settings)
