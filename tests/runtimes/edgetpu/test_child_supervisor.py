"""The supervisor with fake children in all conditions, without processes or devices."""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import numpy as np
import pytest
from helpers import GENEROUS_S, no_threads_left, wait_until
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pose_edge.runtimes import AnyArray
from pose_edge.runtimes.child import Child
from pose_edge.runtimes.child_fault import ChildDied, ChildFault, ChildLate
from pose_edge.runtimes.child_main import Loaded
from pose_edge.runtimes.edgetpu import child_supervisor as supervisor_module
from pose_edge.runtimes.edgetpu.child_supervisor import (
    FAILURES,
    FIRST_S,
    WINDOW_S,
    ChildSupervisor,
    EdgeTpuAbsent,
    EdgeTpuUnavailable,
    FailureBackoff,
)
from pose_edge.zoo.registry import Tensor

LOADED = Loaded(
    Tensor(shape=(1, 4, 4, 3), dtype="uint8"), (Tensor(shape=(1,), dtype="float32"),), "a fake TPU"
)
TENSOR: AnyArray = np.zeros(LOADED.input.shape, np.uint8)
CHECK_S = 0.01
KILLED = "its process was ended by SIGKILL"
ABSENT = EdgeTpuAbsent("none is plugged in")
MISSING = EdgeTpuUnavailable(
    "model m is not here yet", remedy="`fetch m` gets it", note="edgetpu model missing"
)
REFUSED = ChildFault("libedgetpu.so.1 opens no Edge TPU")

Answer = Literal["now", "later", "never", "dead"]


class FakeChild:
    """A child that answers at once, later (after `let_go` is set) or never, or that is dead."""

    def __init__(self, *answers: Answer) -> None:
        self.pid = 4711
        self.loaded = LOADED
        self.alive = True
        self.answers = list(answers)
        self.let_go = threading.Event()
        self.limits: list[float] = []
        self.closed = threading.Event()
        self.killed = False
        self.waiting = False
        self.awaited = threading.Event()

    def run(self, tensor: AnyArray, timeout: float) -> list[AnyArray]:
        assert not self.closed.is_set(), "asked after its end"
        assert not self.waiting, "asked while an answer is due"
        assert tensor is TENSOR
        self.limits.append(timeout)
        answer = self.answers.pop(0) if self.answers else "now"
        if answer == "dead" or not self.alive:
            self.alive = False
            raise ChildDied("gone")
        if answer != "now":
            self.waiting = True
            if answer == "never":
                self.let_go.clear()
            raise ChildLate(f"no answer within {timeout:g} s")
        return [np.full(1, len(self.limits), np.float32)]

    def answer(self, timeout: float) -> list[AnyArray]:
        assert self.waiting, "no answer is due"
        self.awaited.set()
        deadline = time.monotonic() + timeout
        while not self.let_go.wait(0.002):
            if not self.alive:
                raise ChildDied("gone")
            if time.monotonic() > deadline:
                raise ChildLate(f"no answer within {timeout:g} s")
        self.waiting = False
        return []

    def cause_of_death(self) -> ChildFault:
        return ChildFault(KILLED)

    def kill(self) -> None:
        self.alive = False
        self.killed = True
        self.close()

    def close(self) -> None:
        self.alive = False
        self.closed.set()


class Starter:
    """Starts the scripted children; when the script is empty it waits for more."""

    def __init__(self, *script: FakeChild | Exception) -> None:
        self.script = list(script)
        self.attempts = 0
        self.made: list[FakeChild] = []
        self.more = threading.Event()

    def __call__(self, wanted: Callable[[], bool]) -> Child:
        self.attempts += 1
        while not self.script:
            if not wanted():
                raise ChildFault("nobody wants it any more")
            self.more.wait(0.002)
        outcome = self.script.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        assert all(child.closed.is_set() for child in self.made), "two children at once"
        self.made.append(outcome)
        return cast(Child, outcome)


