"""Where the program to install comes from: a wheel, a checkout, or the running package."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import shutil
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, Literal

from pose_edge import __version__
from pose_edge.errors import UsageError
from pose_edge.service.machine import ServiceError
from pose_edge.util.paths import is_file, resolved

PACKAGE: Final = Path(__file__).resolve().parents[1]
CHECKOUT_FILES: Final = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
WHEEL_NAME: Final = re.compile(r"pose_edge-([^-]+)-py3-none-any\.whl")
NOT_IN_A_WHEEL: Final = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files in the .dist-info folder that the installer adds or rewrites."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the program to install comes from.

    Attributes:
        kind: "wheel" for a file, "checkout" for the sources, "installed" for the running package.
        path: Path of the wheel, the sources or the running package.
        version: Version of the program.
    """

    kind: Literal["wheel", "checkout", "installed"]
    path: Path
    version: str

    def __str__(self) -> str:
        """Return e.g. "0.1.0 from wheel /home/pi/pose_edge-0.1.0-py3-none-any.whl"."""
        kinds = {"wheel": "wheel", "checkout": "checkout", "installed": "this installation"}
        return f"{self.version} from {kinds[self.kind]} {self.path}"


def find_origin(wheel: str | None = None) -> Origin:
    """Return the origin to install from.

    Args:
        wheel: The wheel that the user named; None for the checkout or package that is running.

    Raises:
        UsageError: The file does not exist, or is not a wheel of this program.
        ServiceError: The running code is neither a checkout nor an installed wheel.
    """
    if wheel is not None:
        path = resolved(Path(wheel))
        name = WHEEL_NAME.fullmatch(path.name)
        if name is None or not zipfile.is_zipfile(path):
            raise UsageError(f"--wheel {wheel}: not a pose_edge-VERSION-py3-none-any.whl")
        return Origin("wheel", path, name[1])
    if all(is_file(PACKAGE.parent / name) for name in CHECKOUT_FILES):
        return Origin("checkout", PACKAGE.parent, __version__)
    _installed()
    return Origin("installed", PACKAGE, __version__)


def stage(origin: Origin, folder: Path) -> Path:
    """Return the path for pip to install: a wheel, or a copy of the sources.

    The sources are copied because pip leaves build files in them, and would install leftovers of
    earlier builds as part of the program.

    Args:
        origin: What to install.
        folder: An existing, empty folder for the copy or a rebuilt wheel.
    """
    if origin.kind == "wheel":
        return origin.path
    if origin.kind == "installed":
        return pack(_installed(), folder)
    for name in CHECKOUT_FILES:
        shutil.copy(origin.path / name, folder)
    shutil.copytree(
        origin.path / PACKAGE.name,
        folder / PACKAGE.name,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return folder


def pack(installed: Distribution, folder: Path) -> Path:
    """Rebuild the wheel that a pure Python package was installed from, and return its path.

    The original wheel may no longer exist. Format:
    packaging.python.org/specifications/binary-distribution-format
    """
    wheel = folder / f"pose_edge-{installed.version}-py3-none-any.whl"
    rows: list[tuple[str, str, str]] = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in installed.files or []:
            if file.parts[0] == ".." or file.suffix == ".pyc":
                continue  # the console script, and bytecode compiled by pip
            if file.parts[0].endswith(".dist-info"):
                metadata = file.parts[0]
                if file.name in NOT_IN_A_WHEEL:
                    continue
            content = file.read_binary()
            checksum = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            rows.append((file.as_posix(), f"sha256={checksum.decode()}", str(len(content))))
            archive.writestr(file.as_posix(), content)
        rows.append((f"{metadata}/RECORD", "", ""))
        record = io.StringIO(newline="")
        csv.writer(record, lineterminator="\n").writerows(rows)
        archive.writestr(f"{metadata}/RECORD", record.getvalue())
    return wheel


def _installed() -> Distribution:
    """Return the running package, or raise ServiceError if its files were not installed by pip."""
    try:
        found = distribution("pose-edge")
    except PackageNotFoundError:
        found = None
    if found is None or not any(file.parts[0] == PACKAGE.name for file in found.files or []):
        raise ServiceError(
            f"{PACKAGE} is neither a checkout nor an installed wheel",
            remedy="name a wheel to install with --wheel FILE",
        )
    return found
