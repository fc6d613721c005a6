"""Settings with another choice: the next model, one of the cameras, any value."""

from __future__ import annotations

from typing import Any

from pose_edge.config.schema import Settings
from pose_edge.errors import SourceError, UnavailableError, UsageError
from pose_edge.zoo.registry import Zoo


def with_next_model(settings: Settings) -> tuple[Settings, str]:
    """Return settings with the model after the present one, and words about it.

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
    """Return settings with one of the connected cameras as the source, and words about it.

    Args:
        settings: The settings in force.
        number: From 1: camera modules first, then USB cameras, each by their number.

    Raises:
        SourceError: There are not so many cameras.
    """
    cameras = connected_cameras()
    if number > len(cameras):
        found = "1 is" if len(cameras) == 1 else f"{len(cameras) or 'none'} are"
        raise SourceError(f"there is no camera {number}: {found} connected")
    name, words = cameras[number - 1]
    source = settings.source.model_copy(update={"name": name, "poses": None})
    return settings.model_copy(update={"source": source}), f"camera {number}: {words}"


def connected_cameras() -> list[tuple[str, str]]:
    """Return the source and the name of each camera that is connected."""
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
    """Return settings with another value of one of them.

    Args:
        settings: The settings in force.
        key: The setting, e.g. "model.name".
        value: Its new value.

    Raises:
        UsageError: There is no such setting, or the value is not one for it.
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