class FakeBackoff:
    """Returns the scripted waits in seconds; the last one is repeated."""

    def __init__(self, *waits: float) -> None:
        self.waits = list(waits) or [0.0]
        self.failures = 0

    def failed(self) -> float:
        self.failures += 1
        return self.waits.pop(0) if len(self.waits) > 1 else self.waits[0]


class World:
    """A supervisor, its starter, and the reports that it made."""

    def __init__(self, starter: Starter, backoff: Any, **more: Any) -> None:  # noqa: ANN401
        self.starter = starter
        self.backoff = backoff
        self.reports: list[str | None] = []
        self.supervisor = ChildSupervisor(
            starter, failure_backoff=backoff, report=self.reports.append, **more
        )

    def ready(self, child: FakeChild | None = None) -> None:
        """Wait until a child, or the given child, is ready."""

        def is_ready() -> bool:
            ready = self.supervisor.child
            return ready is not None and (child is None or cast(object, ready) is child)

        wait_until(is_ready, "the child being handed out")

    def noted(self, note: str) -> None:
        """Wait until the overlay's note is this text and the time of day, or empty."""
        pattern = f"{note} \\d\\d:\\d\\d" if note else ""
        wait_until(
            lambda: re.fullmatch(pattern, self.supervisor.note) is not None, f"note {note!r}"
        )


def thread_has_ended() -> bool:
    """Return whether no supervisor's thread is running."""
    return not [thread for thread in threading.enumerate() if thread.name == "edgetpu"]


@contextmanager
def supervising(
    *script: FakeChild | Exception,
    backoff: FakeBackoff | FailureBackoff | None = None,
    timeout: float = 1000.0,
    **more: Any,  # noqa: ANN401
) -> Iterator[World]:
    """Run a supervisor, and check that no thread and no open child is left."""
    before = set(threading.enumerate())
    backoff = backoff or FakeBackoff(0.0)
    world = World(Starter(*script), backoff, timeout=timeout, **more)
    world.supervisor.open()
    try:
        yield world
    finally:
        world.supervisor.close()
        world.supervisor.close()
    assert no_threads_left(before)
    assert all(child.closed.is_set() for child in world.starter.made)
    assert not [report for report in world.reports if report and "Error" in report]
    assert world.supervisor.child is None
    assert world.supervisor.run(TENSOR) is None


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "CHECK_S", CHECK_S)
    monkeypatch.setattr(supervisor_module, "JOIN_S", GENEROUS_S)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[int], list[str]]:
    """Return a function that lists the log messages from a level on."""
    caplog.set_level(logging.DEBUG, logger="pose_edge")
    return lambda level: [one.getMessage() for one in caplog.records if one.levelno >= level]


Said = Callable[[int], list[str]]

# --- the child works ------------------------------------------------------------------------------


def test_a_child_is_handed_out_and_asked(said: Said) -> None:
    child = FakeChild()
    with supervising(child) as world:
        world.supervisor.wait(GENEROUS_S)
        assert world.supervisor.child is not None
        assert world.supervisor.child.loaded is LOADED
        answers = [world.supervisor.run(TENSOR) for _ in range(3)]
        assert [float(answer[0][0]) for answer in answers if answer] == [1, 2, 3]
        assert child.limits == [supervisor_module.LATE_S] * 3
        assert world.supervisor.note == ""
    assert not child.killed, "it may give its device back"
    assert world.reports == [None]
    assert said(logging.INFO) == ["the Edge TPU is ready: a fake TPU"]


@pytest.mark.parametrize(("timeout", "late", "given"), [(0.05, 0.2, 0.05), (9, 9, 9), (3, 2, 2)])
def test_an_answer_is_waited_for_as_long_as_is_wanted(
    timeout: float, late: float, given: float
) -> None:
    child = FakeChild()
    with supervising(child, timeout=timeout, late=late) as world:
        world.ready()
        world.supervisor.run(TENSOR)
    assert child.limits == [given]


