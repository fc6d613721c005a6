"""Return settings with one choice changed: the next model, another camera, or any value."""

from __future__ import annotations

from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.errors import SourceError, UnavailableError, UsageError
from pose_edge.zoo.registry import Zoo


def with_next_model(settings: Settings) -> tuple[Settings, str]:
    """Return settings that name the next model of the list, and a notice for the user.

    Raises:
        PoseEdgeError: There is no other model, the list is damaged, or poses are replayed.
    """
    if settings.source.poses is not None:
        raise UnavailableError("recorded poses are played, so no model runs")
    zoo = Zoo()
    names = list(zoo.entries)
    present = zoo.aliases.get(settings.model.name, settings.model.name)
    name = names[(names.index(present) + 1) % len(names)] if present in names else names[0]
    if name == present:
        raise UnavailableError(f"there is no model besides {present}")
    model = settings.model.model_copy(update={"name": name})
    return settings.model_copy(update={"model": model}), f"model: {name}"


def with_camera(settings: Settings, number: int) -> tuple[Settings, str]:
    """Return settings with one of the connected cameras as the source, and a notice for the user.

    Args:
        settings: The settings in force.
        number: The camera, counted from 1: camera modules first, then USB cameras.

    Raises:
        SourceError: Fewer cameras are connected.
    """
    cameras = connected_cameras()
    if number > len(cameras):
        found = "1 is" if len(cameras) == 1 else f"{len(cameras) or 'none'} are"
        raise SourceError(f"there is no camera {number}: {found} connected")
    name, words = cameras[number - 1]
    source = settings.source.model_copy(update={"name": name, "poses": None})
    return settings.model_copy(update={"source": source}), f"camera {number}: {words}"


def connected_cameras() -> list[tuple[str, str]]:
    """Return the source (e.g. "picamera:0") and the device name of each connected camera."""
    from pose_edge.sources.cameras import find_cameras
    from pose_edge.sources.csi import find_picameras

    try:
        modules = find_picameras()
    except SourceError:  # no camera module can be used
        modules = {}
    return [
        *((f"picamera:{number}", model) for number, model in modules.items()),
        *((str(node.path), node.name) for node in find_cameras()),
    ]


def with_value(settings: Settings, key: str, value: object) -> Settings:
    """Return settings in which one of them has another value.

    Args:
        settings: The settings in force.
        key: The setting, e.g. "model.name".
        value: Its new value.

    Raises:
        UsageError: There is no such setting, or the value is invalid for it.
    """
    from pydantic import ValidationError

    section, _, name = key.partition(".")
    values: dict[str, dict[str, Any]] = settings.model_dump()
    if name not in values.get(section, {}):
        raise UsageError(f"there is no setting {key}")
    values[section][name] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{key}: {reason}") from None
