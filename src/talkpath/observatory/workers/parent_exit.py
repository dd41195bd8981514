"""A process that another one spawned ends with it, however that ended: nobody is left to tell it to."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Called in the spawned process, first of all."""
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # it was spawned
    parent.join()
    os._exit(1)
