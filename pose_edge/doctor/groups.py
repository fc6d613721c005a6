"""The user: which devices may be opened, and which group would help."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pose_edge.doctor.context import DoctorContext
from pose_edge.doctor.finding import Finding

SECTION: Final = "User"

_finding = partial(Finding, SECTION)


@dataclass(frozen=True, slots=True)
class Need:
    """What a group is for.

    Attributes:
        group: Its name.
        purpose: What its members may do.
        nodes: Patterns of the devices, below /dev.
    """

    group: str
    purpose: str
    nodes: tuple[str, ...]


NEEDS: Final = (
    Need("video", "cameras and the HDMI screen", ("video*", "media*", "dri/card*")),
    Need("render", "drawing by the graphics processor", ("dri/renderD*", "dma_heap/*")),
    Need("input", "keys where there is no desktop", ("input/event*",)),
    Need("tty", "the console where there is no desktop", ("tty1",)),
    Need("plugdev", "the Coral", ("apex_*",)),
)


@dataclass(frozen=True, slots=True)
class User:
    """Who runs the program.

    Attributes:
        name: Of the user.
        groups: That the process has.
        joined: That the user would have after logging in again.
    """

    name: str
    groups: frozenset[str]
    joined: frozenset[str]


def examine(
    context: DoctorContext,
    *,
    user: User | None = None,
    may_open: Callable[[Path], bool] = lambda node: os.access(node, os.R_OK | os.W_OK),
    exists: Callable[[str], bool] | None = None,
) -> Iterator[Finding]:
    """Look at the groups that the devices of this machine ask for."""
    user = user or current_user()
    exists = exists or _exists
    if user.name == "root":
        yield _finding("user", "ok", "root, who may open everything")
        return
    yield _finding("user", "ok", f"{user.name}; groups: {', '.join(sorted(user.groups)) or 'none'}")
    missing = [need for need in NEEDS if need.group not in user.groups and exists(need.group)]
    for need in missing:
        nodes = [node for pattern in need.nodes for node in sorted(context.dev.glob(pattern))]
        closed = [node for node in nodes if not may_open(node)]
        if not closed:
            continue  # nothing there that needs it, or the desktop has opened it for the user
        text = f"not in group {need.group}, which is for {need.purpose}: {closed[0]} stays closed"
        if need.group in user.joined:
            remedy = f"{user.name} has joined {need.group} meanwhile: log in again"
        else:
            remedy = f"`sudo usermod -aG {need.group} {user.name}`, then log in again"
        yield _finding(need.group, "warning", text, remedy)


def current_user() -> User:
    """Return the user that this process runs as."""
    number = os.geteuid()
    groups = {*os.getgroups(), os.getegid()}
    try:
        entry = pwd.getpwuid(number)
        joined = set(os.getgrouplist(entry.pw_name, entry.pw_gid))
    except KeyError:  # a user without a name, as in containers
        return User(str(number), _names(groups), frozenset())
    return User(entry.pw_name, _names(groups), _names(joined))


def _names(numbers: set[int]) -> frozenset[str]:
    names = set()
    for number in numbers:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            names.add(str(number))
    return frozenset(names)


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True
