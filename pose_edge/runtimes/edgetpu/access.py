"""Tells whether this user may open a device node, and what to do if not."""

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
    """Why a node cannot be opened.

    Attributes:
        text: What is wrong.
        remedy: What to do.
    """

    text: str
    remedy: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.text}: {self.remedy}"


def find_obstacle(node: Path) -> Obstacle | None:
    """Tell why a node cannot be opened for reading and writing.

    Args:
        node: The device node.

    Returns:
        None when it can be opened, as far as its permissions tell.
    """
    try:
        status = node.stat()
    except FileNotFoundError:
        return Obstacle(
            f"{node} is not there", "pass it into the container, or plug the device in again"
        )
    except OSError as error:
        return Obstacle(f"{node}: {error.strerror}", "run as a user who may list that folder")
    if os.access(node, os.R_OK | os.W_OK):
        return None
    return Obstacle(f"{current_user()} may not open {node}", _remedy(status))


def current_user() -> str:
    """Return the name of the user that this process runs as (the number, if there is no name)."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _remedy(status: os.stat_result) -> str:
    both = stat.S_IRGRP | stat.S_IWGRP
    if status.st_gid == 0 or status.st_mode & both != both:
        rules = resources.udev_rules()
        return (
            f"`sudo cp {rules} /etc/udev/rules.d/ && sudo udevadm control --reload && "
            "sudo udevadm trigger` lets group plugdev in"
        )
    user, group = current_user(), _group(status.st_gid)
    if _is_member(user, status.st_gid):
        return f"{user} has joined group {group} meanwhile; log in again, or restart the service"
    return f"`sudo usermod -aG {group} {user}`, then log in again"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _is_member(user: str, group: int) -> bool:
    try:
        return group in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except KeyError:
        return False
