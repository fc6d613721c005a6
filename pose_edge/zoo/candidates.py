"""The models that `model.name: auto` chooses from."""

from __future__ import annotations

from typing import Final, Literal

from pose_edge.zoo.registry import LIGHTEST, Zoo

NAMES: Final = (LIGHTEST, "movenet-thunder-balanced-int8", "movenet-thunder-int8")
"""FP16 models take longer, and are no more accurate."""


def candidates(zoo: Zoo, people: Literal["one", "several"] = "one") -> dict[str, float]:
    """Return the models to choose from with their measured accuracy, the least accurate first.

    Args:
        zoo: The models that ship; one that is not among them, or not measured, is no candidate.
        people: Whether the accuracy counts on pictures of several people, where all were measured
            on those.

    Raises:
        ModelError: The list of accuracies is damaged.
    """
    measured = zoo.accuracy()
    names = [name for name in NAMES if name in zoo.entries and "one" in measured.get(name, {})]
    kind = people if all(people in measured[name] for name in names) else "one"
    found = sorted((measured[name][kind], name) for name in names)
    return {name: accuracy for accuracy, name in found} or {LIGHTEST: 0.0}


def most_accurate(zoo: Zoo) -> str:
    """Return the most accurate candidate, where time does not count."""
    return list(candidates(zoo))[-1]
