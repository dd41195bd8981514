"""Tells glibc's allocator to keep what is freed, for reading large files.

Each block of a capture needs the same arrays again. Given back to the system in between, their pages are cleared anew
for each block, a twentieth of the time. And the thread that reads ahead gets no memory of its own, which nobody else
could use.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Options of mallopt(3)."""
KEPT_BYTES, LARGE_BYTES = 1 << 29, 1 << 24
"""So much is kept; what is larger than LARGE_BYTES has pages of its own, which are given back."""


def keep_freed_memory() -> None:
    """Set the options; does nothing where the C library has no mallopt."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in ((TRIM_THRESHOLD, KEPT_BYTES), (MMAP_THRESHOLD, LARGE_BYTES), (ARENA_MAX, 1)):
        mallopt(option, value)