def test_nobody_is_asked_before_there_is_a_child() -> None:
    with supervising() as world:
        assert world.supervisor.run(TENSOR) is None
        assert world.supervisor.note == ""
        assert world.supervisor.child is None


def test_a_child_with_another_input_is_not_asked() -> None:
    child = FakeChild()
    with supervising(child) as world:
        world.ready()
        assert world.supervisor.run(np.zeros((1, 4, 6, 3), np.uint8)) is None
        assert world.supervisor.child is not None, "it goes on"
        assert world.supervisor.note == ""
        assert world.supervisor.run(TENSOR) is not None
    assert len(child.limits) == 1


# --- no device ------------------------------------------------------------------------------------


def test_where_there_never_was_one_nothing_is_said(said: Said) -> None:
    with supervising(*[ABSENT] * 5) as world:
        with pytest.raises(EdgeTpuAbsent, match="none is plugged in"):
            world.supervisor.wait(GENEROUS_S)
        wait_until(lambda: not world.starter.script)
        assert world.supervisor.note == ""
    assert world.reports == []
    assert said(logging.INFO) == []
    assert world.backoff.failures == 0, "absence is no failure"


def test_one_that_is_plugged_in_later_is_used(said: Said) -> None:
    child = FakeChild()
    with supervising(ABSENT, ABSENT, child) as world:
        world.ready(child)
        assert world.supervisor.run(TENSOR) is not None
    assert said(logging.INFO) == ["the Edge TPU is ready: a fake TPU"]


def test_one_that_is_pulled_out_and_plugged_in_again(said: Said) -> None:
    first, second = FakeChild("now", "dead"), FakeChild()
    with supervising(first, ABSENT, ABSENT, ABSENT) as world:
        world.ready(first)
        assert world.supervisor.run(TENSOR) is not None
        assert world.supervisor.run(TENSOR) is None
        world.noted("edgetpu lost")
        wait_until(lambda: not world.starter.script, "the absence")
        wait_until(lambda: len(world.reports) == 5, "its report")
        assert world.reports[1:] == [KILLED, *["none is plugged in"] * 3]
        world.noted("edgetpu lost")
        world.starter.script.append(second)
        world.ready(second)
        assert world.supervisor.note == ""
        assert world.reports[-1] is None
        assert world.supervisor.run(TENSOR) is not None
    assert said(logging.INFO) == [
        "the Edge TPU is ready: a fake TPU",
        f"Edge TPU: {KILLED}; the CPU goes on, trying again",
        "Edge TPU: none is plugged in",
        "the Edge TPU is back: a fake TPU",
    ]


def test_a_broken_one_that_never_worked_is_forgotten_when_it_is_gone() -> None:
    with supervising(REFUSED, ABSENT, ABSENT) as world:
        with pytest.raises(ChildFault, match="opens no Edge TPU"):
            world.supervisor.wait(GENEROUS_S)
        wait_until(lambda: not world.starter.script)
        world.noted("")
        assert world.reports == [str(REFUSED), None]


# --- failed starts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "note"), [(REFUSED, "edgetpu failed"), (MISSING, "edgetpu model missing")]
)
def test_what_is_wrong_is_said_once_and_stays_on_the_picture(
    said: Said, fault: ChildFault, note: str
) -> None:
    child = FakeChild()
    with supervising(*[fault] * 4) as world:
        with pytest.raises(ChildFault, match=re.escape(str(fault))) as raised:
            world.supervisor.wait(GENEROUS_S)
        assert raised.value is fault
        wait_until(lambda: len(world.reports) == 4)
        world.noted(note)
        assert set(world.reports) == {str(fault)}
        world.starter.script.append(child)
        world.ready(child)
        world.noted("")
        assert world.reports[-1] is None
    line = f"Edge TPU: {fault}; the CPU goes on, trying again"
    assert said(logging.INFO) == [line, "the Edge TPU is ready: a fake TPU"]
    assert said(logging.DEBUG).count(line) == 4


