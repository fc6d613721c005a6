from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pose_edge.config.diff import Change, find_changes
from pose_edge.config.schema import Settings


def test_nothing_differs_from_itself() -> None:
    assert find_changes(Settings(), Settings()) == []


def test_what_differs_is_listed_in_the_order_of_the_file() -> None:
    before = Settings.model_validate({"source": {"name": "/dev/video0"}})
    after = Settings.model_validate(
        {"overlay": {"crop": True}, "source": {"name": "rtsp://me:secret@10.0.0.7/a?token=1"}}
    )
    changes = find_changes(before, after)
    assert [str(change) for change in changes] == [
        "source.name: /dev/video0 -> rtsp://***@10.0.0.7/a?...",
        "overlay.crop: false -> true",
    ]


def test_a_missing_value_is_null() -> None:
    assert str(Change("record.path", None, "a@b.mp4")) == "record.path: null -> a@b.mp4"


@given(st.integers(64, 7680), st.integers(64, 4320))
def test_a_change_back_is_the_same_the_other_way_round(width: int, height: int) -> None:
    one = Settings.model_validate({"camera": {"width": width, "height": height}})
    there, back = find_changes(Settings(), one), find_changes(one, Settings())
    assert [(c.key, c.before, c.after) for c in there] == [(c.key, c.after, c.before) for c in back]
