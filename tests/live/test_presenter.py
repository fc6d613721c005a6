from __future__ import annotations

from dataclasses import replace

import pytest
from helpers import make_frame, make_result, pose
from presenting import Bench

from pose_edge.config.schema import Settings
from pose_edge.frames import Image, Lease
from pose_edge.live.presenter import OPEN_S, STALE_S, STALL_S
from pose_edge.overlay import Scene
from pose_edge.supervision.supervisor import State
from pose_edge.telemetry import SOURCE, Event, Stopwatch


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_result_is_shown_and_released(bench: Bench) -> None:
    result = make_result()
    bench.presenter.show_result(result)
    assert [scene.image is not None for scene in bench.shown] == [True]
    with pytest.raises(RuntimeError, match="released"):
        _ = result.frame
    assert bench.telemetry.count(Event.SHOWN) == 1


def test_the_stages_add_up_to_the_time_from_exposure_to_screen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {"upload": 3.0, "draw": 2.0, "present": 11.0}

    def show(_scene: Scene, stopwatch: Stopwatch) -> bool:
        for stage, milliseconds in steps.items():
            bench.now += milliseconds / 1e3
            stopwatch.lap(stage)
        return True

    monkeypatch.setattr(bench.screens[-1], "show", show)
    for _ in range(9):
        exposed_ns = round(bench.now * 1e9)
        bench.now += 0.032  # the delay until the main thread takes it
        result = make_result(replace(make_frame(), captured_ns=exposed_ns))
        result.laps_ms = {"arrival": 12.0, "decode": 4.0, "queue": 1.0, "inference": 10.0}
        result.done_ns = exposed_ns + 27_000_000
        bench.presenter.show_result(result)
    latency, stages = bench.telemetry.summary("latency"), bench.telemetry.typical()
    assert latency is not None
    assert latency.median == pytest.approx(48.0)
    assert sum(stages.values()) == pytest.approx(latency.median, rel=0.05)
    assert stages["handover"] == pytest.approx(5.0)
    assert {stage: stages[stage] for stage in steps} == pytest.approx(steps)


def test_a_picture_that_nobody_sees_is_not_drawn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.presenter, "_scene", None)  # drawing would raise an error
    bench.screens[-1].there = False
    result = make_result()
    bench.presenter.show_result(result)
    with pytest.raises(RuntimeError, match="released"):
        _ = result.frame


def test_a_screen_has_time_until_its_first_picture_is_there(bench: Bench) -> None:
    assert [bench.must] == [True]
    assert bench.state == State.STARTING
    assert bench.lasts(OPEN_S - 1)
    bench.screens[0].works = False  # a minimised window, say
    bench.presenter.show_result(make_result())
    bench.presenter.send_heartbeat()
    assert bench.lasts(OPEN_S - 1)
    bench.screens[0].works = True
    bench.presenter.show_result(make_result())
    bench.presenter.send_heartbeat()
    assert bench.part.detail == "fake"
    assert bench.lasts(STALL_S - 1)
    assert not bench.lasts(1)
    bench.presenter.change_display(Settings())
    assert bench.screens[0].closed
    assert [bench.must] == [False]
    assert bench.lasts(OPEN_S - 1)
    bench.presenter.send_heartbeat()
    assert bench.lasts(OPEN_S - 1)


def test_why_there_is_no_picture_is_said_once(bench: Bench) -> None:
    bench.presenter.show_no_result()
    assert bench.shown == []
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    for _ in range(5):
        bench.presenter.show_no_result()
    assert len(bench.shown) == 1
    bench.telemetry.set_fault("source", "it is in use (since 12:00:00)")
    bench.presenter.show_no_result()
    assert len(bench.shown) == 2
    bench.telemetry.set_fault("source", None)
    bench.telemetry.set_fault("inference", "it hangs, and is replaced")
    bench.presenter.show_no_result()
    assert len(bench.shown) == 3
    bench.presenter.change_display(Settings())
    assert len(bench.shown) == 1, "the new screen shows it too"


