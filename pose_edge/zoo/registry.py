"""The models: find one by name or path, and make sure that it is whole before it is used."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from pose_edge.errors import ModelError
from pose_edge.util import resources
from pose_edge.util.paths import user_path
from pose_edge.zoo.catalogue import TFLITE_MARK, TFLITE_MARK_OFFSET, Download, load_downloads

COMPILED_MARK: Final = b"edgetpu-custom-op"
"""The operation that stands in a compiled model for all that the Edge TPU does."""


class Tensor(BaseModel):
    """Shape and type of a model's input or output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, ...]
    dtype: Literal["uint8", "int8", "int32", "float32"]

    def __str__(self) -> str:
        """Return e.g. ``uint8 1x192x192x3``."""
        return f"{self.dtype} {'x'.join(map(str, self.shape))}"


class ManifestEntry(BaseModel):
    """What the manifest says of one model.

    Attributes:
        name: What users call it.
        file: The file's name.
        size: Bytes.
        sha256: Of the content.
        family: What its output is like.
        input: Shape and type of the input.
        output: Shape and type of the first output.
        summary: One line for people.
        licence: SPDX identifier.
        origin: Where it comes from.
        sizes: Heights and widths that the input can have, where there are several.
        calibration: Names of the pictures that it was quantised with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    file: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    family: Literal["movenet", "multipose", "posenet"]
    input: Tensor
    output: Tensor
    summary: str
    licence: str
    origin: str
    sizes: tuple[tuple[int, int], ...] = ()
    calibration: tuple[str, ...] = ()


class Manifest(BaseModel):
    """models/manifest.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Literal[1] = Field(alias="schema")
    models: tuple[ManifestEntry, ...]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that was found and checked.

    Attributes:
        name: Its name in results and on the screen.
        path: The file.
        entry: What the manifest says of it; None for a user's own file.
        sha256: Of its content.
        compiled: It is compiled for the Edge TPU and runs on nothing else.
    """

    name: str
    path: Path
    entry: ManifestEntry | None = None
    sha256: str = ""
    compiled: bool = False


class Zoo:
    """The models that ship, as their manifest lists them, and those that users fetch."""

    def __init__(self, folder: Path | None = None, fetched: Path | None = None) -> None:
        """Read the lists.

        Args:
            folder: Holds manifest.yaml and the files; by default the models that ship.
            fetched: Where fetched models lie; by default in the user's home.

        Raises:
            ModelError: There is no manifest, or it is damaged.
        """
        self.folder = resources.models_dir() if folder is None else folder
        path = self.folder / "manifest.yaml"
        try:
            manifest = Manifest.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise ModelError(
                f"model list {path} cannot be read: {first}", remedy="install again"
            ) from error
        self.entries: dict[str, ManifestEntry] = {entry.name: entry for entry in manifest.models}
        self._fetched = resources.fetched_dir() if fetched is None else fetched

    @cached_property
    def downloads(self) -> dict[str, Download]:
        """The models that can be fetched, by name; the list is read when first asked for."""
        return load_downloads()

    @cached_property
    def twins(self) -> dict[str, str]:
        """The CPU model that goes with each Edge TPU model, by its name."""
        downloads = self.downloads.values()
        return {one.name: one.cpu_twin for one in downloads if one.cpu_twin is not None}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Names without a precision, and the CPU model that each stands for."""
        return {name.removesuffix("-edgetpu"): cpu for name, cpu in self.twins.items()}

    def accuracy(self) -> dict[str, dict[str, float]]:
        """Return the measured AP of models, by name and kind of pictures: one person, several."""
        path = self.folder / "accuracy.yaml"
        if not path.exists():
            return {}
        listed: dict[str, dict[str, float]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return listed

    def fetched_path(self, download: Download) -> Path:
        """Return where a fetched model's file lies (or would)."""
        return self._fetched / download.file

    def path(self, entry: ManifestEntry) -> Path:
        """Return where a model's file lies (or should)."""
        return self.folder / entry.file

    def entry(self, name: str) -> ManifestEntry:
        """Return what the manifest says of a model.

        Raises:
            ModelError: There is no model of this name.
        """
        if name not in self.entries and name in self.aliases:
            name = self.aliases[name]
        if name not in self.entries:
            names = [*self.entries, *self.downloads]
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
            raise ModelError(f"no model {name!r}", remedy=hint)
        return self.entries[name]

    def find(self, name: str) -> ModelFile:
        """Find and check a model.

        Args:
            name: A name of either list, or the path of a .tflite file.

        Returns:
            The model, its file whole as far as that can be told without running it.

        Raises:
            ModelError: No such model, or its file is missing, damaged or not the listed one.
        """
        if name not in self.entries and name in self.downloads:
            return self._find_fetched(self.downloads[name])
        if name not in self.entries and (name.endswith(".tflite") or "/" in name):
            path = user_path(name)
            content = check_tflite(path)
            return _own_file(path.stem, path, content)
        entry = self.entry(name)
        self.verify(entry)
        return ModelFile(entry.name, self.path(entry), entry, entry.sha256)

    def _find_fetched(self, download: Download) -> ModelFile:
        path = self.fetched_path(download)
        fetch = f"`pose-edge models fetch {download.name}` gets it"
        if not path.exists():
            raise ModelError(f"model {download.name} is not here yet", remedy=fetch)
        content = check_tflite(path)
        fault = download.expected().fault(content)
        if fault is not None:
            raise ModelError(
                f"model file {path} is not what was fetched: {fault}", remedy=f"{fetch} again"
            )
        return _own_file(download.name, path, content)

    def verify(self, entry: ManifestEntry) -> None:
        """Compare a model's file with the manifest.

        Raises:
            ModelError: It is missing, damaged or another file.
        """
        path = self.path(entry)
        content = check_tflite(path)
        if len(content) != entry.size:
            raise ModelError(
                f"model file {path} has {len(content)} bytes, not {entry.size}: "
                "it is damaged or another version",
                remedy="install again",
            )
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ModelError(
                f"model file {path} has another SHA-256 than the manifest says: "
                "it is damaged or another version",
                remedy="install again",
            )


def _own_file(name: str, path: Path, content: bytes) -> ModelFile:
    digest = hashlib.sha256(content).hexdigest()
    return ModelFile(name, path, sha256=digest, compiled=COMPILED_MARK in content)


def check_tflite(path: Path) -> bytes:
    """Read a file and make sure that it looks like a TensorFlow Lite model.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ModelError: It is missing, empty or something else.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            f"model file {path} is missing", remedy="`pose-edge models list`"
        ) from error
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror}") from error
    if not content:
        raise ModelError(
            f"model file {path} is empty (an interrupted download?)", remedy="get it again"
        )
    if content[TFLITE_MARK_OFFSET:][: len(TFLITE_MARK)] != TFLITE_MARK:
        raise ModelError(f"{path} is not a TensorFlow Lite model (no {TFLITE_MARK.decode()} mark)")
    return content
