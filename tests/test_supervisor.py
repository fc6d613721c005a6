from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pose_edge.supervisor import FIRST_S, LIMIT_S, STEADY_S, State, Supervisor


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_part_that_keeps_its_word_is_left_alone(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source")
    for _ in range(100):
        part.running(within=5)
        clock.now += 4.9
        assert supervisor.look()
    assert part.status.state is State.RUNNING


def test_one_that_nobody_can_replace_is_beyond_help(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source")
    part.running(within=5)
    clock.now += 5
    assert not supervisor.look()
    assert part.status.state is State.FAILED
    assert part.status.detail == "no sign of life for 5 s"
    part.running(within=5)  # it was only slow
    assert supervisor.look()


def test_waiting_for_a_device_is_no_fault_and_is_counted(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source")
    for _ in range(7):
        part.waiting("no camera", within=30)
        clock.now += 29
        assert supervisor.look()
    assert part.status == type(part.status)("source", State.WAITING, "no camera", 100.0, 7)
    part.running(within=5)
    assert part.status.tries == 0
    assert part.status.since_s == clock.now


def test_a_dead_part_is_replaced_after_a_while_that_grows(clock: Clock) -> None:
    replaced: list[float] = []
    supervisor = Supervisor(clock)
    part = supervisor.add("sink", lambda: replaced.append(clock.now))
    waits: list[float] = []
    for _ in range(8):
        part.running(within=5)
        part.failed("it broke")
        died = clock.now
        while len(replaced) == len(waits):
            clock.now += 0.5
            assert supervisor.look()
        waits.append(replaced[-1] - died)
    assert waits == [FIRST_S, 2, 4, 8, 16, LIMIT_S, LIMIT_S, LIMIT_S]


def test_one_that_ran_well_is_forgiven(clock: Clock) -> None:
    replaced: list[float] = []
    supervisor = Supervisor(clock)
    part = supervisor.add("sink", lambda: replaced.append(clock.now))
    for _ in range(5):
        part.failed("it broke")
    for _ in range(3):
        part.running(within=STEADY_S)
        clock.now += STEADY_S * 0.6
    part.running(within=STEADY_S)
    part.failed("it broke")
    clock.now += FIRST_S
    supervisor.look()
    assert replaced == [clock.now]


def test_one_that_is_given_up_is_beyond_help(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source", lambda: None)
    part.failed("it broke")
    assert supervisor.look()
    part.give_up("4 threads hang")
    assert not supervisor.look()
    assert part.status.detail == "4 threads hang"


def test_a_part_can_be_made_to_hang(clock: Clock) -> None:
    replaced: list[float] = []
    supervisor = Supervisor(clock)
    part = supervisor.add("source", lambda: replaced.append(clock.now))
    part.running(within=5)
    supervisor.freeze("source")
    thread = threading.Thread(target=lambda: part.running(within=5), daemon=True)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    clock.now += 5
    supervisor.look()
    clock.now += FIRST_S
    assert supervisor.look()
    assert replaced == [clock.now]
    part.running(within=5)  # only the one thread hangs
    with pytest.raises(KeyError):
        supervisor.freeze("kitchen")


def test_one_that_was_removed_is_not_missed(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    supervisor.add("sink").running(within=1)
    clock.now += 2
    supervisor.remove("sink")
    assert supervisor.look()
    assert supervisor.statuses() == []


@given(st.lists(st.sampled_from(["starting", "running", "waiting", "failed"]), min_size=1))
def test_the_state_is_what_was_said_last(said: list[str]) -> None:
    part = Supervisor(Clock()).add("part")
    for word in said:
        if word == "failed":
            part.failed("why")
        else:
            getattr(part, word)("why", within=1)
    assert part.status.state is State(said[-1])
    assert part.status.detail == "why"


class Parts(RuleBasedStateMachine):
    """Two parts, of which one can be replaced, in any order of events."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        self.replacements = 0
        self.fixed = self.supervisor.add("fixed")
        self.other = self.supervisor.add("other", self.replace)
        self.other_due = float("inf")
        self.fixed_due = float("inf")

    def replace(self) -> None:
        assert self.other.status.state is State.FAILED
        self.replacements += 1

    @rule(within=st.floats(0.1, 20))
    def fixed_runs(self, within: float) -> None:
        self.fixed.running(within=within)
        self.fixed_due = self.clock.now + within

    @rule(within=st.floats(0.1, 20))
    def other_waits(self, within: float) -> None:
        self.other.waiting("device", within=within)
        self.other_due = self.clock.now + within

    @rule()
    def other_dies(self) -> None:
        self.other.failed("died")
        self.other_due = float("-inf")

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def look(self) -> None:
        before = self.replacements
        well = self.supervisor.look()
        assert well == (self.clock.now < self.fixed_due)
        assert self.replacements - before in (0, 1)
        if self.clock.now < self.other_due:
            assert self.replacements == before
            assert self.other.status.state is not State.FAILED

    @invariant()
    def tries_are_never_negative(self) -> None:
        if hasattr(self, "supervisor"):
            assert all(status.tries >= 0 for status in self.supervisor.statuses())


TestParts = Parts.TestCase