@pytest.mark.parametrize("live", [True, False])
def test_a_live_picture_that_is_old_is_not_shown_any_more(bench: Bench, live: bool) -> None:
    bench.pipeline.live = live
    bench.presenter.show_result(make_result())
    bench.now += STALE_S - 0.1
    bench.presenter.show_no_result()
    assert len(bench.shown) == 1
    bench.now += 0.2
    bench.presenter.show_no_result()
    assert len(bench.shown) == (2 if live else 1)
    bench.presenter.show_result(make_result())
    bench.presenter.show_no_result()
    assert bench.shown[-1].image is not None


def test_a_camera_of_one_picture_in_ten_seconds_is_not_called_silent(bench: Bench) -> None:
    bench.pipeline.frame_rate = 0.1
    bench.presenter.show_result(make_result())
    bench.now += 19.9
    bench.presenter.show_no_result()
    assert len(bench.shown) == 1
    bench.now += 0.2
    bench.presenter.show_no_result()
    assert len(bench.shown) == 2


def test_a_still_picture_stays_until_the_next(bench: Bench) -> None:
    bench.pipeline.still = True
    first, second = make_result(make_frame(index=0)), make_result(make_frame(index=1))
    bench.presenter.show_result(first)
    assert first.frame.index == 0
    bench.presenter.draw_with(skeleton=False)
    assert len(bench.shown) == 2, "drawn again without the skeleton"
    bench.presenter.show_result(second)
    with pytest.raises(RuntimeError, match="released"):
        _ = first.frame


def test_another_source_frees_the_still_picture(bench: Bench) -> None:
    bench.pipeline.still = True
    picture, frame = make_result(), make_result()
    bench.presenter.show_result(picture)
    bench.pipeline.still = False  # a reload from pictures to a camera
    bench.presenter.change_overlay(Settings())
    assert len(bench.shown) == 1, "the picture is not shown again"
    bench.presenter.show_result(frame)
    for result in (picture, frame):
        with pytest.raises(RuntimeError, match="released"):
            _ = result.frame


def test_a_message_frees_the_still_picture(bench: Bench) -> None:
    bench.pipeline.still = True
    picture = make_result()
    bench.presenter.show_result(picture)
    bench.telemetry.set_fault(SOURCE, "no camera (since 12:00:00)")
    bench.presenter.show_no_result()
    with pytest.raises(RuntimeError, match="released"):
        _ = picture.frame


def test_another_overlay_applies_to_the_still_picture_that_is_shown(bench: Bench) -> None:
    bench.pipeline.still = True
    bench.presenter.show_result(make_result(poses=[pose()]))
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"readout": "off"}}))
    first, second = bench.shown
    assert first.image is second.image
    assert first is not second
    bench.presenter.change_display(Settings())
    assert [scene.image is second.image for scene in bench.shown] == [True]


def test_a_screen_that_comes_back_shows_the_lasting_message_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.telemetry.set_fault("source", "no camera (since 12:00:00)")
    bench.screens[0].there = False
    bench.presenter.show_no_result()
    shown = len(bench.shown)
    assert bench.presenter.poll() == []
    assert len(bench.shown) == shown
    screen = bench.screens[0]

    def come_back() -> list[str]:
        screen.there = True
        return []

    monkeypatch.setattr(screen, "poll", come_back)
    assert bench.presenter.poll() == []
    assert len(bench.shown) == shown + 1
    assert bench.presenter.poll() == []
    assert len(bench.shown) == shown + 1


def test_a_screen_that_is_missing_is_waited_for(bench: Bench) -> None:
    bench.telemetry.set_fault("display", "no screen is connected")
    bench.presenter.send_heartbeat()
    assert bench.state == State.RUNNING, "there is one"
    bench.screens[0].there = False
    for _ in range(3):
        bench.presenter.send_heartbeat()
    assert (bench.part.state, bench.part.detail) == (State.WAITING, "no screen is connected")
    assert bench.part.tries == 0


def test_another_way_to_draw_counts_from_the_next_picture(bench: Bench) -> None:
    bench.presenter.show_result(make_result())
    mirrored = Settings.model_validate({"camera": {"mirror": True}})
    bench.presenter.change_overlay(mirrored)
    bench.presenter.show_result(make_result())
    assert [scene.mirror for scene in bench.shown] == [False, True]
    bench.presenter.close()
    assert bench.screens[0].closed


