"""Checks of whether this user may open a device node, with remedies if not."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from pose_edge.util import resources


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a device node cannot be opened.

    Attributes:
        text: What is wrong.
        remedy: What to do about it.
    """

    text: str
    remedy: str

    def __str__(self) -> str:
        """Return text and remedy in one line."""
        return f"{self.text}: {self.remedy}"


def can_open(node: Path) -> bool:
    """Return whether this user may open a device node for reading and writing."""
    return os.access(node, os.R_OK | os.W_OK)


def find_obstacle(node: Path, *, group: str | None = None) -> Obstacle | None:
    """Return why a device node cannot be opened for reading and writing.

    Args:
        node: The device node.
        group: The group to which the system's udev rules assign such nodes. Joining it is the
            remedy if the node's own group may not open the node. None for the Coral, which needs a
            udev rule first.

    Returns:
        The obstacle; None if the permissions allow opening the node.
    """
    try:
        status = node.stat()
    except FileNotFoundError:
        return Obstacle(
            f"{node} is not there", "pass it into the container, or plug the device in again"
        )
    except OSError as error:
        return Obstacle(f"{node}: {error.strerror}", "run as a user who may read that folder")
    if can_open(node):
        return None
    text = f"{current_user()} may not open {node}"
    both = stat.S_IRGRP | stat.S_IWGRP
    if status.st_gid != 0 and status.st_mode & both == both:
        return Obstacle(text, how_to_join(_group_name(status.st_gid)))
    if group is not None:
        return Obstacle(text, how_to_join(group))
    return Obstacle(
        text,
        f"`sudo cp {resources.udev_rules()} /etc/udev/rules.d/ && sudo udevadm control --reload && "
        "sudo udevadm trigger` lets group plugdev in",
    )


def how_to_join(group: str) -> str:
    """Return what this user must do so that this process gets the rights of a group."""
    user = current_user()
    try:
        joined = grp.getgrnam(group).gr_gid in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except KeyError:
        joined = False
    if joined:
        return (
            f"{user} has joined group {group} since the login; log in again, or restart the service"
        )
    return f"`sudo usermod -aG {group} {user}`, then log in again"


def current_user() -> str:
    """Return the name of the user of this process, or the number if it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # as in containers
        return str(os.geteuid())


def current_groups() -> set[str]:
    """Return the names of the groups of this process, or the numbers of those without a name."""
    return {_group_name(number) for number in (*os.getgroups(), os.getegid())}


def _group_name(number: int) -> str:
    """Return the name of a group, or its number if it has no name."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
