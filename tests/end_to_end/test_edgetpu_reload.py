"""The Edge TPU is turned on and off while `pose-edge run` goes on."""

from __future__ import annotations

import signal
from pathlib import Path

from coral_rig import CoralRig, Run
from pose_truth import check


def reload(run: Run, config: Path, text: str) -> None:
    """Write a configuration, and wait until the run has read it."""
    config.write_text(text, encoding="utf-8")
    run.process.send_signal(signal.SIGHUP)
    run.wait_for_log("configuration ")


def test_it_is_turned_on_and_off_without_a_gap(coral: CoralRig) -> None:
    config = coral.folder / "config.yaml"
    config.write_text("edgetpu: off\n", encoding="utf-8")
    run = coral.start(None, "--config", str(config))
    run.wait_for("cpu", 5)
    reload(run, config, "edgetpu: on\n")
    run.wait_for("edgetpu", 5)
    # The present model holds the device; the new model takes it over.
    reload(run, config, "edgetpu: on\nmodel:\n  min_pose_score: 0.21\n")
    run.look_from_now_on()
    run.wait_for("edgetpu", 5)
    reload(run, config, "edgetpu: off\nmodel:\n  min_pose_score: 0.21\n")
    run.wait_until(lambda: not run.children(), "the end of the child process")
    run.look_from_now_on()
    run.wait_for("cpu", 5)
    done = run.stop()
    assert done.status == 0, done.stderr
    assert "not taken" not in done.stderr
    numbers = [line.seq for line in run.lines]
    assert numbers == list(range(len(numbers))), "no frame is lost or answered twice"


def test_on_without_a_coral_is_refused_and_the_cpu_goes_on(coral: CoralRig) -> None:
    coral.unplug()
    config = coral.folder / "config.yaml"
    config.write_text("edgetpu: off\n", encoding="utf-8")
    run = coral.start(None, "--config", str(config))
    run.wait_for("cpu", 5)
    config.write_text("edgetpu: on\n", encoding="utf-8")
    run.process.send_signal(signal.SIGHUP)
    run.wait_for_log("configuration not taken: ", "Edge TPU")
    run.look_from_now_on()
    run.wait_for("cpu", 5)
    assert run.stop().status == 0
    check(run.lines, coral.truth)