def test_a_live_picture_that_is_paused_stays_while_the_frames_go_on(bench: Bench) -> None:
    bench.pipeline.pause()
    results = [make_result(make_frame(index=index)) for index in range(3)]
    for result in results:
        bench.presenter.show_result(result)
        with pytest.raises(RuntimeError, match="released"):
            _ = result.frame
    (scene,) = bench.shown
    assert scene.image is not None, "a copy, for the frame's memory is used again"
    assert len(bench.stamps()) == 1
    bench.presenter.draw_with(background="black")
    assert bench.shown[-1].image is None
    bench.pipeline.resume()
    bench.presenter.draw_with(background="camera")
    bench.presenter.show_result(make_result(make_frame(index=9)))
    assert bench.shown[-1].image is not None


def test_what_a_key_hides_is_not_shown_again_after_a_pause(bench: Bench) -> None:
    bench.pipeline.pause()
    bench.presenter.show_result(make_result())
    bench.pipeline.resume()
    bench.presenter.draw_with(background="black")
    bench.presenter.notices.say("background: black")
    shown = len(bench.shown)
    bench.presenter.poll()
    assert all(scene.image is None for scene in bench.shown[shown:])
    bench.presenter.show_result(make_result())
    assert bench.shown[-1].image is None


def test_a_pause_is_said_even_where_the_read_out_is_off(bench: Bench) -> None:
    bench.presenter.draw_with(readout="off")
    bench.presenter.show_result(make_result())
    assert bench.stamps() == []
    bench.pipeline.pause()
    bench.presenter.show_result(make_result())
    assert len(bench.stamps()) == 1


def test_a_pause_of_a_file_shows_each_frame_that_still_comes(bench: Bench) -> None:
    bench.pipeline.live = False
    bench.pipeline.pause()
    for index in range(3):
        bench.presenter.show_result(make_result(make_frame(index=index)))
    assert len(bench.shown) == 3
    bench.now += 1000
    bench.presenter.show_no_result()
    assert len(bench.shown) == 3, "a pause is no silence"


def test_a_source_that_is_lost_ends_a_pause(bench: Bench) -> None:
    bench.pipeline.pause()
    bench.presenter.show_result(make_result())
    bench.telemetry.set_fault(SOURCE, "no camera (since 12:00:00)")
    bench.presenter.show_no_result()
    assert bench.shown[-1].image is None
    assert not bench.pipeline.paused


def test_what_a_key_has_hidden_stays_hidden_when_the_source_changes(bench: Bench) -> None:
    bench.presenter.draw_with(background="black", readout="full")
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"crop": True}}))
    overlay = bench.presenter.overlay
    assert (overlay.background, overlay.readout, overlay.crop) == ("black", "full", True)
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"readout": "off"}}))
    assert bench.presenter.overlay.readout == "off"


def test_a_notice_goes_away_from_a_picture_that_stays(bench: Bench) -> None:
    bench.pipeline.still = True
    bench.presenter.show_result(make_result())
    before = len(bench.stamps())
    bench.presenter.notices.say("background: black")
    bench.presenter.poll()
    assert len(bench.stamps()) == before + 1
    bench.now += 1.01
    shown = len(bench.shown)
    bench.presenter.poll()
    assert len(bench.shown) == shown + 1
    assert len(bench.stamps()) == before
    bench.presenter.poll()
    assert len(bench.shown) == shown + 1


def test_the_picture_that_is_shown_can_be_taken(bench: Bench) -> None:
    taken: list[int] = []
    assert bench.presenter.take_picture(lambda _scene, result: taken.append(result.frame.index))
    assert taken == []
    for index in (5, 6):
        bench.presenter.show_result(make_result(make_frame(index=index)))
    assert taken == [5], "the next one, once"
    bench.pipeline.pause()
    bench.presenter.show_result(make_result(make_frame(index=7)))
    bench.presenter.show_result(make_result(make_frame(index=8)))
    assert bench.presenter.take_picture(lambda _scene, result: taken.append(result.frame.index))
    assert taken == [5, 7], "the one on the screen"
    bench.telemetry.set_fault(SOURCE, "no camera (since 12:00:00)")
    bench.presenter.show_no_result()
    assert not bench.presenter.take_picture(lambda _scene, _result: taken.append(0))
    assert taken == [5, 7]


