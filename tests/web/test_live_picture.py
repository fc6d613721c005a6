from __future__ import annotations

import numpy as np

from pose_edge.config.outputs import WebSettings
from pose_edge.overlay import Drawing, Scene
from pose_edge.web.live_picture import REPEAT_S, LivePicture, shrunk_size


def scene(width: int, height: int, *, image: bool = True) -> Scene:
    picture = np.full((height, width, 3), 7, np.uint8) if image else None
    return Scene((width, height), lambda _size, _place: Drawing(), picture)


def test_pictures_are_no_wider_than_they_may_be_and_keep_their_shape() -> None:
    assert shrunk_size((1280, 720), 640) == (640, 360)
    assert shrunk_size((320, 240), 640) == (320, 240)
    assert shrunk_size((7680, 2), 64) == (64, 1)
    picture = LivePicture(WebSettings(picture_width=640))
    fitting = picture.fitting(scene(1280, 720))
    assert fitting.size == (640, 360)
    assert fitting.image is not None
    assert fitting.image.shape == (360, 640, 3)
    assert picture.fitting(scene(1280, 720, image=False)).image is None
    small = scene(64, 48)
    assert picture.fitting(small) is small


def test_pictures_come_at_most_at_their_rate() -> None:
    now = [10.0]
    picture = LivePicture(WebSettings(fps=10.0), lambda: now[0])
    assert not picture.due()
    watcher = picture.join()
    drawn = 0
    for _ in range(300):  # ten seconds of a camera with 30 frames per second
        now[0] += 1 / 30
        if picture.due():
            drawn += 1
            picture.put(np.zeros((4, 4, 3), np.uint8), "BGR")
    assert 99 <= drawn <= 101
    picture.leave(watcher)
    picture.leave(watcher)
    assert not picture.due()


def test_a_picture_that_stands_still_is_repeated() -> None:
    now = [10.0]
    picture = LivePicture(WebSettings(), lambda: now[0])
    assert not picture.due_again()
    picture.join()
    assert picture.due_again()
    now[0] += 0.1
    picture.put(np.zeros((4, 4, 3), np.uint8), "BGR")
    assert not picture.due_again()
    now[0] += REPEAT_S
    assert picture.due_again()


def test_a_picture_is_copied() -> None:
    picture = LivePicture(WebSettings())
    image = np.zeros((4, 4, 3), np.uint8)
    picture.put(image, "RGB")
    image[:] = 255
    assert picture._waiting is not None
    assert not picture._waiting[0].any()
