from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from helpers import wait_until
from process_tree import processes

from pose_edge.errors import PoseEdgeError
from pose_edge.offline.bench.against import AgainstReport, bench_against, run_program
from pose_edge.offline.bench.control import BenchControl

OURS = [sys.executable, "-c", "pass"]


def go(
    theirs: str,
    rounds: int = 1,
    *,
    ours: list[str] | None = None,
    source: str = "v.mp4",
    stop: threading.Event | None = None,
) -> AgainstReport:
    return bench_against(
        ours or OURS,
        theirs,
        source,
        rounds,
        shown="ours",
        control=BenchControl(stop or threading.Event()),
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_both_run_in_turns_and_who_is_first_changes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ours = ["/bin/sh", "-c", f"echo ours >> {log}"]
    report = go(f"echo theirs >> {log}", 2, ours=ours)
    assert log.read_text().split() == ["ours", "theirs", "theirs", "ours"]
    assert (len(report.ours), len(report.theirs)) == (2, 2)
    assert report.complete


def test_the_command_gets_the_path_whatever_is_in_it(tmp_path: Path) -> None:
    source = tmp_path / "it's a video $HOME.mp4"
    source.write_bytes(b"x" * 5)
    report = go(f"cp {{source}} {tmp_path}/copy", source=str(source))
    assert (tmp_path / "copy").read_bytes() == b"x" * 5
    assert str(tmp_path) in report.their_command


def test_time_of_children_and_memory_are_counted() -> None:
    work = "import time\nwhile time.process_time() < 0.2: pass"
    run = run_program(["/bin/sh", "-c", f'{sys.executable} -c "{work}"; true'], "it", event())
    assert run is not None
    assert run.cost.cpu_s >= 0.2
    assert run.cost.wall_s >= 0.2
    large = run_program(python("bytearray(60_000_000)"), "it", event())
    small = run_program(["/bin/true"], "it", event())
    assert large is not None
    assert small is not None
    assert large.peak_mb > 60
    assert small.peak_mb < 40, "not that of the process which has started it"


def event() -> threading.Event:
    return threading.Event()


def test_the_ratio_is_how_much_more_the_other_takes() -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass"
    report = go(f'{sys.executable} -c "{work}"', ours=["/bin/true"])
    assert report.cpu_ratio.median > 1
    assert report.cpu_ratio.median == pytest.approx(
        report.theirs[0].cost.cpu_s / report.ours[0].cost.cpu_s
    )
    assert report.wall_ratio.low == report.wall_ratio.high == report.wall_ratio.median


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exit 3", r"ended with status 3 \(no message\)"),
        ("echo first >&2; echo '  last  word ' >&2; exit 1", r"status 1 \(last word\)"),
        ("kill -SEGV $$", "ended by SIGSEGV"),
        ("no-such-program-here", "status 127"),
    ],
)
def test_a_command_that_fails_is_an_error_in_one_line(command: str, says: str) -> None:
    with pytest.raises(PoseEdgeError, match=says) as error:
        go(command)
    assert str(error.value).startswith("the command of --against: ")
    assert "\n" not in str(error.value)


def test_this_program_may_fail_too() -> None:
    with pytest.raises(PoseEdgeError, match="this program: its process ended with status 2"):
        go("true", ours=python("raise SystemExit(2)"))


def test_a_program_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    stop = threading.Event()

    def stop_it() -> None:
        wait_until(mark.exists)
        stop.set()

    thread = threading.Thread(target=stop_it)
    thread.start()
    code = f"import time; open({str(mark)!r}, 'w').close(); time.sleep(1000)"
    command = ["/bin/sh", "-c", f'{sys.executable} -c "{code}"; true']
    assert run_program(command, "it", stop) is None
    thread.join()

    def left() -> list[int]:
        found = []
        for process in processes():
            try:
                line = Path("/proc", str(process.number), "cmdline").read_bytes()
            except OSError:
                continue
            if str(mark).encode() in line:
                found.append(process.number)
        return found

    wait_until(lambda: not left(), "the end of its processes")


def test_a_program_may_end_in_order(tmp_path: Path) -> None:
    mark, done = tmp_path / "started", tmp_path / "done"
    stop = threading.Event()

    def stop_it() -> None:
        wait_until(mark.exists)
        stop.set()

    thread = threading.Thread(target=stop_it)
    thread.start()
    # The shell runs its trap once the sleep, which gets the signal too, has ended.
    script = f"trap 'touch {done}; exit 0' TERM; touch {mark}; sleep 1000"
    assert run_program(["/bin/sh", "-c", script], "it", stop) is None
    assert done.exists(), "it was waited for"
    thread.join()


def test_an_early_end_leaves_whole_pairs() -> None:
    stop = threading.Event()
    report = bench_against(
        OURS,
        "true",
        "v.mp4",
        3,
        shown="ours",
        control=BenchControl(stop, lambda done, _total: stop.set() if done == 3 else None),
    )
    assert (len(report.ours), len(report.theirs)) == (1, 1)
    assert not report.complete
    with pytest.raises(PoseEdgeError, match="nothing was measured"):
        go("true", stop=stop)
