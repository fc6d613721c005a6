"""Try a user's own model file in a child process, before this process loads it.

A damaged file can crash the runtime, which would end the program at a reload. Running the model on
a picture of a person also shows how its input must be normalised.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import threading
import time
from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel, ValidationError

from pose_edge.config.schema import ModelSettings
from pose_edge.errors import ModelError, PoseEdgeError, UnavailableError, UsageError
from pose_edge.util.child_process import child_command, child_environment, describe_death
from pose_edge.util.text import one_line
from pose_edge.zoo.normalisation import Normalisation
from pose_edge.zoo.registry import ModelFile

log = logging.getLogger(__name__)

TRIAL_S: Final = 60.0
"""Longest duration of a trial, seconds; on two cores it takes 1 to 3 s."""
POLL_S: Final = 0.1
"""Interval of the checks whether the trial is to end early, seconds."""
CHILD: Final = "from pose_edge.pipeline.trial_child import main; main()"
DAMAGED: Final = "get the file again, or convert it for this version of the runtime"


ErrorKind = Literal["model", "usage", "unavailable"]
"""What causes an error: the file, a setting, or the machine."""

ERRORS: Final[dict[ErrorKind, type[PoseEdgeError]]] = {
    "model": ModelError,
    "usage": UsageError,
    "unavailable": UnavailableError,
}
"""The exception for each kind of error."""


class TrialResult(BaseModel):
    """The outcome of a trial.

    Attributes:
        error: Why the model cannot be used, or None.
        remedy: What to do about the error.
        kind: What causes the error.
        normalisation: How the input must be normalised; None for 0...255.
        output_in_pixels: See `ModelFile`.
        doubt: Why a model that is used may nevertheless be wrong, or None.
    """

    error: str | None = None
    remedy: str | None = None
    kind: ErrorKind = "model"
    normalisation: Normalisation | None = None
    output_in_pixels: bool = False
    doubt: str | None = None


def try_model(
    model: ModelFile, settings: ModelSettings, stop: threading.Event | None = None
) -> ModelFile:
    """Try a model in a child process; return it with its input range and the units of its output.

    A model whose checksum is known is returned unchanged, and so is one that is compiled for the
    Edge TPU, because that runs in a child process anyway.

    Args:
        model: The file.
        settings: Number of threads, and the input range if the user gives it.
        stop: Set to end the trial.

    Raises:
        ModelError: The file crashes the runtime, is not a pose model, or needs an input that cannot
            be determined.
        UsageError: The settings ask for an input range that the model cannot have.
        UnavailableError: No runtime is installed, or no process can be started.
    """
    if model.known or model.compiled:
        return model
    status, answer, words = _run_child(model, settings, stop or threading.Event())
    try:
        result = TrialResult.model_validate_json(answer) if status == 0 else None
    except ValidationError:
        result = None
    if result is None:
        last = one_line(words[-200:].decode("utf-8", "replace"))
        raise ModelError(
            f"{model.path} cannot be loaded: in a trial {describe_death(status, last)}",
            remedy=DAMAGED,
        )
    if result.error is not None:
        raise ERRORS[result.kind](result.error, remedy=result.remedy)
    if result.doubt is not None:
        log.warning("model: %s: %s", model.path, result.doubt)
    if result.normalisation is not None:
        log.info("model: %s: its input wants %s", model.path, result.normalisation)
    return replace(
        model, normalisation=result.normalisation, output_in_pixels=result.output_in_pixels
    )


def _run_child(
    model: ModelFile, settings: ModelSettings, stop: threading.Event
) -> tuple[int, bytes, bytes]:
    """Return the child's exit status, its answer, and what it wrote to its standard error."""
    try:
        process = subprocess.Popen(
            child_command(CHILD),
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise UnavailableError(f"no process can be started: {error.strerror}") from error
    with process:
        job: bytes | None = pickle.dumps((model, settings, os.getpid()))
        end = time.monotonic() + TRIAL_S
        try:
            while time.monotonic() < end and not stop.is_set():
                try:
                    answer, words = process.communicate(job, timeout=POLL_S)
                except subprocess.TimeoutExpired:
                    job = None  # it was sent by the first call
                else:
                    return process.returncode, answer, words
        finally:
            process.kill()
    reason = "the trial was ended" if stop.is_set() else f"no answer within {TRIAL_S:g} s"
    raise ModelError(f"{model.path} cannot be loaded: {reason}", remedy=DAMAGED)
