"""What the web page may request of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pose_edge.config.schema import Settings
from pose_edge.frames import Image
from pose_edge.live.presenter import Presenter
from pose_edge.live.reload import Reloader
from pose_edge.overlay import Scene
from pose_edge.poses import Result
from pose_edge.sinks.run_state import RunState
from pose_edge.sinks.steering import Steering
from pose_edge.web.run_access import RunAccess


def page_access(
    state: Callable[[], RunState],
    steering: Steering,
    reloader: Reloader,
    presenter: Presenter,
    *,
    in_main_thread: Callable[[Callable[[], None]], None],
    config: Path | None,
) -> RunAccess:
    """Return the interface through which the web page reaches a run.

    Args:
        state: Returns the state of the run; may be called in any thread.
        steering: Takes changes of settings.
        reloader: Holds the settings in force, and those of the configuration.
        presenter: Draws the picture; other threads may only read its `overlay`.
        in_main_thread: Schedules a function to be called in the main thread.
        config: The configuration file.
    """

    def take_picture(take: Callable[[Scene, Image], None], no_picture: Callable[[], None]) -> None:
        def draw(scene: Scene, _result: Result) -> None:
            take(scene, presenter.draw(scene))

        def ask() -> None:
            if not presenter.take_picture(draw):
                no_picture()

        in_main_thread(ask)

    def settings() -> Settings:
        return reloader.settings.model_copy(update={"overlay": presenter.overlay})

    return RunAccess(
        state=state,
        steering=steering,
        settings=settings,
        configured=lambda: reloader.configured,
        take_picture=take_picture,
        config=config,
        kept=reloader.note_kept,
    )
