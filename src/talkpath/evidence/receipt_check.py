"""Checks that the responder's receipt agrees with the facts of a bundle.

Contract: `open_receipt` raises `BundleError` with one sentence at the first disagreement. What arrived at the probe,
its times and its delays are the probe's own word, and so are plan, health, reach and times. The receipt can only bind
them to what the probe told when the check ended (`measure.facts_digest`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.errors import BundleError, WireError
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts, Observation, SignedReceipt, Track
from talkpath.measure.facts_digest import facts_digest, run_digest
from talkpath.measure.question_text import OLD_WORDS
from talkpath.wire.control.keys import raw_key_text
from talkpath.wire.control.receipt import (
    ReceiptHead,
    ReceiptStatement,
    SeenEpoch,
    SeenFlow,
    Signed,
    unseal_head,
    unseal_receipt,
)

MOST_BETWEEN_CHECKS = timedelta(hours=1)
MOST_APART = timedelta(hours=2)  # two clocks, each cut to the hour; a device's may be a little off
ANOTHER_RUN = "The test server's receipt is that of another run: it names another key or another seed."


def open_receipt(facts: Facts, probe_key: bytes) -> ReceiptStatement | None:
    """Verify the receipt against the facts and return what the responder signed; None where it signed nothing."""
    if facts.receipt is None:
        return None
    statement = _of_run(unseal_receipt, facts.receipt, probe_key)
    if statement.probe_seed != facts.seed:
        raise BundleError(ANOTHER_RUN)
    if facts.responder_key and raw_key_text(statement.responder_key) != facts.responder_key:
        raise BundleError("The receipt was signed by another test server than the one that was measured.")
    if statement.responder_class != facts.responder_class:
        raise BundleError("The facts and the receipt disagree about the test server's own network.")
    if statement.facts_digest != facts_digest(facts.epochs):
        raise BundleError("The facts are not those that the probe had told the test server when the check ended.")
    _compare_epochs(facts.epochs, statement.epochs)
    _compare_run(facts, statement)
    return statement


def binds_whole_run(facts: Facts, statement: ReceiptStatement) -> bool:
    """Whether a receipt binds plan, health, reach, exchanges, transports and times of these facts too, and not the
    epochs alone. Those of the lab are not compared when a bundle is read (`_compare_run`)."""
    return statement.run_digest == run_digest(facts)


def are_two_servers(first: Facts, second: Facts) -> bool:
    """Whether both checks hold valid receipts, of two test servers, that began within an hour by the servers' clocks.

    Facts may name any server. The lab's keys are everybody's, and what they sign is marked as simulated.
    """
    if first.simulated and second.simulated:
        return True
    one, other = _own_statement(first), _own_statement(second)
    return (
        one is not None
        and other is not None
        and one.responder_key != other.responder_key
        and time_apart(one.started_at, other.started_at) <= MOST_BETWEEN_CHECKS
    )


def are_vouched_alike(first: Facts, second: Facts) -> bool:
    """Whether two checks that name the same test server hold its receipts of one hour, or neither holds one.

    Else a finding that nobody signed, or of another day, would stand under the signature that the other check has.
    """
    one, other = _own_statement(first), _own_statement(second)
    if one is not None and other is not None:
        return time_apart(one.started_at, other.started_at) <= MOST_BETWEEN_CHECKS
    return first.simulated or (one is other and (first.receipt is None) == (second.receipt is None))


def _own_statement(facts: Facts) -> ReceiptStatement | None:
    """What the test server that the facts name has signed; None where it signed nothing, or not when the check began.
    For which key of a run it did is checked where a bundle is read."""
    if facts.receipt is None:
        return None
    try:
        statement = open_receipt(facts, unseal_head(facts.receipt.body, facts.receipt.signature).probe_key)
    except (BundleError, WireError):
        return None
    names_it = statement is not None and raw_key_text(statement.responder_key) == facts.responder_key
    return statement if statement is not None and statement.started_at and names_it else None


def open_head(receipt: SignedReceipt, probe_key: bytes) -> ReceiptHead:
    """Verify the signature of a receipt for the run with this key, and return its head."""
    return _of_run(unseal_head, receipt, probe_key)


def _of_run(opened: Callable[[bytes, bytes], Signed], receipt: SignedReceipt, probe_key: bytes) -> Signed:
    try:
        opened_receipt = opened(receipt.body, receipt.signature)
    except WireError as error:
        raise BundleError(f"The test server's receipt does not verify: {error}.") from None
    if opened_receipt.probe_key != probe_key:
        raise BundleError(ANOTHER_RUN)
    return opened_receipt


def _compare_run(facts: Facts, statement: ReceiptStatement) -> None:
    """Check everything but the epochs, as far as the receipt binds it.

    The lab adds exchanges and a reference after a check, so the digest of its facts is not compared; what the lab signs
    proves nothing in any case.
    """
    if not facts.simulated and not binds_whole_run(facts, statement):
        what = "The plan, the ports, the health or the times"
        raise BundleError(f"{what} are not those that the probe had told the test server.")
    if time_apart(facts.started_at, statement.started_at) > MOST_APART:
        raise BundleError("The facts and the test server's receipt disagree about when the check began.")


def time_apart(one: str, other: str) -> timedelta:
    """The time between two hours, none where one of them is not told (virtual time)."""
    return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) if one and other else timedelta(0)


def _compare_epochs(facts: Sequence[Epoch], seen: Sequence[SeenEpoch]) -> None:
    """Check that the responder saw every epoch that counts, and that no epoch that it saw was left out."""
    stored = {epoch.number: epoch for epoch in facts}
    signed = {epoch.number: epoch for epoch in seen}
    counting = {epoch.number for epoch in facts if not epoch.missing}
    if not counting <= signed.keys() <= stored.keys() or len(signed) != len(seen):
        raise BundleError("The facts and the test server's receipt are not about the same epochs.")
    for number in sorted(counting):
        if not _epochs_agree(stored[number], signed[number]):
            raise BundleError(f"The facts and the test server's receipt disagree about epoch {number}.")


def _epochs_agree(epoch: Epoch, seen: SeenEpoch) -> bool:
    up = [flow for flow in epoch.flows if flow.direction == "up"]
    down = [flow for flow in epoch.flows if flow.direction == "down"]
    return (
        seen.arm == str(epoch.arm)
        and OLD_WORDS.get(seen.question, seen.question) == epoch.question.kind
        and len(up) == len(down) == len(seen.flows)
        and all(map(_flows_agree, up, down, seen.flows, repeat(_slot_kinds(epoch.up))))
    )


def _flows_agree(up: Observation, down: Observation, seen: SeenFlow, kinds: _SlotKinds) -> bool:
    return (
        role_word(up) == role_word(down) == seen.role
        and down.sent == seen.sent
        and _bitmap_number(up.late) == _bitmap_number(seen.late)
        and _arrivals_fit(up, seen, kinds)
    )


def role_word(flow: Observation) -> str:
    """Return what a receipt calls the role of a flow."""
    return "canary" if flow.canary else flow.twin_kind or flow.role


def _bitmap_number(bitmap: bytes) -> int:
    return int.from_bytes(bitmap, "little")


class _SlotKinds(NamedTuple):
    """The slots of a schedule in one direction: its media, its set-up packets, and of each of these the kind (its stage
    and size), as one of `how_many` numbers."""

    media: NDArray[np.intp]
    setup: NDArray[np.intp]
    kind: NDArray[np.intp]
    how_many: int


def _slot_kinds(track: Track) -> _SlotKinds:
    is_media = np.array([stage == "media" for stage in track.stage], np.bool_)
    setup = np.flatnonzero(~is_media)
    numbers: dict[tuple[str, int], int] = {}
    kind = [numbers.setdefault((track.stage[slot], track.size[slot]), len(numbers)) for slot in setup]
    return _SlotKinds(np.flatnonzero(is_media), setup, np.array(kind, np.intp), len(numbers))


def _arrivals_fit(up: Observation, seen: SeenFlow, kinds: _SlotKinds) -> bool:
    """Whether the same media packets arrived, and as many set-up packets of each kind.

    Retries of one set-up packet have the same bytes, so an end cannot say which of them arrived, and takes a packet
    that the network doubled for a retry. Facts leave out what was never sent, but cannot make all of a kind vanish.
    """
    slots = len(kinds.media) + len(kinds.setup)
    if _bitmap_number(seen.arrived) >> slots:  # what follows looks at each packet
        return False
    stored, signed, sent = (unpack_bitmap(bitmap, slots) for bitmap in (up.arrived, seen.arrived, up.sent))
    counted, every, doubled, left = (
        np.bincount(kinds.kind[bits[kinds.setup]], minlength=kinds.how_many)
        for bits in (stored, signed, signed & ~sent, sent)
    )
    least, most = np.maximum(every - doubled, np.minimum(1, every)), np.minimum(every, left)
    same_media = np.array_equal(stored[kinds.media], signed[kinds.media])
    return same_media and bool(((least <= counted) & (counted <= most)).all())
