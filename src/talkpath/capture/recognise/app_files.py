"""What the app files offer to recognition: their recognisers, cues and wrappings."""

from __future__ import annotations

from collections.abc import Callable

from talkpath.apps import app_modules
from talkpath.apps.contract.cue import Cue, SeenKinds
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram

Recogniser = Callable[[bytes, FlowView], RecognisedDatagram | None]


def app_recognisers() -> dict[str, Recogniser]:
    """Return the recognisers of the app files that have one, by the id of the app."""
    return {name: module.recognise for name, module in app_modules().items() if hasattr(module, "recognise")}


def apps_asked_about(kind: str, *, begin: bool = False) -> list[str]:
    """Return the apps whose recogniser may know datagrams of a kind, or may `begin` a flow with them."""
    seen = {name: getattr(app_modules()[name], "SEES", SeenKinds()) for name in app_recognisers()}
    return [name for name, kinds in seen.items() if kind in kinds.begin or (kind in kinds.later and not begin)]


def app_cues() -> list[tuple[str, Cue]]:
    """Return (app, cue) for all cues."""
    return [(name, cue) for name, module in app_modules().items() for cue in getattr(module, "CUES", ())]


def app_wrappings() -> list[Cue]:
    """Return all wrappings that the app files declare."""
    return [cue for module in app_modules().values() for cue in getattr(module, "WRAPPINGS", ())]


def stun_types(role: str) -> list[int]:
    """Return the message types of that role (`STUN_ANSWERS`, `STUN_INDICATIONS`) that app files have of their own."""
    return [number for module in app_modules().values() for number in getattr(module, role, ())]
