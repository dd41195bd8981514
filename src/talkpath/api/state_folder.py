"""Where this user's programs keep what they remember: keys, certificates, and which lists of servers they have seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """The folder of files that are kept from one start to the next."""
    return Path(os.environ.get("XDG_STATE_HOME") or _usual_place()) / "talkpath"


def _usual_place() -> Path:
    """Where this system's programs keep their state."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path.home() / ".local" / "state"
