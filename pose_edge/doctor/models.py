"""The models: are their files whole, and is the one that is set among them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding
from pose_edge.doctor.machine import size
from pose_edge.errors import ModelError
from pose_edge.zoo.registry import Zoo

SECTION: Final = "Models"

_finding = partial(Finding, SECTION)


def examine(context: DoctorContext, zoo: Zoo | None = None) -> Iterator[Finding]:
    """Verify every model that ships or was fetched, and look for the one that is set."""
    zoo = zoo or Zoo()
    fetched = [name for name, one in zoo.downloads.items() if zoo.fetched_path(one).exists()]
    yield from _verify(zoo, "shipped", list(zoo.entries))
    if fetched:
        yield from _verify(zoo, "fetched", fetched)
    else:
        yield _finding("fetched", "ok", "none (`pose-edge models list` lists what can be had)")
    name = context.settings.model.name
    known = zoo.twins.get(name, name)
    try:
        model = zoo.find(known)
    except ModelError as error:
        text, _, remedy = str(error).partition("; ")
        yield _finding("model", "fault", text, remedy or "`pose-edge models list`")
        return
    kind = "" if model.entry else ", your own" if model.path.suffix else ""
    twin = f" (of the Edge TPU's {name})" if known != name else ""
    yield _finding("model", "ok", f"{model.name}{twin}{kind}, {size(model.path.stat().st_size)}")


def _verify(zoo: Zoo, subject: str, names: list[str]) -> Iterator[Finding]:
    whole = []
    for name in names:
        try:
            whole.append(zoo.find(name))
        except ModelError as error:
            text, _, remedy = str(error).partition("; ")
            yield _finding(subject, "fault", text, remedy or "install again")
    if whole:
        total = size(sum(model.path.stat().st_size for model in whole))
        listed = ", ".join(model.name for model in whole)
        yield _finding(subject, "ok", f"{len(whole)}, whole, {total}: {listed}")
