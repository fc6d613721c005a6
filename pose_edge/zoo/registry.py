"""Find models by name or path, and verify their files before use."""

from __future__ import annotations

import difflib
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from pose_edge.errors import ModelError
from pose_edge.util import resources
from pose_edge.util.paths import exists, is_file, user_path
from pose_edge.util.text import counted
from pose_edge.zoo.catalogue import (
    REINSTALL,
    TFLITE_MARK,
    TFLITE_MARK_OFFSET,
    Download,
    ListedModel,
    has_tflite_mark,
    load_downloads,
    read_accuracy,
    read_list,
)
from pose_edge.zoo.normalisation import RANGES, Normalisation, read_normalisation

AUTO: Final = "auto"
"""Used instead of a model's name: the most accurate model that keeps up with the camera's rate."""
LIGHTEST: Final = "movenet-lightning-int8"
"""The fastest model, with which `auto` starts while the speed of the machine is not known."""

MAX_BYTES: Final = 200_000_000
"""Maximum size of a model file; the largest listed one has less than a tenth of it."""

COMPILED_MARK: Final = b"edgetpu-custom-op"
"""Name of the operation that replaces the part of a compiled model that runs on the Edge TPU."""


class Tensor(BaseModel):
    """Shape and type of a model's input or output."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, ...]
    dtype: Literal["uint8", "int8", "int32", "float32"]

    def __str__(self) -> str:
        """Return type and shape, e.g. ``uint8 1x192x192x3``."""
        return f"{self.dtype} {'x'.join(map(str, self.shape))}"


class ManifestEntry(ListedModel):
    """An included model, as listed in models/manifest.yaml.

    Attributes:
        size: Size of the file, bytes.
        sha256: SHA-256 of the file, hexadecimal.
        family: Family of networks, which determines the meaning of the outputs.
        input: Shape and type of the input.
        output: Shape and type of the first output.
        origin: Address or description of where the model comes from.
        sizes: Heights and widths that the input can have; empty if there is only one size. The file
            may contain graphs for further sizes, which another entry uses.
        calibration: Names of the pictures used to calibrate the quantisation.
    """

    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    family: Literal["movenet", "multipose", "posenet"]
    input: Tensor
    output: Tensor
    origin: str
    sizes: tuple[tuple[int, int], ...] = ()
    calibration: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model whose file was found and verified.

    Attributes:
        name: Name in results and on the screen.
        path: The file.
        entry: The model's manifest entry; None for a downloaded model or a user's own file.
        sha256: SHA-256 of the file, hexadecimal.
        compiled: Whether the model is compiled for the Edge TPU and runs nowhere else.
        known: Whether the checksum is that of a listed model. Any other file may crash the process
            that loads it.
        normalisation: Normalisation of a float32 input; `find` sets it from the list of downloads
            or from the file's metadata. None means 0...255.
        output_in_pixels: Whether output coordinates are in pixels of the input instead of 0...1.
    """

    name: str
    path: Path
    entry: ManifestEntry | None = None
    sha256: str = ""
    compiled: bool = False
    known: bool = False
    normalisation: Normalisation | None = None
    output_in_pixels: bool = False