def test_another_fault_is_said_again(said: Said) -> None:
    with supervising(REFUSED, MISSING, REFUSED) as world:
        wait_until(lambda: len(world.reports) == 3)
        world.noted("edgetpu failed")
    assert [line.split(";")[0] for line in said(logging.INFO)] == [
        f"Edge TPU: {REFUSED}",
        "Edge TPU: model m is not here yet",
        f"Edge TPU: {REFUSED}",
    ]


def test_when_it_was_lost_stays_on_the_picture_however_it_fails_to_come_back() -> None:
    with supervising(FakeChild("dead"), REFUSED, MISSING) as world:
        world.ready()
        world.supervisor.run(TENSOR)
        wait_until(lambda: len(world.reports) == 4)
        world.noted("edgetpu lost")
        assert world.reports == [None, KILLED, str(REFUSED), str(MISSING)]


def test_it_is_left_alone_for_as_long_as_the_backoff_says(said: Said) -> None:
    began = time.monotonic()
    with supervising(REFUSED, MISSING, backoff=FakeBackoff(0.3)) as world:
        wait_until(lambda: world.starter.attempts == 2)
        assert time.monotonic() - began >= 0.3
    assert (
        said(logging.WARNING)[0] == f"Edge TPU: {REFUSED}; the CPU goes on, trying again in 0.3 s"
    )


def test_after_three_failures_it_is_tried_less_often() -> None:
    """With the real backoff: two failures are free, each of the other waits is 0.05 s here."""
    began = time.monotonic()
    with supervising(*[REFUSED] * 6, backoff=FailureBackoff(0.05)) as world:
        wait_until(lambda: len(world.reports) == 6)
        assert time.monotonic() - began >= 3 * 0.05


# --- failures at work -----------------------------------------------------------------------------


def test_one_that_dies_in_use_is_started_again() -> None:
    children = [FakeChild("now", "dead") for _ in range(5)]
    with supervising(*children) as world:
        for child in children:
            world.ready(child)
            assert world.supervisor.run(TENSOR) is not None
            assert world.supervisor.run(TENSOR) is None
        wait_until(lambda: len(world.reports) == 10, "the last report")
        assert world.backoff.failures == 5
        assert world.reports == [None, KILLED] * 5


def test_one_that_dies_while_nobody_asks_is_noticed() -> None:
    first, second = FakeChild(), FakeChild()
    with supervising(first) as world:
        world.ready(first)
        first.alive = False
        wait_until(first.closed.is_set, "the notice")
        world.noted("edgetpu lost")
        assert world.supervisor.run(TENSOR) is None
        world.starter.script.append(second)
        world.ready(second)
    assert world.reports == [None, KILLED, None]


def test_a_late_answer_is_not_waited_for_and_the_child_is_used_again() -> None:
    child = FakeChild("now", "later", "now")
    with supervising(child) as world:
        world.ready()
        assert world.supervisor.run(TENSOR) is not None
        assert world.supervisor.run(TENSOR) is None
        world.noted("edgetpu late")
        assert [world.supervisor.run(TENSOR) for _ in range(3)] == [None] * 3
        child.let_go.set()
        world.ready(child)
        world.noted("")
        assert world.supervisor.run(TENSOR) is not None
    assert world.backoff.failures == 1
    assert world.starter.attempts == 1


def test_one_that_is_too_slow_again_and_again_is_left_alone(said: Said) -> None:
    child = FakeChild("later", "later", "later")
    child.let_go.set()
    with supervising(child, backoff=FakeBackoff(0.0, 0.0, 1.0)) as world:
        for _ in range(2):
            world.ready()
            assert world.supervisor.run(TENSOR) is None
        world.ready()
        assert world.supervisor.run(TENSOR) is None
        world.noted("edgetpu slow")
        wait_until(lambda: len(world.reports) == 2)
        world.ready(child)
        world.noted("")
        assert world.supervisor.run(TENSOR) is not None
        assert world.reports == [None, "it keeps the picture waiting", None]
    assert world.backoff.failures == 3
    assert said(logging.WARNING) == [
        "Edge TPU: it keeps the picture waiting; the CPU goes on, trying again in 1 s"
    ]


