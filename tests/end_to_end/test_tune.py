"""`pose-edge tune`, and `model.name: auto` in a run."""

from __future__ import annotations

import json

import pytest
from command import Command, Log, read_lines
from helpers import wait_until

from pose_edge.util import resources

LIGHT, HEAVY = "movenet-lightning-int8", "movenet-thunder-int8"


@pytest.fixture
def state(pose_edge: Command) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(pose_edge.folder / "state")}


def test_tune_shows_explains_and_writes(pose_edge: Command, state: dict[str, str]) -> None:
    config = pose_edge.folder / "config.yaml"
    before = resources.default_config().read_text(encoding="utf-8").replace(LIGHT, HEAVY)
    config.write_text(before, encoding="utf-8")
    done = pose_edge(
        *("tune", "--source", "demo", "--display", "none", "--config", config),
        *("--target-fps", "1000", "--write"),
        **state,
    )
    assert done.status == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.strip().startswith("movenet")]
    assert {row[0] for row in rows[:-1]} >= {LIGHT, HEAVY}
    chosen = done.stdout.split()[-1]
    assert f"{chosen}: no model holds 1e+03 fps with a margin here" in done.stdout
    assert config.read_text(encoding="utf-8").replace(chosen, HEAVY).split() == before.split()


def test_tune_refuses_before_it_measures(pose_edge: Command, state: dict[str, str]) -> None:
    done = pose_edge("tune", "--source", "demo", "--write", **state)
    assert (done.status, done.stdout) == (2, "")
    assert "there is no configuration of yours" in done.stderr
    config = pose_edge.folder / "config.yaml"
    config.write_text("model: &m\n  name: auto\n---\n", encoding="utf-8")
    done = pose_edge("tune", "--source", "demo", "--config", config, "--write", **state)
    assert (done.status, done.stdout) == (2, "")
    done = pose_edge("tune", "--source", str(resources.person_picture()), **state)
    assert done.status == 2
    assert "pictures have no rate" in done.stderr
    done = pose_edge("tune", "--target-fps", "0", **state)
    assert done.status == 2


def test_tune_that_is_ended_has_chosen_nothing(pose_edge: Command, state: dict[str, str]) -> None:
    process = pose_edge.start("tune", "--source", "demo", "--display", "none", "--json", **state)
    log = Log(process)
    log.wait_for("auto: measuring")
    assert log.end() == 1
    assert "nothing was chosen" in log.text


def test_auto_in_a_run(pose_edge: Command, state: dict[str, str]) -> None:
    process = pose_edge.start(
        *("run", "--model", "auto", "--source", "demo", "--set", "source.loop=true"),
        *("--display", "none", "--poses", "p.jsonl"),
        **state,
    )
    log = Log(process)
    log.wait_for("auto: measuring")
    kept = pose_edge.folder / "state" / "pose-edge" / "auto.json"
    wait_until(kept.exists, "the choice in the state folder")
    assert log.end() == 0
    answered = [line["model"] for line in read_lines(pose_edge.folder / "p.jsonl")]
    assert answered[0] == LIGHT
    assert {LIGHT, HEAVY} <= set(answered), "all candidates have answered"
    chosen = json.loads(kept.read_text())["model"]
    again = pose_edge(
        *("run", "--model", "auto", "--source", "demo", "--display", "none"),
        *("--poses", "q.jsonl", "--max-frames", "5"),
        **state,
    )
    assert again.status == 0
    assert {line["model"] for line in read_lines(pose_edge.folder / "q.jsonl")} == {chosen}
