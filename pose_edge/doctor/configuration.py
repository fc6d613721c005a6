"""Check the configuration: the file that is read, its faults, and the changed settings."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from pose_edge.config.load import ENVIRONMENT_PREFIX
from pose_edge.config.schema import TESTING, Settings
from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.report import Finding
from pose_edge.util import resources
from pose_edge.util.paths import resolved
from pose_edge.util.urls import Redactor, redact


def examine(context: DoctorContext) -> Iterator[Finding]:
    """Examine the configuration file, the environment variables and the settings."""
    ships = resolved(context.file) == resolved(resources.default_config())
    yield Finding("file", "ok", f"{context.file}{' (the one that ships)' if ships else ''}")
    clean = Redactor([context.settings.source.name])
    for fault in context.faults:
        remedy = "correct it (the default settings are used below)"
        yield Finding("fault", "fault", clean(fault), remedy)
    variables = [name for name in context.environment if name.startswith(ENVIRONMENT_PREFIX)]
    if variables:
        names = ", ".join(sorted(variables))
        yield Finding("environment", "ok", f"overrides the file: {names}")
    changed = changes(context.settings)
    text = ", ".join(f"{key} = {clean(str(value))}" for key, value in changed.items())
    yield Finding("settings", "ok", text or "all at their defaults")
    yield from _secret(context)


def changes(settings: Settings) -> dict[str, object]:
    """Return the settings that differ from their defaults, by dotted key."""
    default = Settings()
    return {
        f"{name}.{key}": value
        for name, section in settings
        for key, value in section
        if name != TESTING and value != getattr(getattr(default, name), key)
    }


def _secret(context: DoctorContext) -> Iterator[Finding]:
    """Warn if every user can read the source's password or token in the file."""
    address = context.settings.source.name
    try:
        text = context.file.read_text(encoding="utf-8", errors="replace")
        mode = context.file.stat().st_mode
    except OSError:
        return
    if redact(address) != address and address in text and mode & stat.S_IROTH:
        text = f"every user here can read the camera's password or token in {context.file}"
        remedy = f"`sudo chmod o-r {context.file}`; the service reads the file as its group"
        yield Finding("password", "warning", text, remedy)
