from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from helpers import wait_until_blocked
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pose_edge.supervision.supervisor import (
    FIRST_S,
    LIMIT_S,
    STEADY_S,
    SUSPEND_GAP_S,
    State,
    Supervisor,
)


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
    assert part.state is State.RUNNING


def test_one_that_nobody_can_replace_is_beyond_help(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source")
    part.running(within=5)
    clock.now += 5
    assert not supervisor.look()
    assert part.state is State.FAILED
    assert part.detail == "no heartbeat for 5 s"
    part.running(within=5)  # it was only slow
    assert supervisor.look()


def test_waiting_for_a_device_is_no_fault_and_is_counted(clock: Clock) -> None:
    supervisor = Supervisor(clock)
    part = supervisor.add("source")
    for _ in range(7):
        part.waiting("no camera", within=30)
        clock.now += 29
        assert supervisor.look()
    assert (part.name, part.state, part.detail) == ("source", State.WAITING, "no camera")
    assert (part.since_s, part.tries) == (100.0, 7)
    part.waiting("no camera", within=30, tried=False)
    assert part.tries == 7
    part.running(within=5)
    assert part.tries == 0
    assert part.since_s == clock.now


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
    assert part.detail == "4 threads hang"


def test_a_replacement_that_fails_is_tried_again(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    def replace() -> None:
        tries.append(clock.now)
        if len(tries) < 3:
            raise RuntimeError("can't start new thread")
        part.running(within=100)

    supervisor = Supervisor(clock)
    other = supervisor.add("sink", lambda: tries.append(0.0))
    part = supervisor.add("source", replace)
    part.failed("it broke")
    for _ in range(int(FIRST_S) + 2 + 4):
        other.running(within=5)
        clock.now += 1
        assert supervisor.look()
    assert [moment - 100.0 for moment in tries] == [FIRST_S, FIRST_S + 2, FIRST_S + 2 + 4]
    assert part.state is State.RUNNING
    assert caplog.text.count("RuntimeError: can't start new thread") == 2
    assert supervisor.replacements() == {"source": 3}


def test_a_part_can_be_made_to_hang(clock: Clock) -> None:
    replaced: list[float] = []
    supervisor = Supervisor(clock)
    part = supervisor.add("source", lambda: replaced.append(clock.now))
    part.running(within=5)
    supervisor.freeze("source")
    thread = threading.Thread(target=lambda: part.running(within=5), daemon=True)
    thread.start()
    wait_until_blocked(thread)
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
    assert supervisor.parts == []


@given(st.lists(st.sampled_from(["starting", "running", "waiting", "failed"]), min_size=1))
def test_the_state_is_what_was_said_last(said: list[str]) -> None:
    part = Supervisor(Clock()).add("part")
    for word in said:
        if word == "failed":
            part.failed("why")
        else:
            getattr(part, word)("why", within=1)
    assert part.state is State(said[-1])
    assert part.detail == "why"


def test_time_in_which_the_whole_process_slept_does_not_count(clock: Clock) -> None:
    replaced: list[str] = []
    supervisor = Supervisor(clock)
    supervisor.add("screen").running(within=10)
    supervisor.add("source", lambda: replaced.append("source")).running(within=8)
    sink = supervisor.add("sink", lambda: replaced.append("sink"))
    sink.failed("it broke")
    supervisor.look()
    clock.now += 3600
    assert supervisor.look()
    assert not replaced
    clock.now += FIRST_S
    assert supervisor.look()
    assert replaced == ["sink"]
    for _ in range(7):
        clock.now += 1
        supervisor.look()
    assert {part.name: part.detail for part in supervisor.parts} == {
        "screen": "",
        "source": "no heartbeat for 8 s",
        "sink": "it broke",
    }


def test_a_replacement_without_a_thread_to_be_had_is_tried_again(clock: Clock) -> None:
    attempts: list[float] = []

    def replace() -> None:
        attempts.append(clock.now)
        if len(attempts) < 3:
            raise RuntimeError("can't start new thread")
        part.running(within=5)

    supervisor = Supervisor(clock)
    part = supervisor.add("source", replace)
    part.failed("it broke")
    for _ in range(20):
        clock.now += 1
        assert supervisor.look()
        if part.state is State.RUNNING:
            part.running(within=5)
    assert attempts == [101.0, 103.0, 107.0]
    assert part.state is State.RUNNING


@dataclass
class Expected:
    """Reference model of a part: the state expected after the calls so far."""

    replaceable: bool
    state: State = State.STARTING
    due: float = math.inf
    failures: int = 0
    running_since: float = math.inf
    replacements: int = 0

    def says(self, state: State, now: float, within: float) -> None:
        if state is not State.RUNNING:
            self.running_since = math.inf
        elif self.state is not State.RUNNING:
            self.running_since = now
        elif now - self.running_since > STEADY_S:
            self.failures = 0
        self.state, self.due = state, now + within

    def fails(self, now: float) -> None:
        self.state, self.running_since = State.FAILED, math.inf
        self.due = now + min(FIRST_S * 2**self.failures, LIMIT_S)
        self.failures += 1

    def is_looked_at(self, now: float) -> None:
        if now < self.due:
            return
        if self.state is not State.FAILED:
            self.fails(now)
        else:
            self.due = math.inf
            self.replacements += self.replaceable


NAMES = st.sampled_from(["fixed", "other", "third"])
STATES = st.sampled_from([State.STARTING, State.RUNNING, State.WAITING])


class Parts(RuleBasedStateMachine):
    """Three parts, one of which cannot be replaced, with all transitions in random order."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        self.replaced: Counter[str] = Counter()
        self.looked: float | None = None
        self.expected = {name: Expected(name != "fixed") for name in ("fixed", "other", "third")}
        self.parts = {
            name: self.supervisor.add(name, self.replacement(name) if one.replaceable else None)
            for name, one in self.expected.items()
        }

    def replacement(self, name: str) -> Callable[[], None]:
        def replace() -> None:
            assert self.parts[name].state is State.FAILED
            self.replaced[name] += 1

        return replace

    @rule(name=NAMES, state=STATES, within=st.floats(0.1, 100))
    def one_says_how_it_goes(self, name: str, state: State, within: float) -> None:
        getattr(self.parts[name], state.value)("as usual", within=within)
        self.expected[name].says(state, self.clock.now, within)

    @rule(name=NAMES)
    def one_is_done(self, name: str) -> None:
        self.parts[name].done()
        self.expected[name].says(State.DONE, self.clock.now, math.inf)

    @rule(name=NAMES)
    def one_dies(self, name: str) -> None:
        self.parts[name].failed("died")
        self.expected[name].fails(self.clock.now)

    @rule(name=NAMES)
    def one_is_given_up(self, name: str) -> None:
        self.parts[name].give_up("hangs too often")
        self.expected[name].fails(self.clock.now)
        self.expected[name].replaceable = False

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def they_are_looked_after(self) -> None:
        well = self.supervisor.look()
        gap = 0.0 if self.looked is None else self.clock.now - self.looked
        self.looked = self.clock.now
        for one in self.expected.values():
            one.due += gap if gap > SUSPEND_GAP_S else 0.0
            one.is_looked_at(self.clock.now)
        unrecoverable = [
            one
            for one in self.expected.values()
            if one.state is State.FAILED and not one.replaceable
        ]
        assert well == (not unrecoverable)

    @invariant()
    def everything_is_as_expected(self) -> None:
        if not hasattr(self, "parts"):
            return
        for name, one in self.expected.items():
            part = self.parts[name]
            assert part.state is one.state
            assert self.replaced[name] == one.replacements
            assert part.tries >= 0
            assert part.since_s <= self.clock.now


TestParts = Parts.TestCase
