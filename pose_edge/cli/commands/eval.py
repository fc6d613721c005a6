"""The command `eval`."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from pose_edge.cli.progress import show_progress
from pose_edge.cli.settings import read_settings
from pose_edge.cli.terminal import print_json, print_table
from pose_edge.offline.answers import Answers
from pose_edge.offline.bench.system import machine
from pose_edge.offline.coco import load_truth
from pose_edge.offline.evaluate import evaluate


def command_eval(options: Namespace) -> int:
    """Run ``pose-edge eval``: measure the accuracy of models as COCO does."""
    settings = read_settings(options)
    truth = load_truth(Path(options.annotations))
    answers = Answers(Path(options.resume) if options.resume else None)
    with closing(answers), show_progress("picture") as progress:
        found = list(
            evaluate(
                truth,
                Path(options.images),
                options.models or [settings.model.name],
                options.crop or ["frame"],
                settings,
                answers=answers,
                progress=progress,
            )
        )
    if options.json:
        people = settings.model.people
        figures = {"machine": machine(), "annotations": options.annotations, "people": people}
        print_json({**figures, "models": [asdict(one) for one in found]})
        return 0
    print(f"{machine()}; {options.annotations}; people: {settings.model.people}")
    rows = [
        (
            *(one.model, one.mode, str(one.pictures)),
            *(f"{value:.3f}" for value in (one.ap, one.ap50, one.ap75, one.ar)),
            f"{one.inference_ms:.1f}",
        )
        for one in found
    ]
    header = ("Model", "Crop", "Pictures", "AP", "AP50", "AP75", "AR", "Inference ms")
    print_table(header, rows, sys.stdout)
    return 0