def test_one_that_stalls_is_killed_and_started_again(said: Said) -> None:
    first, second = FakeChild("now", "never"), FakeChild()
    # An answer is late after 0.2 s; on a busy machine that may be noticed much later.
    with supervising(first, second, timeout=1.5) as world:
        world.ready(first)
        assert world.supervisor.run(TENSOR) is not None
        assert world.supervisor.run(TENSOR) is None
        world.noted("edgetpu late")
        world.ready(second)
        assert first.killed
        assert world.supervisor.run(TENSOR) is not None
    assert world.backoff.failures == 1
    reason = "an inference took longer than 1.5 s"
    assert world.reports == [None, reason, None]
    assert said(logging.WARNING) == [f"Edge TPU: {reason}; the CPU goes on, trying again"]


def test_with_a_limit_below_what_counts_as_late_it_is_killed_at_once() -> None:
    first, second = FakeChild("later"), FakeChild()
    first.let_go.set()
    with supervising(first, second, timeout=0.05) as world:
        world.ready(first)
        assert world.supervisor.run(TENSOR) is None
        world.ready(second)
        assert first.killed


def test_one_that_dies_while_its_answer_is_due() -> None:
    first, second = FakeChild("later"), FakeChild()
    with supervising(first) as world:
        world.ready(first)
        assert world.supervisor.run(TENSOR) is None
        world.noted("edgetpu late")
        first.alive = False
        world.noted("edgetpu lost")
        assert world.reports == [None, KILLED]
        world.starter.script.append(second)
        world.ready(second)
    assert not first.killed


def test_the_picture_does_not_wait_while_a_child_ends() -> None:
    class Slow(FakeChild):
        def close(self) -> None:
            closing.set()
            assert go_on.wait(GENEROUS_S)
            super().close()

    closing, go_on = threading.Event(), threading.Event()
    with supervising(Slow("dead")) as world:
        world.ready()
        assert world.supervisor.run(TENSOR) is None
        wait_until(closing.is_set)
        assert world.supervisor.run(TENSOR) is None
        assert not go_on.is_set()
        go_on.set()


def test_what_nobody_expected_is_said_too_and_ends_nothing(said: Said) -> None:
    child, broken = FakeChild(), FakeChild("dead")
    broken.cause_of_death = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    with supervising(PermissionError(13, "Permission denied"), broken, child) as world:
        denied = "PermissionError: [Errno 13] Permission denied"
        wait_until(lambda: denied in world.reports)
        world.ready(broken)
        broken.alive = False
        world.ready(child)
        assert world.supervisor.run(TENSOR) is not None
        world.reports.remove(denied)
        world.reports.remove("ZeroDivisionError: division by zero")
    assert broken.closed.is_set()
    assert len(said(logging.WARNING)) == 2


def test_that_it_was_late_or_is_used_again_is_in_the_log_each_time(said: Said) -> None:
    child = FakeChild(*cast(list[Answer], ["later"] * 4))
    child.let_go.set()
    with supervising(child, backoff=FakeBackoff(0.0, 0.01, 0.0, 0.01)) as world:
        for number in range(1, 5):
            world.ready()
            assert world.supervisor.run(TENSOR) is None
            wait_until(lambda number=number: world.backoff.failures == number)  # type: ignore[misc]
            world.ready()
    late = "Edge TPU: no answer within 0.2 s; the CPU goes on"
    slow = "Edge TPU: it keeps the picture waiting; the CPU goes on, trying again in 0.01 s"
    ready = "the Edge TPU is ready: a fake TPU"
    again = "the Edge TPU is used again"
    assert said(logging.INFO) == [ready, *[late, again, late, slow, again] * 2]


# --- waiting for the first child ------------------------------------------------------------------


