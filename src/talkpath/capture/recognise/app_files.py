"""What the app files offer to recognition: their recognisers, byte hints and wrappings."""

from __future__ import annotations

from collections.abc import Callable

from talkpath.apps import app_modules
from talkpath.apps.contract.byte_hint import ByteHint, SeenKinds
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram

Recogniser = Callable[[bytes, FlowView], RecognisedDatagram | None]


def app_recognisers() -> dict[str, Recogniser]:
    """Return the recognisers of the app files that have one, by the id of the app."""
    return {name: module.recognise for name, module in app_modules().items() if hasattr(module, "recognise")}


def apps_asked_about(kind: str, *, begin: bool = False) -> list[str]:
    """Return the apps whose recogniser may know datagrams of a kind, or may `begin` a flow with them."""
    seen = {name: getattr(app_modules()[name], "SEES", SeenKinds()) for name in app_recognisers()}
    return [name for name, kinds in seen.items() if kind in kinds.begin or (kind in kinds.later and not begin)]


def app_byte_hints() -> list[tuple[str, ByteHint]]:
    """Return (app, byte hint) for all byte hints."""
    return [(name, hint) for name, module in app_modules().items() for hint in getattr(module, "BYTE_HINTS", ())]


def app_wrappings() -> list[ByteHint]:
    """Return all wrappings that the app files declare."""
    return [hint for module in app_modules().values() for hint in getattr(module, "WRAPPINGS", ())]


def stun_types(role: str) -> list[int]:
    """Return the message types of that role (`STUN_ANSWERS`, `STUN_INDICATIONS`) that app files have of their own."""
    return [number for module in app_modules().values() for number in getattr(module, role, ())]
