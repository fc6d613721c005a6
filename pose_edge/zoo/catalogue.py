"""The lists of models: those that are included, and those that can be downloaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pose_edge.errors import ModelError
from pose_edge.util import resources
from pose_edge.util.paths import exists
from pose_edge.util.text import counted, one_line
from pose_edge.zoo.normalisation import InputRange

TFLITE_MARK: Final = b"TFL3"
TFLITE_MARK_OFFSET: Final = 4
"""Offset of the mark in every TensorFlow Lite file, bytes."""

REINSTALL: Final = "install again"

Listed = TypeVar("Listed", bound="ListedModel")


class ListedModel(BaseModel):
    """The fields that all lists of models have in common.

    Attributes:
        name: Name in commands and settings.
        file: Name of the local file.
        summary: One-line description.
        licence: SPDX identifier of the licence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str
    file: str
    summary: str
    licence: str


class Download(ListedModel):
    """A model that can be downloaded from its publisher.

    Attributes:
        url: Address of the published file.
        size: Size of the file, bytes, or None if it is not published.
        sha256: SHA-256 of the file, hexadecimal, or None.
        git_blob: Blob id of the file in the publisher's Git repository, hexadecimal, or None.
        cpu_twin: For a model compiled for the Edge TPU: name of the equivalent model that runs on
            the CPU while there is no Edge TPU.
        input_range: Range of a float32 input, if the publisher states it.
    """

    url: str
    size: int | None = Field(gt=0)
    sha256: str | None = Field(pattern="^[0-9a-f]{64}$")
    git_blob: str | None = Field(pattern="^[0-9a-f]{40}$")
    cpu_twin: str | None = None
    input_range: InputRange | None = None

    @property
    def verifiable(self) -> bool:
        """Whether a checksum is published, with which a file can be verified."""
        return self.sha256 is not None or self.git_blob is not None

    def fault(self, content: bytes) -> str | None:
        """Return how a file's content differs from the published one, or None."""
        if not content:
            return "0 bytes"
        if self.size is not None and len(content) != self.size:
            return f"{counted(len(content), 'byte')} instead of {self.size}"
        if not has_tflite_mark(content):
            return f"it has no {TFLITE_MARK.decode()} mark, so it is something else"
        if self.sha256 is not None and hashlib.sha256(content).hexdigest() != self.sha256:
            return "its SHA-256 is not the published one"
        if self.git_blob is not None and git_blob_id(content) != self.git_blob:
            return "its Git blob id is not the published one"
        return None


ACCURACIES: Final = TypeAdapter(
    dict[str, dict[str, Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]]],
    config=ConfigDict(defer_build=True),
)
"""Validates the list of measured accuracies: COCO AP, 0...1, by model and kind of pictures."""


def has_tflite_mark(content: bytes) -> bool:
    """Return whether a file's content starts like a TensorFlow Lite file."""
    return content.startswith(TFLITE_MARK, TFLITE_MARK_OFFSET)


def git_blob_id(content: bytes) -> str:
    """Return the Git blob id of a file's content, hexadecimal."""
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


class ModelList(BaseModel):
    """The content of a list of models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    models: tuple[dict[str, Any], ...]


def read_list(path: Path, kind: type[Listed]) -> dict[str, Listed]:
    """Return the models of a list, by name.

    Raises:
        ModelError: The list is missing or damaged.
    """
    try:
        content = ModelList.model_validate(_read_yaml(path))
        return {model.name: model for model in map(kind.model_validate, content.models)}
    except ValidationError as error:
        raise _unreadable(path, _first_fault(error)) from error


def load_downloads(path: Path | None = None) -> dict[str, Download]:
    """Return the downloadable models, by name, from a list (by default the included one).

    Raises:
        ModelError: The list is missing or damaged.
    """
    return read_list(path or resources.downloads_list(), Download)


def read_accuracy(path: Path) -> dict[str, dict[str, float]]:
    """Return the measured accuracies (COCO AP), by model and kind of pictures.

    The result is empty if the list does not exist.

    Raises:
        ModelError: The list is damaged.
    """
    if not exists(path):
        return {}
    try:
        return ACCURACIES.validate_python(_read_yaml(path))
    except ValidationError as error:
        raise _unreadable(path, _first_fault(error)) from error


def _read_yaml(path: Path) -> object:
    # CSafeLoader is many times faster, but missing if PyYAML was built without libyaml.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - it is safe
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(path, one_line(error)) from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def _unreadable(path: Path, reason: str) -> ModelError:
    return ModelError(f"model list {path} cannot be read: {reason}", remedy=REINSTALL)