def test_the_wait_for_it_has_an_end() -> None:
    with (
        supervising() as world,
        pytest.raises(ChildFault, match=r"the Edge TPU is not ready within 0.05 s"),
    ):
        world.supervisor.wait(0.05)


@pytest.mark.parametrize("fault", [ABSENT, MISSING, REFUSED])
def test_where_it_is_required_the_first_attempt_decides(said: Said, fault: ChildFault) -> None:
    """The caller gets the error: nothing is logged, and there is no second attempt."""
    with supervising(fault, FakeChild(), required=True) as world:
        with pytest.raises(ChildFault) as raised:
            world.supervisor.wait(GENEROUS_S)
        assert raised.value is fault
        wait_until(thread_has_ended)
        assert world.starter.attempts == 1
    assert world.reports == []
    assert said(logging.DEBUG) == []


def test_where_it_is_required_it_may_be_lost_later() -> None:
    second = FakeChild()
    with supervising(FakeChild("dead"), REFUSED, ABSENT, second, required=True) as world:
        world.supervisor.wait(GENEROUS_S)
        assert world.supervisor.run(TENSOR) is None
        world.ready(second)
        assert world.supervisor.run(TENSOR) is not None


def test_who_waits_when_it_has_worked_waits_no_more() -> None:
    with supervising(REFUSED, FakeChild("dead")) as world:
        world.ready()
        world.supervisor.wait(GENEROUS_S)
        assert world.supervisor.run(TENSOR) is None
        world.supervisor.wait(GENEROUS_S)


# --- closing --------------------------------------------------------------------------------------


def test_closed_before_it_was_opened() -> None:
    supervisor = ChildSupervisor(
        Starter(), timeout=1.0, failure_backoff=cast(FailureBackoff, FakeBackoff())
    )
    supervisor.close()
    assert supervisor.run(TENSOR) is None


def closed_while_starting(world: World) -> None:
    wait_until(lambda: world.starter.attempts == 1)


def closed_while_absent(world: World) -> None:
    world.starter.script.append(ABSENT)
    wait_until(lambda: world.starter.attempts > 1)


def closed_while_left_alone(world: World) -> None:
    world.starter.script.append(REFUSED)
    wait_until(lambda: len(world.reports) == 1)


def closed_while_ready(world: World) -> None:
    world.starter.script.append(FakeChild())
    world.ready()


def closed_while_an_answer_is_late(world: World) -> None:
    child = FakeChild("later")
    world.starter.script.append(child)
    world.ready()
    assert world.supervisor.run(TENSOR) is None
    wait_until(child.awaited.is_set)
    threading.Timer(0.05, child.let_go.set).start()


def closed_while_it_is_too_slow(world: World) -> None:
    child = FakeChild("later")
    child.let_go.set()
    world.starter.script.append(child)
    world.ready()
    assert world.supervisor.run(TENSOR) is None
    world.noted("edgetpu slow")


def closed_while_it_dies(world: World) -> None:
    world.starter.script.append(FakeChild("dead"))
    world.ready()
    assert world.supervisor.run(TENSOR) is None


@pytest.mark.parametrize(
    "reach",
    [
        closed_while_starting,
        closed_while_absent,
        closed_while_left_alone,
        closed_while_ready,
        closed_while_an_answer_is_late,
        closed_while_it_is_too_slow,
        closed_while_it_dies,
    ],
)
def test_it_can_be_closed_at_any_point(reach: Callable[[World], None], said: Said) -> None:
    """`supervising` checks that the thread and the children have ended."""
    with supervising(backoff=FakeBackoff(4321.0)) as world:
        reach(world)
        closed = time.monotonic()
    assert time.monotonic() - closed < GENEROUS_S / 2, "it does not wait for what takes long"
    assert not [line for line in said(logging.WARNING) if "nobody wants it" in line]
    assert not [line for line in said(logging.WARNING) if "did not end" in line]


def test_an_answer_that_never_comes_delays_the_end_by_no_more_than_the_limit() -> None:
    child = FakeChild("never")
    with supervising(child, timeout=0.4) as world:
        world.ready()
        assert world.supervisor.run(TENSOR) is None
        wait_until(child.awaited.is_set)
    assert child.killed


