"""Check whether the model files are intact and the configured model is among them."""

from __future__ import annotations

from collections.abc import Iterator

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.machine import size
from pose_edge.doctor.report import Finding, explain
from pose_edge.errors import ModelError
from pose_edge.zoo.registry import Zoo


def examine(context: DoctorContext, zoo: Zoo | None = None) -> Iterator[Finding]:
    """Verify every model that ships or was fetched, and find the configured model."""
    zoo = zoo or Zoo()
    yield from _verify(zoo, "shipped", list(zoo.entries))
    if fetched := zoo.fetched():
        yield from _verify(zoo, "fetched", fetched)
    else:
        yield Finding("fetched", "ok", "none (`pose-edge models list` lists what can be fetched)")
    name = context.settings.model.name
    known = zoo.twins.get(name, name)
    try:
        model = zoo.find(known)
    except ModelError as error:
        yield Finding("model", "fault", *explain(error, "`pose-edge models list`"))
        return
    own = ", your own" if not model.entry and model.path.suffix else ""
    twin = f" (the CPU's version of {name})" if known != name else ""
    yield Finding("model", "ok", f"{model.name}{twin}{own}, {size(model.path.stat().st_size)}")


def _verify(zoo: Zoo, subject: str, names: list[str]) -> Iterator[Finding]:
    intact = []
    for name in names:
        try:
            model = zoo.find(name)
        except ModelError as error:
            yield Finding(subject, "fault", *explain(error, "install again"))
            continue
        download = zoo.downloads.get(name)
        if download is None or download.verifiable:
            intact.append(model)
        else:
            yield Finding(subject, "ok", f"{name}: here; no checksum is published to verify it")
    if intact:
        files = {model.path for model in intact}  # two models may share a file
        total = size(sum(path.stat().st_size for path in files))
        listed = ", ".join(model.name for model in intact)
        yield Finding(subject, "ok", f"{len(intact)}, intact, {total}: {listed}")
