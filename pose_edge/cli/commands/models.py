"""The command `models`: list, info, fetch, verify."""

from __future__ import annotations

import logging
import shutil
import sys
from argparse import Namespace
from functools import partial
from typing import Final

from pose_edge import logs
from pose_edge.cli.settings import read_settings
from pose_edge.cli.terminal import NONE, print_json, print_table
from pose_edge.errors import ModelError, UsageError
from pose_edge.util.paths import exists
from pose_edge.util.urls import Redactor
from pose_edge.zoo.catalogue import Download
from pose_edge.zoo.registry import ManifestEntry, Zoo

log = logging.getLogger(__name__)

Model = ManifestEntry | Download
"""An entry of the manifest (models that ship) or of the catalogue (models to fetch)."""

TO_FETCH: Final = "can be fetched"
SEVERAL: Final = ("multipose", "posenet")
"""Words in the names of models that find several people."""

UNVERIFIABLE: Final = "no checksum is published, so it cannot be verified"

WIDE: Final = 110
"""Terminal width in columns from which the list of models includes the summaries."""


def command_models_list(options: Namespace) -> int:
    """Run ``pose-edge models list``: list the models that ship and those that can be fetched."""
    usual = read_settings(options).model.name
    zoo = Zoo()
    models: list[Model] = [*zoo.entries.values(), *zoo.downloads.values()]
    accuracy = zoo.accuracy()
    if options.json:
        found = [
            {
                **model.model_dump(),
                "state": _state(zoo, model),
                "default": model.name == usual,
                "people": _people(model),
                "ap": accuracy.get(model.name),
            }
            for model in models
        ]
        print_json(found)
        return 0
    rows = [
        (
            model.name,
            _people(model),
            *(_number(accuracy.get(model.name, {}).get(kind)) for kind in ("one", "several")),
            f"{model.size / 1e6:.1f} MB" if model.size else NONE,
            "default" if model.name == usual else _state(zoo, model).replace(TO_FETCH, "to fetch"),
            model.summary,
        )
        for model in models
    ]
    header = ("Model", "People", "AP one", "AP several", "Size", "State", "Summary")
    wide = not sys.stdout.isatty() or shutil.get_terminal_size().columns >= WIDE
    columns = len(header) if wide else len(header) - 1
    print_table(header[:columns], [row[:columns] for row in rows], sys.stdout)
    return 0


def command_models_info(options: Namespace) -> int:
    """Run ``pose-edge models info NAME``: describe a model."""
    usual = read_settings(options).model.name
    zoo = Zoo()
    model = zoo.downloads.get(options.name) or zoo.entry(options.name)
    if options.json:
        details = {**model.model_dump(), "file": str(zoo.path(model))}
        if isinstance(model, ManifestEntry):
            details |= {"input": str(model.input), "output": str(model.output)}
        print_json(details)
        return 0
    state = _state(zoo, model)
    if state == TO_FETCH:
        state = f"not here; `pose-edge models fetch {model.name}` gets it"
    elif model.name == usual:
        state += "; the default"
    accuracy = zoo.accuracy().get(model.name, {})
    measured = (f"{ap:.3f} on pictures with {_crowd(kind)}" for kind, ap in accuracy.items())
    lines = {
        "name": model.name,
        "summary": model.summary,
        "people": _people(model),
        "COCO AP": ", ".join(measured) or "not measured",
        "size": f"{model.size / 1e6:.1f} MB" if model.size else "unknown before it is fetched",
        "licence": model.licence,
        "state": state,
        "file": str(zoo.path(model)),
    }
    lines |= _describe_entry(model) if isinstance(model, ManifestEntry) else _describe(model)
    width = max(map(len, lines))
    print("\n".join(f"{key:<{width}}  {value}" for key, value in lines.items()))
    return 0


def command_models_fetch(options: Namespace) -> int:
    """Run ``pose-edge models fetch NAME``: download models, with a progress bar."""
    from pose_edge.cli.progress import show_progress
    from pose_edge.zoo.download import download

    zoo = Zoo()
    models = [zoo.downloads[name] for name in options.names if name in zoo.downloads]
    for name in options.names:
        if name not in zoo.downloads:
            log.info("%s ships with the program: nothing to fetch", zoo.entry(name).name)
    if models and not zoo.path(models[0]).is_absolute():
        raise UsageError(
            "there is no home folder to keep models in",
            remedy="set XDG_DATA_HOME to an absolute path, or HOME",
        )
    # The commit in an address of the list looks like a token, but is public.
    redactor = Redactor(public=[model.url for model in models])
    logs.start(options.log_level, options.log_format, redactor=redactor)
    with show_progress("byte") as show:
        for model in models:
            show(model.name, 0, model.size)
        for model in models:
            download(model, zoo.path(model), progress=partial(show, model.name))
    for model in models:
        if not model.verifiable:
            log.warning("%s: %s", model.name, UNVERIFIABLE)
        print(zoo.find(model.name).path)
    return 0


def command_models_verify(options: Namespace) -> int:
    """Run ``pose-edge models verify``: verify the named models, or all that are present."""
    zoo = Zoo()
    worst = 0
    for name in options.names or [*zoo.entries, *zoo.fetched()]:
        try:
            zoo.find(name)
        except ModelError as error:
            print(f"{name}: {error}")
            worst = error.exit_status
        else:
            download = zoo.downloads.get(name)
            if download is None or download.verifiable:
                print(f"{name}: OK")
            else:
                print(f"{name}: here, but {UNVERIFIABLE}")
                worst = worst or 1
    return worst


def _describe_entry(model: ManifestEntry) -> dict[str, str]:
    """Return the facts that only a model that ships has, by title."""
    sizes = model.sizes or (model.input.shape[1:3],)
    lines = {
        "input": f"{', '.join(f'{width}x{height}' for height, width in sizes)} pixels, "
        f"{model.input.dtype}",
        "output": str(model.output),
        "made from": model.origin,
        "SHA-256": model.sha256,
    }
    if model.calibration:
        lines["calibrated"] = f"with {len(model.calibration)} pictures (--json names them)"
    return lines


def _describe(model: Download) -> dict[str, str]:
    """Return the facts that only a model to fetch has, by title."""
    lines = {"address": model.url}
    if model.cpu_twin:
        lines["on the CPU"] = model.cpu_twin
    if model.sha256:
        lines["SHA-256"] = model.sha256
    elif model.git_blob:
        lines["Git blob"] = model.git_blob
    else:
        lines["checksum"] = UNVERIFIABLE
    return lines


def _state(zoo: Zoo, model: Model) -> str:
    if isinstance(model, ManifestEntry):
        return "here"
    return "fetched" if exists(zoo.path(model)) else TO_FETCH


def _people(model: Model) -> str:
    """Return how many people a model finds: "one" or "several"."""
    return "several" if any(family in model.name for family in SEVERAL) else "one"


def _crowd(kind: str) -> str:
    return "one person" if kind == "one" else "several people"


def _number(ap: float | None) -> str:
    return NONE if ap is None else f"{ap:.3f}"