def test_pictures_are_needed_by_who_sees_or_saves_them(bench: Bench) -> None:
    def needed() -> bool:
        bench.presenter.state_demand()
        return bench.pipeline.demand.visible

    assert needed()
    bench.screens[-1].there = False
    assert not needed()
    taken: list[int] = []
    bench.presenter.take_picture(lambda _scene, result: taken.append(result.frame.index))
    assert needed()
    small = replace(make_frame(index=5), full_size=(640, 480))
    bench.presenter.show_result(make_result(small))
    assert taken == [], "it was decoded before somebody wanted it"
    bench.presenter.show_result(make_result(make_frame(index=6)))
    assert taken == [6]
    assert not needed()


def test_the_newest_frame_is_shown_with_the_age_of_its_poses(bench: Bench) -> None:
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"sync": "live"}}))
    found = make_result(make_frame(index=4), [pose()])
    found = replace(found, lease=Lease(replace(found.frame, captured_ns=round(100.1e9))))
    found.stages_ms["total"] = 50.0
    bench.pipeline.results.append(found)
    bench.pipeline.frame = replace(make_frame(index=6), captured_ns=round(100.15e9))
    bench.now = 100.17
    result = bench.presenter.take()
    assert result is not None
    bench.presenter.show_result(result)
    assert len(bench.shown) == 1
    summaries = bench.telemetry.summaries()
    assert summaries["latency"].median == pytest.approx(20.0)
    assert summaries["pose_age"].median == pytest.approx(70.0)
    assert bench.presenter.take() is None, "it is shown once"


def test_poses_found_before_a_change_of_the_source_are_not_drawn_after_it(bench: Bench) -> None:
    live = Settings.model_validate({"overlay": {"sync": "live"}})
    bench.presenter.change_overlay(live)
    bench.now = 200.0
    bench.presenter.change_overlay(live)
    found = make_result(replace(make_frame(index=4), captured_ns=round(199.9e9)), [pose()])
    found.stages_ms["total"] = 50.0
    bench.pipeline.results.append(found)
    bench.pipeline.frame = replace(make_frame(index=6), captured_ns=round(200.1e9))
    assert bench.presenter.take() is None


def test_a_file_is_shown_frame_by_frame_whatever_the_settings(bench: Bench) -> None:
    bench.presenter.change_overlay(Settings.model_validate({"overlay": {"sync": "live"}}))
    bench.pipeline.live = False
    result = make_result()
    bench.pipeline.results.append(result)
    assert bench.presenter.take() is result
    bench.presenter.show_result(result)
    assert "pose_age" not in bench.telemetry.summaries()


def pictures_for_page(bench: Bench) -> list[Image]:
    """Return the picture that waits for the page's server, in a list; empty if there is none."""
    waiting = bench.page.picture._waiting
    return [] if waiting is None else [waiting[0]]


def test_the_page_gets_pictures_only_while_somebody_watches(bench: Bench) -> None:
    bench.presenter.show_result(make_result())
    assert not pictures_for_page(bench)
    bench.page.picture.join()
    bench.presenter.show_result(make_result())
    assert [image.shape for image in pictures_for_page(bench)] == [(120, 160, 3)]


def test_the_page_gets_no_picture_of_the_camera_with_a_black_background(bench: Bench) -> None:
    bench.presenter.draw_with(background="black", readout="off")
    bench.page.picture.join()
    bench.presenter.show_result(make_result())
    assert [image.any() for image in pictures_for_page(bench)] == [False]


def test_somebody_who_begins_to_watch_gets_what_the_screen_says(bench: Bench) -> None:
    bench.telemetry.set_fault(SOURCE, "no camera")
    bench.presenter.show_no_result()
    bench.page.picture.join()
    bench.presenter.poll()
    assert len(pictures_for_page(bench)) == 1
