"""The key table: what each key does, for the screen, the documentation and the program."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple


class Action(Enum):
    """What a key does."""

    HELP = auto()
    PAUSE = auto()
    STEP = auto()
    SNAPSHOT = auto()
    MODEL = auto()
    CAMERA = auto()
    BACKGROUND = auto()
    SKELETON = auto()
    READOUT = auto()
    CROP = auto()
    PAGE = auto()
    FULLSCREEN = auto()
    QUIT = auto()


class Key(NamedTuple):
    """One row of the key table.

    Attributes:
        shown: The key or keys, as shown to the user.
        meaning: What the key does, as shown to the user.
        action: What the program does.
        names: Names of the keys as `Display.poll` reports them.
    """

    shown: str
    meaning: str
    action: Action
    names: tuple[str, ...]


KEYS: Final = (
    Key("h  ?", "show these keys, or hide them", Action.HELP, ("h", "?")),
    Key("space", "pause, or go on", Action.PAUSE, ("space",)),
    Key(".", "next picture of a file that is paused", Action.STEP, (".",)),
    Key("p", "save the picture and its poses", Action.SNAPSHOT, ("p",)),
    Key("m", "next model", Action.MODEL, ("m",)),
    Key("1 ... 9", "camera", Action.CAMERA, tuple("123456789")),
    Key("b", "background: camera, black, blur", Action.BACKGROUND, ("b",)),
    Key("s", "skeletons on or off", Action.SKELETON, ("s",)),
    Key("i", "read-out: short, full, off", Action.READOUT, ("i",)),
    Key("c", "part of the picture that the model sees", Action.CROP, ("c",)),
    Key("w", "address of the page, as a code for phones", Action.PAGE, ("w",)),
    Key("f", "full screen, or a window", Action.FULLSCREEN, ("f",)),
    Key("q  Esc", "quit", Action.QUIT, ("q", "escape")),
)

ACTIONS: Final = {name: key.action for key in KEYS for name in key.names}
"""The action for each name of a key."""
