"""The list of what was installed, which says what may be taken away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pose_edge.service.steps import ServiceError


@dataclass(slots=True)
class Manifest:
    """What an install put where; noted before it is put there.

    Attributes:
        version: Of the program in use; empty until one is.
        prefix: The program's folder.
        files: Paths that belong to the install.
        folders: Those that were made for them; removed when nothing is left in them.
        default_config: SHA-256 of the configuration that was installed last, hexadecimal: one
            that has another has been edited.
        extras: Of the program, e.g. "edgetpu".
        user: Whether the user was made, and was not there before.
        groups: Those that were made.
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
        """Note a path, and folders that are made for it, the innermost first."""
        self.files += [str(path)] if str(path) not in self.files else []
        self.folders += [str(one) for one in folders if str(one) not in self.folders]

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"schema": 1, **asdict(self)}, indent=2) + "\n"


def load_manifest(path: Path) -> Manifest | None:
    """Read the list.

    Returns:
        The list, or None where nothing is installed.

    Raises:
        ServiceError: It is there, and is not one that this version understands.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("schema") != 1:
            raise ValueError("written by a newer version")
        return Manifest(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServiceError(
            f"{path}: not a list of installed files: {error}; with it out of the way, "
            "install again to write a new one"
        ) from error
