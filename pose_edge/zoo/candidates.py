"""The models that `model.name: auto` chooses from."""

from __future__ import annotations

from typing import Final, Literal

from pose_edge.zoo.registry import LIGHTEST, Zoo

NAMES: Final = (LIGHTEST, "movenet-thunder-balanced-int8", "movenet-thunder-int8")
"""The models considered. FP16 models are left out: they are slower and no more accurate."""


def candidates(zoo: Zoo, people: Literal["one", "several"] = "one") -> dict[str, float]:
    """Return the models to choose from with their measured accuracy, the least accurate first.

    Args:
        zoo: The known models; a model without a manifest entry or a measurement is no candidate.
        people: Kind of pictures on which the accuracy was measured. "several" is only used if all
            candidates were measured on pictures of several people.

    Returns:
        Accuracy (COCO AP, 0...1) by name; if nothing was measured, 0 for the lightest model.

    Raises:
        ModelError: The list of accuracies is damaged.
    """
    measured = zoo.accuracy()
    names = [name for name in NAMES if name in zoo.entries and "one" in measured.get(name, {})]
    kind = people if all(people in measured[name] for name in names) else "one"
    found = sorted((measured[name][kind], name) for name in names)
    return {name: accuracy for accuracy, name in found} or {LIGHTEST: 0.0}


def most_accurate(zoo: Zoo) -> str:
    """Return the name of the most accurate candidate, for use when speed does not matter."""
    return list(candidates(zoo))[-1]
