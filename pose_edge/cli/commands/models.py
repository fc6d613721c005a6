"""The command `models`: list, info, fetch, verify."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from functools import partial
from typing import Final

from pose_edge.cli.terminal import print_json, print_table, progress_bars
from pose_edge.errors import ModelError, UsageError
from pose_edge.util.paths import exists
from pose_edge.zoo.registry import ManifestEntry, Zoo

log = logging.getLogger(__name__)

UNVERIFIABLE: Final = "no checksum is published for it, so nobody can tell whether it is intact"


def command_models_list(options: Namespace) -> int:
    """``pose-edge models list``: the models that ship and those that can be fetched."""
    zoo = Zoo()
    listed = [(entry, "here") for entry in zoo.entries.values()] + [
        (download, "fetched" if exists(zoo.path(download)) else "can be fetched")
        for download in zoo.downloads.values()
    ]
    accuracy = zoo.accuracy()
    if options.json:
        found = [
            {**entry.model_dump(), "state": state, "ap": accuracy.get(entry.name)}
            for entry, state in listed
        ]
        print_json(found)
        return 0
    rows = [
        (
            entry.name,
            state,
            f"{entry.size / 1e6:.1f} MB" if entry.size else "-",
            ", ".join(f"{ap:.3f} {kind}" for kind, ap in accuracy.get(entry.name, {}).items())
            or "-",
            entry.licence,
            entry.summary,
        )
        for entry, state in listed
    ]
    print_table(("Model", "State", "Size", "COCO AP, people", "Licence", ""), rows, sys.stdout)
    return 0


def command_models_info(options: Namespace) -> int:
    """``pose-edge models info NAME``."""
    zoo = Zoo()
    model = zoo.downloads.get(options.name) or zoo.entry(options.name)
    details = {**model.model_dump(), "file": str(zoo.path(model))}
    if isinstance(model, ManifestEntry):
        details |= {"input": str(model.input), "output": str(model.output)}
    if options.json:
        print_json(details)
    else:
        width = max(map(len, details))
        print("\n".join(f"{key:<{width}}  {value}" for key, value in details.items()))
    return 0


def command_models_fetch(options: Namespace) -> int:
    """``pose-edge models fetch NAME``: download models, with a progress bar."""
    from rich.progress import DownloadColumn

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
    with progress_bars(DownloadColumn()) as show:
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
    """``pose-edge models verify``: the named models, or all whose files are present."""
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
