"""Check Python and the installed packages against the requirements of the program."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pose_edge import __version__
from pose_edge.doctor.context import DoctorContext, installed_version
from pose_edge.doctor.report import Finding, Verdict
from pose_edge.util.paths import is_dir
from pose_edge.util.text import one_line

PACKAGE: Final = "pose-edge"

ALTERNATIVES: Final = {
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv"),
    "ai-edge-litert": ("tflite-runtime",),
}
"""Packages that can replace a required one: other OpenCV packages, and the older runtime."""

COMPILED: Final = ("numpy", "cv2", "av")
"""Compiled modules; their import fails if they do not fit Python, numpy or the C library."""

SYSTEM_PACKAGES: Final = Path("/usr/lib/python3/dist-packages")
"""Folder into which apt installs Python packages."""
SYSTEMS_OWN: Final = " (the system's own)"


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine the interpreter and the packages, and import the compiled modules."""
    del context
    yield _interpreter()
    yield from _packages(_requirements())
    yield from imports(COMPILED)
    yield from _opencvs()
    if _sees_system_packages():
        yield from system_numpy(SYSTEM_PACKAGES, installed_version("numpy"))


def check(requirement: Requirement) -> tuple[str, str]:
    """Compare the installed package with a requirement.

    Returns:
        The installed package, e.g. "numpy 2.1.3", and what is wrong with it; either may be "".
    """
    name, version = requirement.name, installed_version(requirement.name)
    for other in ALTERNATIVES.get(name, ()) if version is None else ():
        stand_in = installed_version(other)
        if stand_in is not None:
            return f"{other} {stand_in} (for {name})", ""
    if version is None:
        return "", f"{name} is not installed"
    try:
        fits = requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        fits = True  # a version that does not follow PEP 440 cannot be compared
    wanted = f"{name} {version}: needs {requirement.specifier}"
    return f"{name} {version}", "" if fits else wanted


def system_numpy(folder: Path, used: str | None) -> Iterator[Finding]:
    """Compare the numpy in use with the one that the system's packages are built for.

    Args:
        folder: Folder of the system's packages.
        used: Version of the numpy in use; None if there is none.

    Yields:
        At most one finding.
    """
    pattern = re.compile(r"numpy-(\d[^-]*)\.(?:dist|egg)-info")
    matches = (pattern.fullmatch(path.name) for path in sorted(folder.glob("numpy-*-info")))
    theirs = next((match[1] for match in matches if match), None)
    if theirs is None or used is None:
        return
    text = f"{used}; the system's packages are built for {theirs}"
    if used.split(".")[0] == theirs.split(".")[0]:
        yield Finding("numpy", "ok", text)
        return
    text += ": picamera2 and the system's OpenCV break"
    major = int(theirs.split(".")[0])
    remedy = f"`{sys.executable} -m pip install 'numpy>={major},<{major + 1}'`"
    verdict: Verdict = "fault" if is_dir(folder / "picamera2") else "warning"
    yield Finding("numpy", verdict, text, remedy)


def _interpreter() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix:
        return Finding("python", "ok", f"{version}, of the system")
    seen = "sees" if _sees_system_packages() else "does not see"
    text = f"{version}, environment {sys.prefix}, which {seen} the system's packages"
    return Finding("python", "ok", text)


def _sees_system_packages() -> bool:
    return str(SYSTEM_PACKAGES) in sys.path


def _requirements() -> list[Requirement]:
    """Return the requirements of this program for this Python, without extras."""
    found = []
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from a checkout without installation
        return []
    for line in lines:
        with suppress(InvalidRequirement):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                found.append(requirement)
    return found


def _packages(requirements: Sequence[Requirement]) -> Iterator[Finding]:
    checked = [(requirement, *check(requirement)) for requirement in requirements]
    own = f"{PACKAGE} {__version__}"
    yield Finding("packages", "ok", ", ".join([own, *(one for _, one, _ in checked if one)]))
    for requirement, _, fault in checked:
        if fault:
            wanted = f"{requirement.name}{requirement.specifier}"
            command = f"`{sys.executable} -m pip install '{wanted}'`"
            yield Finding("packages", "fault", fault, command)


def imports(modules: Sequence[str]) -> Iterator[Finding]:
    """Import compiled modules, which shows whether they are compatible."""
    loaded = []
    for name in modules:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - compiled modules may raise anything
            text = one_line(f"cannot be imported: {type(error).__name__}: {error}")
            remedy = "it was built for another numpy or Python: install the packages again"
            yield Finding(name, "fault", text, remedy)
            continue
        own = Path(getattr(module, "__file__", None) or "").is_relative_to(SYSTEM_PACKAGES)
        version = getattr(module, "__version__", "(unknown version)")
        loaded.append(f"{name} {version}{SYSTEMS_OWN if own else ''}")
    if loaded:
        yield Finding("imports", "ok", ", ".join(loaded))


def _opencvs() -> Iterator[Finding]:
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
    installed = [name for name in names if installed_version(name) is not None]
    if len(installed) > 1:
        text = f"{' and '.join(installed)} overwrite each other's files"
        command = f"`{sys.executable} -m pip uninstall {' '.join(installed)}`"
        remedy = f"{command}, then install opencv-python-headless alone"
        yield Finding("cv2", "warning", text, remedy)
