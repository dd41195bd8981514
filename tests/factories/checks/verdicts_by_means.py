"""Verdicts of several means about one app, in every combination of their states."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from talkpath.verdict.bases.joined_means import JoinedMedium, join_means
from talkpath.verdict.model import Reason, Verdict

STATES = ("ok", "restricted", "closed", "impaired", "unreachable", "insufficient", "likely")


def verdict_of_basis(basis: str, state: str, medium: str = "voice", app: str = "telegram", **more: object) -> Verdict:
    likely = state == "likely"
    settings = {"reason": Reason("single_request"), "alternatives": ("media.freeze",)} if likely else {}
    return Verdict(
        app=app,
        variant="",
        medium=medium,  # type: ignore[arg-type]
        state="insufficient" if likely else state,  # type: ignore[arg-type]
        basis=basis,  # type: ignore[arg-type]
        **{**settings, **more},  # type: ignore[arg-type]
    )


def joined_states(server: str | None = None, addresses: str | None = None, call: str | None = None) -> JoinedMedium:
    """Voice of one app, by the state that each means has."""
    states = {"shape": server, "address": addresses, "call": call}
    verdicts = [verdict_of_basis(basis, state) for basis, state in states.items() if state is not None]
    return next(each for each in join_means(verdicts) if each.medium == "voice")


def state_combinations() -> Iterator[tuple[str | None, ...]]:
    """Every state, or none, of each of the three means about calls."""
    yield from (each for each in product((None, *STATES), repeat=3) if any(each))