class Zoo:
    """The included models, as listed in the manifest, and the downloadable ones."""

    def __init__(self, folder: Path | None = None, fetched: Path | None = None) -> None:
        """Read the manifest.

        Args:
            folder: Folder of manifest.yaml and the model files, by default the included models.
            fetched: Folder of downloaded models, by default in the user's home.

        Raises:
            ModelError: The manifest is missing or damaged.
        """
        self.folder = resources.models_dir() if folder is None else folder
        self.entries = read_list(self.folder / "manifest.yaml", ManifestEntry)
        self._fetched = resources.fetched_dir() if fetched is None else fetched

    @cached_property
    def downloads(self) -> dict[str, Download]:
        """The downloadable models, by name; the list is read on first use."""
        return load_downloads()

    @cached_property
    def twins(self) -> dict[str, str]:
        """Names of the equivalent CPU models, by name of the Edge TPU model."""
        downloads = self.downloads.values()
        return {one.name: one.cpu_twin for one in downloads if one.cpu_twin is not None}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """CPU models by their names without a precision, e.g. "movenet-lightning"."""
        return {name.removesuffix("-edgetpu"): cpu for name, cpu in self.twins.items()}

    def accuracy(self) -> dict[str, dict[str, float]]:
        """Return the measured COCO AP of models, by name and kind of pictures (one, several).

        The result is empty if there is no list of measurements.

        Raises:
            ModelError: The list is damaged.
        """
        return read_accuracy(self.folder / "accuracy.yaml")

    def fetched(self) -> list[str]:
        """Return the names of the models that have been downloaded."""
        return [name for name, one in self.downloads.items() if exists(self.path(one))]

    def path(self, model: ManifestEntry | Download) -> Path:
        """Return the path of a model's file; a downloadable model may not exist there yet."""
        return (self._fetched if isinstance(model, Download) else self.folder) / model.file

    def entry(self, name: str) -> ManifestEntry:
        """Return a model's manifest entry.

        Args:
            name: A name in the manifest, one of `aliases`, or `AUTO`.

        Raises:
            ModelError: There is no model with this name.
        """
        if name == AUTO:
            name = LIGHTEST  # callers that can choose better do so before
        elif name not in self.entries:
            name = self.aliases.get(name, name)
        if name not in self.entries:
            names = [*self.entries, *self.downloads]
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
            if is_file(user_path(name)):
                hint = f"a file's name must end in .tflite, or be typed as ./{name}"
            raise ModelError(f"no model {name!r}", remedy=hint)
        return self.entries[name]

    def check_name(self, name: str) -> None:
        """Check that a name is listed or a path, without looking for the file.

        Raises:
            ModelError: There is no model with this name.
        """
        if name not in self.downloads and not _is_path(name):
            self.entry(name)

    def find(self, name: str) -> ModelFile:
        """Find a model by its name in either list, or by the path of a .tflite file.

        Returns:
            The model. Its file has been verified as far as possible without running it.

        Raises:
            ModelError: There is no such model, or its file is missing, damaged or a different one.
        """
        if name not in self.entries and name in self.downloads:
            return self._find_fetched(self.downloads[name])
        if name not in self.entries and _is_path(name):
            path = user_path(name)
            return self._own_file(path.stem, path, check_tflite(path))
        entry = self.entry(name)
        path = self.path(entry)
        content = check_tflite(path)
        if len(content) != entry.size:
            fault = f"has {counted(len(content), 'byte')}, not {entry.size}"
        elif hashlib.sha256(content).hexdigest() != entry.sha256:
            fault = "has another SHA-256 than the manifest says"
        else:
            return ModelFile(entry.name, path, entry, entry.sha256, known=True)
        raise ModelError(
            f"model file {path} {fault}: it is damaged or another version", remedy=REINSTALL
        )

    def _find_fetched(self, download: Download) -> ModelFile:
        path = self.path(download)
        fetch = f"`pose-edge models fetch {download.name}` gets it"
        if not exists(path):
            raise ModelError(f"model {download.name} is not here yet", remedy=fetch)
        content = check_tflite(path)
        if fault := download.fault(content):
            raise ModelError(
                f"model file {path} is not what was fetched: {fault}", remedy=f"{fetch} again"
            )
        return self._own_file(download.name, path, content, download)

    def _own_file(
        self, name: str, path: Path, content: bytes, download: Download | None = None
    ) -> ModelFile:
        """Return the model of a file outside the manifest, which may be a copy of a listed one."""
        digest = hashlib.sha256(content).hexdigest()
        listed = {one.sha256 for one in self.entries.values()}
        listed |= {one.sha256 for one in self.downloads.values() if one.sha256 is not None}
        said = download.input_range if download else None
        return ModelFile(
            name,
            path,
            sha256=digest,
            compiled=COMPILED_MARK in content,
            known=digest in listed or (download is not None and download.git_blob is not None),
            normalisation=RANGES[said] if said else read_normalisation(content),
        )


def _is_path(name: str) -> bool:
    return name.endswith(".tflite") or "/" in name


def check_tflite(path: Path) -> bytes:
    """Read a file, check that it looks like a TensorFlow Lite model, and return its content.

    Raises:
        ModelError: The file is missing, unreadable, empty, larger than `MAX_BYTES` or something
            else. Nothing but its start was read then.
    """
    try:
        # O_NONBLOCK: opening a named pipe must not wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(TFLITE_MARK_OFFSET + len(TFLITE_MARK))
            if has_tflite_mark(content) and size <= MAX_BYTES:
                content += file.read(size)
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
    if not has_tflite_mark(content):
        raise ModelError(f"{path} is not a TensorFlow Lite model (no {TFLITE_MARK.decode()} mark)")
    if size > MAX_BYTES:
        raise ModelError(f"{path} is too large for a model: more than {MAX_BYTES // 10**6} MB")
    return content
