"""Tests of the doctor's runner: sections in processes of their own, with time limits."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from doctor_contexts import MadeUp
from helpers import wait_until

from pose_edge.config.schema import Settings
from pose_edge.doctor import DoctorContext, run_doctor
from pose_edge.doctor.isolated import examine_all, guarded
from pose_edge.doctor.report import Finding
from pose_edge.doctor.sections import SECTIONS, ReportSection, in_module
from pose_edge.errors import ModelError

# Python warns when a process with several threads forks. The doctor's process has only one thread;
# the tests' process also has threads of numpy and others.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

FIRST = Finding("first", "ok", "fine")
CONTEXT = DoctorContext(Settings(), Path("config.yaml"))


def section(
    name: str, examine: Callable[[], Iterable[Finding]], limit_s: float = 30.0
) -> ReportSection:
    return ReportSection(name, lambda _context: examine(), limit_s, "pull it out")


def one(examine: Callable[[], Iterable[Finding]], limit_s: float = 30.0) -> list[Finding]:
    sections = [section("Cameras", examine, limit_s)]
    return examine_all(sections, CONTEXT, until=time.monotonic() + 60)["Cameras"]


def test_findings_come_back_as_they_are() -> None:
    told = [FIRST, Finding("ä\n\0", "fault", "x" * 300_000, "\ud800")]
    assert one(lambda: told) == told
    assert one(list) == []


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (ModelError("model list x cannot be read:\ninstall again"), "model list x cannot be", ""),
        (ZeroDivisionError("oh"), "ended by ZeroDivisionError: oh", "please report this"),
    ],
)
def test_a_section_that_fails_is_a_finding_after_what_it_found(
    error: Exception, text: str, remedy: str
) -> None:
    def examine() -> Iterator[Finding]:
        yield FIRST
        raise error

    first, second = guarded(section("Cameras", examine), CONTEXT)
    assert first == FIRST
    assert (second.subject, second.verdict) == ("examination", "fault")
    assert second.text.startswith(text)
    assert "\n" not in second.text
    assert second.remedy == remedy
    assert one(examine) == [first, second]


def test_a_section_that_hangs_is_given_up_with_all_that_it_has_started(tmp_path: Path) -> None:
    def examine() -> Iterator[Finding]:
        yield FIRST
        if os.fork() == 0:
            time.sleep(3600)
        (tmp_path / "pids").write_text(f"{os.getpid()} {os.getpgid(0)}")
        time.sleep(3600)

    began = time.monotonic()
    first, second = one(examine, limit_s=3.0)
    assert time.monotonic() - began < 30
    assert first == FIRST
    assert second.verdict == "fault"
    assert second.text == "no answer within 3 s"
    assert second.remedy == "pull it out"
    group = int((tmp_path / "pids").read_text().split()[1])
    wait_until(lambda: not alive(group), "the end of the process and its child")


def alive(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            return True
    return False


def test_a_section_that_stops_every_thread_of_python_hangs_nothing_else() -> None:
    def examine() -> Iterator[Finding]:
        yield FIRST
        ctypes.PyDLL(None).sleep(3600)  # without releasing the GIL

    assert one(examine, limit_s=2.0)[1].text == "no answer within 2 s"


def test_a_crash_is_told_with_the_last_words() -> None:
    def examine() -> Iterator[Finding]:
        yield FIRST
        os.write(2, b"libfoo: cannot go on\n")
        os.kill(os.getpid(), signal.SIGKILL)

    first, second = one(examine)
    assert first == FIRST
    assert second.text == "its process was ended by SIGKILL (libfoo: cannot go on)"


def test_a_section_that_exits_is_told() -> None:
    def examine() -> Iterator[Finding]:
        yield FIRST
        os._exit(7)

    assert one(examine)[1].text == "its process ended with status 7"


def test_what_libraries_print_does_not_come_between(capfd: pytest.CaptureFixture[str]) -> None:
    def examine() -> Iterator[Finding]:
        os.write(1, b"noise")
        os.write(2, b"noise")
        yield FIRST

    assert one(examine) == [FIRST]
    assert "noise" not in "".join(capfd.readouterr())


def test_one_that_hangs_holds_up_no_other_and_all_have_an_end(tmp_path: Path) -> None:
    def hang() -> Iterator[Finding]:
        time.sleep(3600)
        yield FIRST

    sections = [section(f"hang {number}", hang) for number in range(3)]
    sections += [section(f"quick {number}", lambda: [FIRST]) for number in range(3)]
    shown: list[list[str]] = []
    began = time.monotonic()
    found = examine_all(sections, CONTEXT, until=began + 4, at_once=2, progress=shown.append)
    assert time.monotonic() - began < 30
    assert found.keys() == {each.name for each in sections}
    assert found["hang 0"][0].text.startswith("no answer within")
    assert found["hang 2"][0].verdict == "skipped"
    assert max(map(len, shown)) == 2
    assert shown[-1] == []
    found = examine_all(sections[2:], CONTEXT, until=time.monotonic() + 3, at_once=2)
    assert [found[f"quick {number}"] for number in range(3)] == [[FIRST]] * 3


def test_nothing_is_left_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        one(lambda: [FIRST])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_order_is_that_of_the_sections_whatever_is_looked_at_first(
    made_up: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    sections = (
        ReportSection("Disk", in_module("disk")),
        ReportSection("Service", in_module("service"), alone=True),
        ReportSection("Clock", in_module("clock"), early=True),
        ReportSection("Heat and power", in_module("heat")),
    )
    report = run_doctor(made_up.context(), sections=sections)
    assert list(report) == ["Disk", "Service", "Clock", "Heat and power"]
    found = [finding for findings in report.values() for finding in findings]
    assert not [finding for finding in found if finding.subject == "examination"]


def test_no_section_takes_longer_than_all_may() -> None:
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)
    assert all(section.limit_s <= 15 for section in SECTIONS if not section.alone)


def test_the_doctor_itself_loads_nothing_that_could_be_broken() -> None:
    code = (
        "import sys, pose_edge.cli.dispatch, pose_edge.cli.commands.doctor, threading\n"
        "loaded = {'numpy', 'cv2', 'av', 'sdl2', 'picamera2'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
