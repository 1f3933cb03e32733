"""Who gives a command, for the records that keep it."""

from __future__ import annotations

import getpass
import os

__all__ = ["operator_name"]


def operator_name() -> str:
    """The user of this process, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that no file names
        return f"uid {os.getuid()}"
