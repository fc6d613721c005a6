from __future__ import annotations

from pose_edge.displays.surface import KeyEvents


def test_a_key_is_reported_once_by_its_name() -> None:
    keys = KeyEvents()
    assert keys.pressed("s", repeated=False) == ["s"]
    assert keys.typed("s") == []
    assert keys.pressed("space", repeated=False) == ["space"]
    assert keys.typed(" ") == []
    assert keys.pressed("escape", repeated=False) == ["escape"]


def test_what_is_typed_with_shift_is_reported_too() -> None:
    keys = KeyEvents()
    assert keys.pressed("left shift", repeated=False) == ["left shift"]
    assert keys.pressed("/", repeated=False) == ["/"]
    assert keys.typed("?") == ["?"]
    assert keys.pressed("&", repeated=False) == ["&"], "French digits want Shift"
    assert keys.typed("1") == ["1"]


def test_a_key_that_is_kept_down_is_reported_once() -> None:
    keys = KeyEvents()
    names = []
    for repeated in (False, True, True):
        names += keys.pressed("b", repeated=repeated) + keys.typed("b")
    assert names == ["b"]
