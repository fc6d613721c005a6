"""The web server of a run; the supervisor replaces its thread when that fails or hangs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from pose_edge.config.schema import Settings
from pose_edge.errors import UnavailableError
from pose_edge.supervision.hung_threads import HungThreads
from pose_edge.supervision.supervisor import Part, Supervisor
from pose_edge.util.extras import extra_command
from pose_edge.web.address import page_address
from pose_edge.web.listening import Place, Service, find_services
from pose_edge.web.live_picture import LivePicture
from pose_edge.web.pose_feed import PoseFeed
from pose_edge.web.run_access import RunAccess
from pose_edge.web.server_parts import ServerContext
from pose_edge.web.server_thread import NAME, ServerThread

if TYPE_CHECKING:
    from pose_edge.web.listener import Listener

log = logging.getLogger(__name__)

START_S: Final = 60.0
"""Longest time for a start, seconds: importing aiohttp took 20 s on an emulated processor."""
HANG_S: Final = 20.0
"""Time without a heartbeat after which the thread is considered hung, seconds."""
CLOSE_S: Final = 2.0
"""Longest wait for the end of the thread, seconds."""


class WebServer:
    """Serves the page, pose lines and metrics of a run, as its settings say.

    Attributes:
        picture: The live picture, which the main thread draws.
        poses: The pose lines.
        address: The URL of the page, for people; None while the page is not served.
        reachable: Whether other machines can reach the page.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        report: Callable[[str | None], None],
        supervisor: Supervisor,
    ) -> None:
        """Create the server; `open` starts it.

        Args:
            settings: The settings at the start.
            report: Called with the server's faults, and with None when it works.
            supervisor: Replaces the thread when it fails or hangs.

        Raises:
            PoseEdgeError: See `check`.
        """
        self.check(settings)
        self.picture = LivePicture(settings.web)
        self.poses = PoseFeed()
        self.address: str | None = None
        self.reachable = False
        self._settings = settings
        self._report = report
        self._supervisor = supervisor
        self._parts: ServerContext | None = None
        self._part: Part | None = None
        self._serving: ServerThread | None = None
        self._hung = HungThreads()
        self._lock = threading.Lock()
        self._told: tuple[str, ...] = ()
        self._served: set[Place] = set()
        self._never_served: dict[Place, str] = {}

    def check(self, settings: Settings) -> None:
        """Check settings as `change` does, without applying them.

        Raises:
            UsageError: A port is too high.
            UnavailableError: aiohttp is not installed, but needed.
        """
        if find_services(settings) and find_spec("aiohttp") is None:
            raise UnavailableError(
                "aiohttp is not installed, which the page, the WebSocket and the figures need",
                remedy=f"install it with {extra_command('web')}",
            )

    def open(self, run: RunAccess) -> None:
        """Start serving a run, as the settings say."""
        with self._lock:
            self._parts = ServerContext(self._settings, run, self.picture, self.poses)
            self._begin()

    def change(self, settings: Settings) -> None:
        """Apply new settings; connections are closed only if services or access rules change.

        Raises:
            PoseEdgeError: The settings cannot be used; the present ones stay in force.
        """
        self.check(settings)
        with self._lock:
            again = _restart_key(settings) != _restart_key(self._settings)
            self._settings, self.picture.settings = settings, settings.web
            if self._parts is None:
                return
            self._parts.settings = settings
            if again:
                self._end()
                self._never_served.clear()
                self._begin()

    def close(self) -> None:
        """Close all connections, and stop the thread or, after `CLOSE_S`, abandon it."""
        with self._lock:
            self._end()

    def failures(self) -> list[str]:
        """Return, after `close`, why nothing was ever served at a host and port of the settings."""
        return [f"{NAME}: {fault}" for fault in self._never_served.values()]

    def _begin(self) -> None:
        """Start the thread if there is anything to serve; the caller holds the lock."""
        services = find_services(self._settings)
        if self._parts is None or not services:
            return
        self.poses.active = any(services.values())
        if any(Service.PAGE in one for one in services.values()):
            logging.getLogger().addHandler(self._parts.log)
        self._part = self._part or self._supervisor.add(NAME, self._replace)
        self._part.starting(within=START_S)
        self._serving = ServerThread(self._parts, services, tick=self._tick, failed=self._failed)
        self._serving.start()

    def _end(self) -> None:
        """Stop serving; the caller holds the lock."""
        serving, self._serving = self._serving, None
        self.poses.active, self.address, self.reachable = False, None, False
        self._supervisor.remove(NAME)
        self._part = None
        self._tell(())
        if self._parts is not None:
            logging.getLogger().removeHandler(self._parts.log)
        if serving is not None and not serving.stop(CLOSE_S):
            log.warning("%s: it does not end, and is given up", NAME)
            serving.abandon()
            self._hung.add(serving.thread)

    def _replace(self) -> None:
        """Replace a thread that has failed or hangs; called by the supervisor."""
        with self._lock:
            serving, part = self._serving, self._part
            if serving is None or part is None:
                return
            self._serving = None
            serving.abandon()
            self._hung.add(serving.thread)
            if self._hung.too_many:
                part.failed("too many threads hang in the server")
            else:
                self._begin()

    # --- in the thread ----------------------------------------------------------------------------

    def _tick(self, serving: ServerThread, listeners: Sequence[Listener]) -> None:
        """Send a heartbeat, and report what is served and what is not."""
        part = self._part
        if serving is not self._serving or part is None:
            return
        self._note_failures(listeners)
        self._note_page([one.place for one in listeners if one.page])
        self._tell(tuple(one.fault for one in listeners if one.fault is not None), listeners)
        working = ", ".join(str(one.place) for one in listeners if one.works)
        if working:
            part.running(working, within=HANG_S)
        else:
            part.waiting("; ".join(self._told), within=HANG_S, tried=False)

    def _failed(self, serving: ServerThread, error: BaseException) -> None:
        log.debug("%s", NAME, exc_info=error)
        if serving is self._serving and self._part is not None:
            self._note_page([])
            self._part.failed(str(error) or type(error).__name__)

    def _note_failures(self, listeners: Sequence[Listener]) -> None:
        """Remember the places that have not been served yet, for `failures`."""
        for one in listeners:
            if one.works:
                self._served.add(one.place)
                self._never_served.pop(one.place, None)
            elif one.fault is not None and one.place not in self._served:
                self._never_served[one.place] = one.fault

    def _note_page(self, places: Sequence[Place]) -> None:
        self.address = page_address(places[0]) if places else None
        self.reachable = bool(places) and not places[0].local

    def _tell(self, faults: tuple[str, ...], listeners: Sequence[Listener] = ()) -> None:
        """Log and report faults and places that are served, if they have changed."""
        said = (*faults, *(str(one.place) for one in listeners if one.works))
        if said == self._told:
            return
        for fault in faults:
            if fault not in self._told:
                log.error("%s: %s", NAME, fault)
        for one in listeners:
            if one.works and str(one.place) not in self._told:
                offered = ", ".join(sorted(service.name.lower() for service in one.services))
                log.info("%s: %s at %s", NAME, offered, page_address(one.place))
        self._told = said
        self._report("; ".join(faults) or None)


def _restart_key(settings: Settings) -> tuple[Any, ...]:
    """Return the settings that cannot be changed while connections are open."""
    web, sockets = settings.web, settings.websocket
    return find_services(settings), web.token_file, web.hosts, sockets.origins
