"""`clean`: nothing is lost, little varies."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather


def make(draws: Draws) -> Weather:
    """Nothing beside the delay and jitter that every background has."""
    return Weather()


KIND = Kind("clean", "a good line", make)
