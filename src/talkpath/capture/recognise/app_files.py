"""What the app files offer to recognition: their recognisers, cues and wrappings."""

from __future__ import annotations

from collections.abc import Callable

from talkpath.apps import app_modules
from talkpath.apps.contract.cue import DATAGRAM_KINDS, Cue
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram

Recogniser = Callable[[bytes, FlowView], RecognisedDatagram | None]


def app_recognisers() -> dict[str, Recogniser]:
    """Return the recognisers of all app files, by the id of the app."""
    return {name: module.recognise for name, module in app_modules().items()}


def apps_asked_about(kind: str) -> list[str]:
    """Return the apps whose recogniser may know datagrams of a kind."""
    return [name for name, module in app_modules().items() if kind in getattr(module, "SEES", DATAGRAM_KINDS)]


def app_cues() -> list[tuple[str, Cue]]:
    """Return (app, cue) for all cues."""
    return [(name, cue) for name, module in app_modules().items() for cue in getattr(module, "CUES", ())]


def app_wrappings() -> list[Cue]:
    """Return all wrappings that the app files declare."""
    return [cue for module in app_modules().values() for cue in getattr(module, "WRAPPINGS", ())]
