from __future__ import annotations

import pytest

from pose_edge.sources.damage import DamageCount, PacketFacts

STEP = 0.1


def add(count: DamageCount, index: float, *, frames: int = 1, **facts: bool) -> None:
    count.add_packet(PacketFacts(index * STEP, **facts))
    count.add_frames(frames, 0)


def test_a_whole_file_misses_nothing() -> None:
    """Frames delayed by the decoder, packets without a picture, and pauses are no damage."""
    count = DamageCount(STEP)
    for index in range(3):
        add(count, index, frames=0)
    for index in range(50, 90):
        add(count, index)
    add(count, 90, frames=0, shown=False)
    assert count.missing is None


def test_what_cannot_be_decoded_is_missing() -> None:
    count = DamageCount(STEP)
    add(count, 0)
    count.add_packet(PacketFacts(STEP, flagged=True))
    count.add_failure()
    add(count, 2)
    assert count.missing == "1 of 3 frames is damaged or missing"


def test_what_depends_on_a_lost_frame_is_missing_too() -> None:
    count = DamageCount(STEP)
    count.add_packet(PacketFacts(0.0))
    count.add_failure()
    for index in (1, 2, 3):
        add(count, index, frames=0)
    for index in range(4, 10):
        add(count, index)
    assert count.missing == "4 of 10 frames are damaged or missing"


def test_a_broadcast_may_begin_between_two_key_frames() -> None:
    count = DamageCount(STEP, begun=False)
    for index in range(3):
        count.add_packet(PacketFacts(index * STEP, key=False))
        count.add_failure()
    add(count, 3, key=True)
    assert count.missing is None
    count.add_packet(PacketFacts(4 * STEP, key=False))
    count.add_failure()
    assert count.missing == "1 of 5 frames is damaged or missing"


def test_frames_that_the_decoder_has_made_up_in_part_are_damaged() -> None:
    count = DamageCount(STEP)
    count.add_packet(PacketFacts(0.0, flagged=True))
    count.add_frames(1, corrupt=1)
    assert count.missing == "1 of 1 frame is damaged or missing"


@pytest.mark.parametrize("later", [1, 2])
def test_a_gap_after_an_incomplete_packet(later: int) -> None:
    count = DamageCount(STEP)
    for index in range(5):
        add(count, index, flagged=index == 5 - later)
    add(count, 8)
    assert count.missing == "4 of 9 frames are damaged or missing"


def test_joined_recordings_are_whole_although_a_packet_is_flagged() -> None:
    count = DamageCount(STEP)
    for index in range(20):
        add(count, index, flagged=index == 18)
    for index in range(20):
        add(count, index)
    assert count.missing is None


def test_bytes_and_time_skipped_mean_lost_frames() -> None:
    count = DamageCount(STEP)
    add(count, 0)
    add(count, 5, skipped=True)
    assert count.missing == "4 of 6 frames are damaged or missing"


def test_a_file_with_other_data_between_the_frames_skips_bytes_all_the_time() -> None:
    count = DamageCount(STEP)
    for index in (0, 1, 2, 9):
        add(count, index, skipped=True)
    assert count.missing is None


def test_frames_that_never_came() -> None:
    count = DamageCount(STEP)
    add(count, 0)
    count.add_missing(0)
    assert count.missing is None
    count.add_missing(2)
    assert count.missing == "2 of 3 frames are damaged or missing"