def test_the_end_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setattr(supervisor_module, "JOIN_S", 0.05)
    go_on = threading.Event()

    def start(_wanted: Callable[[], bool]) -> Child:
        assert go_on.wait(GENEROUS_S)
        raise ABSENT

    supervisor = ChildSupervisor(
        start, timeout=1.0, failure_backoff=cast(FailureBackoff, FakeBackoff())
    )
    supervisor.open()
    supervisor.close()
    assert said(logging.WARNING) == ["the Edge TPU's child process did not end within 0.05 s"]
    go_on.set()
    monkeypatch.setattr(supervisor_module, "JOIN_S", GENEROUS_S)
    supervisor.close()


# --- random sequences of events -------------------------------------------------------------------


class Device:
    """A device for a supervisor's children, which can be plugged in, pulled out and broken."""

    def __init__(self) -> None:
        self.plugged = False
        self.broken = False
        self.children: list[FakeChild] = []

    def start(self, _wanted: Callable[[], bool]) -> Child:
        if not self.plugged:
            raise ABSENT
        if self.broken:
            raise REFUSED
        assert all(child.closed.is_set() for child in self.children), "two children at once"
        self.children.append(FakeChild())
        return cast(Child, self.children[-1])


class SupervisorMachine(RuleBasedStateMachine):
    """Applies random events to a device, and checks that the supervisor follows."""

    supervisor: ChildSupervisor

    @initialize()
    def begin(self) -> None:
        self.device = Device()
        self.reports: list[str | None] = []
        self.worked = False
        self.supervisor = ChildSupervisor(
            self.device.start,
            timeout=0.23,
            failure_backoff=FailureBackoff(0.004),
            report=self.reports.append,
        )
        self.supervisor.open()

    @property
    def child(self) -> FakeChild:
        return self.device.children[-1]

    def usable(self) -> bool:
        return self.device.plugged and not self.device.broken

    def ready(self) -> None:
        """Wait until the newest child is ready."""
        wait_until(lambda: self.supervisor.child is not None and self.child.alive, "a child")
        self.worked = True

    def failed(self, child: FakeChild) -> None:
        """Wait until the supervisor has noticed a failure and has acted on it."""
        wait_until(child.closed.is_set, "the notice of a failure")
        if self.usable():
            wait_until(lambda: self.child is not child, "a new child")
            self.ready()
        else:
            wait_until(lambda: self.reports[-1] is not None, "the report of a failure")

    @rule()
    def plug(self) -> None:
        self.device.plugged = True
        if not self.device.broken:
            self.ready()

    @rule()
    def pull(self) -> None:
        was_usable, self.device.plugged = self.usable(), False
        if was_usable:
            self.child.alive = False
            self.failed(self.child)
        elif not self.worked:
            wait_until(lambda: not self.reports or self.reports[-1] is None, "nothing to say")

    @rule()
    def break_it(self) -> None:
        """Break or repair the device: a broken one cannot be opened, but open ones go on."""
        self.device.broken = not self.device.broken
        if self.usable() and not (self.device.children and self.child.alive):
            self.ready()

    def handed_out(self) -> bool:
        return self.supervisor.child is not None

    @precondition(handed_out)
    @rule(answer=st.sampled_from(["now", "later", "never", "dead"]))
    def look(self, answer: Answer) -> None:
        child = self.child
        child.answers = [answer]
        found = self.supervisor.run(TENSOR)
        assert (found is not None) == (answer == "now")
        if answer == "later":
            child.let_go.set()
            self.ready()
            assert self.child is child
        elif answer != "now":
            self.failed(child)

    @precondition(handed_out)
    @rule()
    def die_unasked(self) -> None:
        self.child.alive = False
        self.failed(self.child)

    @precondition(lambda self: not self.handed_out())
    @rule()
    def look_in_vain(self) -> None:
        assert self.supervisor.run(TENSOR) is None

    @invariant()
    def what_is_said_is_true(self) -> None:
        if not hasattr(self, "supervisor"):
            return
        if self.supervisor.child is not None:
            assert self.supervisor.note == ""
            assert self.reports[-1] is None
        elif self.worked:
            assert self.supervisor.note
            assert self.reports[-1]

    def teardown(self) -> None:
        if hasattr(self, "supervisor"):
            self.supervisor.close()
            assert thread_has_ended()
            assert all(child.closed.is_set() for child in self.device.children)


