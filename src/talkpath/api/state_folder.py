"""Where this user's programs keep what they remember: keys, certificates, and which lists of servers they have seen."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The folder of files that are kept from one start to the next."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "talkpath"
