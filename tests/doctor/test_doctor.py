from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_sysfs import dev_of, make_sysfs, sysfs_of

import pose_edge.doctor
from pose_edge.doctor import Finding, run_doctor
from pose_edge.errors import ModelError
from pose_edge.runtimes.edgetpu.trial import Trial
from pose_edge.settings import Settings


def never() -> Trial:
    raise AssertionError("nothing to try")


def test_every_finding_belongs_to_a_section(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = make_sysfs(tmp_path_factory.mktemp("machine"))
    testing = {"sysfs": str(sysfs_of(root)), "dev": str(dev_of(root))}
    findings = run_doctor(Settings.model_validate({"testing": testing}), never)
    assert {finding.section for finding in findings} == {"Edge TPU"}


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (ModelError("model list x cannot be read:\ninstall again"), "model list x cannot be", ""),
        (ZeroDivisionError("oh"), "ended by ZeroDivisionError: oh", "please report this"),
    ],
)
def test_a_section_that_fails_is_a_finding_among_others(
    monkeypatch: pytest.MonkeyPatch, error: Exception, text: str, remedy: str
) -> None:
    def examine(*_args: Any) -> Iterator[Finding]:  # noqa: ANN401
        yield Finding("Edge TPU", "setting", "ok", "auto")
        raise error

    monkeypatch.setattr(pose_edge.doctor, "examine_edge_tpu", examine)
    first, second = run_doctor(Settings(), never)
    assert first.verdict == "ok"
    assert second.section == "Edge TPU"
    assert second.verdict == "fault"
    assert second.text.startswith(text)
    assert "\n" not in second.text
    assert second.remedy == remedy
