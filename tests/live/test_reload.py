from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from helpers import GENEROUS_S, wait_until

from pose_edge.config.diff import Change
from pose_edge.config.schema import Settings
from pose_edge.errors import ConfigError, SourceError
from pose_edge.live.reload import Reloader, SettingChange
from pose_edge.supervision.sd_notify import SystemdNotifier

CROP = Settings.model_validate({"overlay": {"crop": True}})


class Told(SystemdNotifier):
    """A notifier that records its calls."""

    def __init__(self) -> None:
        super().__init__(None)
        self.words: list[str] = []

    def reloading(self) -> None:
        self.words.append("reloading")

    def ready(self, status: str | None = None) -> None:
        self.words.append("ready")


class Run:
    """A reloader with its callbacks: the test sets what they read or raise."""

    def __init__(self) -> None:
        self.file: Settings | Exception = Settings()
        self.refusal: Exception | None = None
        self.followed: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.notifier = Told()
        self.reloader = Reloader(Settings(), self.read, self.follow, self.notifier)

    def read(self) -> Settings:
        assert self.gate.wait(GENEROUS_S)
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    def follow(self, settings: Settings, changes: Sequence[Change]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.followed.append([change.key for change in changes])

    def reload(self) -> None:
        words = len(self.notifier.words)
        self.reloader.request()
        wait_until(lambda: len(self.notifier.words) >= words + 2)
        self.reloader.close()


def test_what_has_changed_is_followed_and_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    run = Run()
    run.file = CROP
    run.reload()
    assert run.followed == [["overlay.crop"]]
    assert run.reloader.settings is CROP
    assert run.notifier.words == ["reloading", "ready"]
    assert caplog.messages == ["configuration read again: overlay.crop: false -> true"]
    run.reload()
    assert run.followed == [["overlay.crop"]]
    assert caplog.messages[1:] == ["configuration read again: nothing has changed"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigError(["c.yaml:3: one", "c.yaml:7: two"]), "c.yaml:3: one; c.yaml:7: two"),
        (ZeroDivisionError("a bug"), "internal error"),
    ],
)
def test_a_faulty_file_changes_nothing(
    caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    run = Run()
    run.file = error
    run.reload()
    assert run.followed == []
    assert run.reloader.settings == Settings()
    assert run.notifier.words == ["reloading", "ready"]
    assert caplog.messages == [f"configuration not taken: {said}"]
    assert caplog.records[0].levelname == "ERROR"
    run.file = CROP
    run.reload()
    assert run.reloader.settings is CROP


def test_what_cannot_be_had_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()
    run.file, run.refusal = CROP, SourceError("no such video")
    run.reload()
    assert run.reloader.settings == Settings()
    assert caplog.messages == ["configuration not taken: no such video"]


def test_who_asks_while_it_is_read_has_it_read_again() -> None:
    run = Run()
    run.gate.clear()
    run.reloader.request()
    wait_until(lambda: run.notifier.words == ["reloading"])
    for _ in range(5):
        run.reloader.request()
    run.file = CROP
    run.gate.set()
    wait_until(lambda: run.notifier.words == ["reloading", "ready"] * 2)
    run.reloader.close()
    assert run.followed == [["overlay.crop"]]


def test_without_a_thread_to_be_had_the_run_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run()
    run.file = CROP

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as few:
        few.setattr(threading.Thread, "start", refuse)
        run.reloader.request()
    run.reloader.close()
    assert caplog.messages == ["the run stays as it is: can't start new thread"]
    run.reload()
    assert run.reloader.settings is CROP


def test_a_key_changes_settings_as_a_reload_does_and_gets_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    run = Run()
    answers: list[str] = []
    run.reloader.request(SettingChange(lambda _settings: (CROP, "crop: on"), answers.append))
    run.reloader.close()
    wait_until(lambda: answers == ["crop: on"])
    assert run.followed == [["overlay.crop"]]
    assert run.reloader.settings is CROP
    assert caplog.messages == ["changed by a key: overlay.crop: false -> true"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SourceError("no such video", remedy="look"), "not changed: no such video"),
        (ZeroDivisionError("a bug"), "not changed: internal error (see the log)"),
    ],
)
def test_a_change_that_is_refused_says_why(error: Exception, said: str) -> None:
    run = Run()
    answers: list[str] = []

    def refuse(_settings: Settings) -> tuple[Settings, str]:
        raise error

    run.reloader.request(SettingChange(refuse, answers.append))
    wait_until(lambda: bool(answers))
    assert answers == [said]
    assert run.reloader.settings == Settings()
    run.file = CROP
    run.reload()
    assert run.reloader.settings is CROP, "the next request is heard"


def test_other_changes_take_their_turn_in_the_same_thread() -> None:
    run = Run()
    run.gate.clear()
    run.reloader.request()
    called: list[str] = []
    run.reloader.request_call(lambda: called.append(threading.current_thread().name))
    assert called == []
    run.gate.set()
    wait_until(lambda: called == ["reload"])
    run.reloader.close()


def test_a_call_that_fails_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()

    def fail() -> None:
        raise MemoryError

    run.reloader.request_call(fail)
    run.reloader.request(SettingChange(lambda settings: (settings, "done"), lambda _text: fail()))
    run.file = CROP
    run.reload()
    assert run.reloader.settings is CROP, "the next request is heard"
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
        "the run stays as it is: internal error"
    ] * 2


KEPT = {"camera.mirror": True, "overlay.crop": True}


def test_what_is_kept_counts_as_configured_unless_it_is_overridden() -> None:
    run = Run()
    run.file = CROP  # as if the command line sets camera.mirror
    assert run.reloader.note_kept(KEPT) == ["camera.mirror"]
    assert run.reloader.configured is CROP
    assert run.reloader.settings == Settings()


def test_what_is_kept_in_a_file_with_a_fault_elsewhere_counts_as_configured() -> None:
    run = Run()
    run.file = ConfigError(["c.yaml:3: one"])
    assert run.reloader.note_kept(KEPT) == []
    assert run.reloader.configured.camera.mirror
    assert run.reloader.configured.overlay.crop
    assert run.reloader.settings == Settings()
