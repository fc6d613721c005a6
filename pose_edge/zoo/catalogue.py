"""Models that can be fetched: a list that ships, files that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from pose_edge.util import resources
from pose_edge.zoo.download import Expected

TFLITE_MARK: Final = b"TFL3"
TFLITE_MARK_OFFSET: Final = 4
"""Where the mark stands in every TensorFlow Lite file."""


class Download(BaseModel):
    """A model that its publisher offers.

    Attributes:
        name: What users call it.
        file: The file's name here.
        url: Where it comes from.
        size: Bytes, or None where nobody has published it.
        sha256: Of its content, or None.
        git_blob: Its id in the publisher's Git repository, or None.
        summary: One line for people.
        licence: SPDX identifier.
        cpu_twin: Of a model that is compiled for the Edge TPU: the model that does the same on the
            CPU, whenever there is no Edge TPU.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    file: str
    url: str
    size: int | None = Field(gt=0)
    sha256: str | None = Field(pattern="^[0-9a-f]{64}$")
    git_blob: str | None = Field(pattern="^[0-9a-f]{40}$")
    summary: str
    licence: str
    cpu_twin: str | None = None

    def expected(self) -> Expected:
        """Return what is known of the file."""
        return Expected(self.size, self.sha256, self.git_blob, TFLITE_MARK, TFLITE_MARK_OFFSET)


class Downloads(BaseModel):
    """data/downloads.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: Literal[1] = Field(alias="schema")
    models: tuple[Download, ...]


def load_downloads(path: Path | None = None) -> dict[str, Download]:
    """Read the list; its file ships with the package.

    Args:
        path: Another file.

    Returns:
        The downloads, by name.
    """
    text = (path or resources.downloads_list()).read_text(encoding="utf-8")
    listing = Downloads.model_validate(yaml.safe_load(text))
    return {download.name: download for download in listing.models}
