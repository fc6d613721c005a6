"""The record of what was installed, which says what may be removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pose_edge.service.machine import ServiceError


@dataclass(slots=True)
class InstallRecord:
    """What an install has put where; written before it is put there.

    Attributes:
        version: Version of the program in use; empty until there is one.
        prefix: The program's folder.
        files: Paths that belong to the install.
        folders: Folders that were made for them; removed when they are empty.
        default_config: SHA-256 of the default configuration of the last install, hexadecimal; a
            configuration with another one has been edited.
        extras: The program's extras, e.g. "edgetpu".
        user: Whether the install made the service's user.
        groups: Groups that the install made.
    """

    version: str = ""
    prefix: str = ""
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    default_config: str = ""
    extras: list[str] = field(default_factory=list)
    user: bool = False
    groups: list[str] = field(default_factory=list)

    def add(self, path: Path, folders: Sequence[Path] = ()) -> None:
        """Add a path, and the folders that are made for it, the innermost first."""
        self.files += [str(path)] if str(path) not in self.files else []
        self.folders += [str(one) for one in folders if str(one) not in self.folders]

    def text(self) -> str:
        """Return the record as JSON."""
        return json.dumps({"schema": 1, **asdict(self)}, indent=2) + "\n"


def load_record(path: Path) -> InstallRecord | None:
    """Read the record of an install; None where nothing is installed.

    Raises:
        ServiceError: The file is not a record that this version understands.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("schema") != 1:
            raise ValueError("written by a newer version")
        return InstallRecord(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServiceError(
            f"{path}: not a list of installed files: {error}",
            remedy="move it away, then install again to write a new one",
        ) from error
