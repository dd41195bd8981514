"""`clean`: no loss, and little jitter."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings


def make(settings: RunSettings) -> Impairments:
    """Makes only the delay and jitter that every background has."""
    return Impairments()


KIND = BackgroundKind("clean", "a good line", make)
