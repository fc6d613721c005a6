"""The faults that the campaign injects into an unattended machine."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from system.filling import fill, free
from system.service import UNIT, Settings
from system.service_rig import RATE, ServiceRig

YEAR_S: Final = 365 * 86400
WORD_S: Final = 30.0
TAKEN: Final = "configuration read again"
NOT_TAKEN: Final = "configuration not taken"

FAULTY_FILES: Final = (
    "camera: [\n",
    "camera:\n  wait: perhaps\n",
    "nonsense: 1\n",
    "\x00\x01",
)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: Its name in the report.
        begin: Causes the fault.
        over: Ends the fault; None if it needs no ending.
        lasts: Shortest and longest time that the fault lasts, in seconds.
        prepare: Called before `begin`, while the machine is healthy.
    """

    name: str
    begin: Callable[[], object]
    over: Callable[[], object] | None = None
    lasts: tuple[float, float] = (0.0, 0.0)
    prepare: Callable[[], object] | None = None


@dataclass
class Faults:
    """All faults that can be injected into one machine."""

    rig: ServiceRig
    rng: random.Random
    settings: Settings
    """The settings configured besides `service.BASE`; a good reload changes them."""
    _years: int = field(default=0, init=False)

    def all(self) -> list[Fault]:
        """Return all faults, each once."""
        rig = self.rig
        away, hang, short = (2.0, 12.0), (7.0, 14.0), (1.0, 10.0)
        return [
            Fault("killed", lambda: rig.service.signal("KILL")),
            Fault("asked to end", lambda: rig.service.signal("TERM")),
            Fault("stopped", lambda: rig.service.signal("STOP")),
            self._deadlock("source"),
            self._deadlock("inference"),
            self._deadlock("screen"),
            Fault("camera unplugged", self._unplug, self._plug, away),
            Fault("camera unplugged twice", self._unplug_twice, self._plug, short),
            Fault("camera hangs", rig.camera.freeze, self._unfreeze, hang),
            Fault("screen off", self._screen_off, self._screen_on, away),
            Fault("screen and camera away", self._both_away, self._both_there, away),
            Fault("killed without a camera", self._kill_without_camera, self._plug, away),
            Fault("killed without a screen", self._kill_without_screen, self._screen_on, away),
            Fault("disk full", self._fill, self._free, (5.0, 12.0)),
            Fault("disk full and killed", self._fill_and_kill, self._free, (5.0, 12.0)),
            Fault("clock jumps by a year", self._jump),
            Fault("good reload", self._reload_good),
            Fault("faulty reload", self._reload_faulty, self.configure, (0.5, 3.0)),
            Fault("faulty file and killed", self._faulty_and_killed, self._repair, (3.0, 8.0)),
            Fault("camera's permission taken", self._forbid, self._allow, (5.0, 12.0)),
            Fault("journal restarted", lambda: rig.run("systemctl restart systemd-journald")),
            Fault("many signals to reload", self._reload_often),
        ]

    def configure(self) -> None:
        """Write the current valid configuration (`settings`)."""
        self.rig.service.configure(self.settings)

    def undo(self) -> None:
        """Restore the machine by intervention, after a fault that the service did not survive."""
        self._free()
        self.configure()
        self.rig.run("chmod 660 /dev/video* || true")
        self.rig.restore(self.settings)

    def _deadlock(self, part: str) -> Fault:
        def prepare() -> None:
            self.settings = {**self.settings, "testing": {"deadlock": part}}
            self._reload_good()

        return Fault(f"deadlock: {part}", lambda: self.rig.service.signal("USR2"), prepare=prepare)

    def _unplug(self) -> None:
        self.rig.camera.unplug()
        self.rig.wait_for_no_camera()

    def _plug(self) -> None:
        self.rig.plug_camera(rate=RATE)

    def _unplug_twice(self) -> None:
        self._unplug()
        time.sleep(self.rng.uniform(0.5, 3.0))
        self._plug()
        time.sleep(self.rng.uniform(0.0, 2.0))  # unplug it while the service is opening it
        self._unplug()

    def _unfreeze(self) -> None:
        self.rig.camera.freeze(frozen=False)

    def _screen_off(self) -> None:
        self.rig.screen.plug(connected=False)

    def _screen_on(self) -> None:
        self.rig.screen.plug(connected=True)

    def _both_away(self) -> None:
        self._screen_off()
        self._unplug()

    def _both_there(self) -> None:
        self._plug()
        self._screen_on()

    def _kill_without_camera(self) -> None:
        self._unplug()
        self.rig.service.signal("KILL")

    def _kill_without_screen(self) -> None:
        self._screen_off()
        self.rig.service.signal("KILL")

    def _fill(self) -> None:
        fill(self.rig.machine.agent)

    def _fill_and_kill(self) -> None:
        self._fill()
        self.rig.service.signal("KILL")

    def _free(self) -> None:
        free(self.rig.machine.agent)

    def _jump(self) -> None:
        step = self.rng.choice((1, -1)) if self._years == 0 else -self._years
        self._years += step
        self.rig.run(f"date --set=@$(( $(date +%s) + {step * YEAR_S} ))")

    def _reload_good(self) -> None:
        readout = not self.settings.get("overlay", {}).get("readout", True)
        self.settings = {**self.settings, "overlay": {"readout": readout}}
        since = self.rig.service.cursor()
        self.configure()
        self.rig.service.reload()
        self.rig.service.wait_for_word(TAKEN, since, WORD_S)

    def _write_faulty(self) -> None:
        self.rig.service.write(self.rng.choice(FAULTY_FILES))

    def _reload_faulty(self) -> None:
        since = self.rig.service.cursor()
        self._write_faulty()
        self.rig.service.reload()
        self.rig.service.wait_for_word(NOT_TAKEN, since, WORD_S)

    def _faulty_and_killed(self) -> None:
        self._write_faulty()
        self.rig.service.signal("KILL")

    def _repair(self) -> None:
        self.configure()

    def _forbid(self) -> None:
        self.rig.run("chmod 000 /dev/video*")
        self.rig.service.signal("KILL")

    def _allow(self) -> None:
        self.rig.run("chmod 660 /dev/video*")

    def _reload_often(self) -> None:
        self.rig.run(
            f"for i in 1 2 3 4 5 6 7 8; do systemctl kill --signal=HUP --kill-whom=main {UNIT}; "
            "sleep 0.1; done"
        )