def test_anything_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "CHECK_S", 0.002)
    run_state_machine_as_test(
        SupervisorMachine,
        settings=settings(max_examples=50, stateful_step_count=30, deadline=None),
    )


# --- backoff after failures -----------------------------------------------------------------------


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waits(failure_backoff: FailureBackoff, clock: Clock, pauses: list[float]) -> list[float]:
    """Return the waits after failures; each pause begins when the previous wait has ended."""
    found: list[float] = []
    for pause in pauses:
        clock.now += pause + (found[-1] if found else 0.0)
        found.append(failure_backoff.failed())
    return found


def test_two_failures_are_forgiven_at_once_and_the_third_in_a_minute_is_not() -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(60.0, clock)
    assert waits(failure_backoff, clock, [0, 20, 20]) == [0, 0, FIRST_S]
    assert FAILURES == 3


def test_failures_that_go_on_cost_longer_and_longer() -> None:
    clock = Clock()
    found = waits(FailureBackoff(60.0, clock), clock, [0.1] * 11)
    assert found == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_rare_failures_are_always_forgiven() -> None:
    clock = Clock()
    assert waits(FailureBackoff(60.0, clock), clock, [31.0] * 20) == [0] * 20


def test_a_minute_without_a_failure_makes_good() -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(60.0, clock)
    assert waits(failure_backoff, clock, [1] * 5)[-1] == 4
    clock.now += 4 + WINDOW_S - 0.1
    assert failure_backoff.failed() == 8, "not quite a minute after the wait"
    clock.now += 8 + WINDOW_S + 0.1
    assert waits(failure_backoff, clock, [0, 1, 1, 1]) == [0, 0, 1, 2]


def test_the_minute_begins_when_the_wait_is_over() -> None:
    """Otherwise the longest wait would reset the count, and a broken device be tried at once."""
    clock = Clock()
    failure_backoff = FailureBackoff(300.0, clock)
    found = waits(failure_backoff, clock, [1.0] * 14)
    assert found[-1] == 300
    assert found == sorted(found)


@settings(deadline=None)
@given(
    st.floats(0.1, 3600),
    st.lists(st.floats(0, 200), min_size=1, max_size=60),
)
def test_the_wait_is_0_or_doubles_up_to_the_limit(limit: float, pauses: list[float]) -> None:
    clock = Clock()
    failure_backoff = FailureBackoff(limit, clock)
    found = waits(failure_backoff, clock, pauses)
    assert all(0 <= wait <= limit for wait in found)
    assert found[: FAILURES - 1] == [0] * min(len(found), FAILURES - 1)
    for (before, after), pause in zip(itertools.pairwise(found), pauses[1:], strict=True):
        if after == 0:
            assert before == 0 or pause > WINDOW_S * 0.999, "forgiven too soon"
        elif before == 0:
            assert after == min(FIRST_S, limit)
        else:
            assert after == min(2 * before, limit)
            assert pause <= WINDOW_S * 1.001, "not forgiven after a minute"


@settings(deadline=None)
@given(st.floats(0.1, 3600), st.lists(st.floats(0, 15), min_size=6, max_size=40))
def test_frequent_failures_are_never_tried_again_at_once(limit: float, pauses: list[float]) -> None:
    clock = Clock()
    found = waits(FailureBackoff(limit, clock), clock, pauses)
    assert min(found[FAILURES - 1 :]) > 0
    assert found == sorted(found)
