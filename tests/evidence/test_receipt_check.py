"""What somebody who signs anew cannot do: everything that the responder saw is held against its receipt."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

import msgspec
import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_bundle, lab_check
from talkpath.errors import BundleError
from talkpath.evidence.bundle import (
    FACTS_PART,
    MAX_RECEIPT_BYTES,
    RECEIPT_PART,
    VERDICT_PART,
    _sign_parts,
    has_receipt,
    read_bundle,
    read_seal,
    write_check,
)
from talkpath.evidence.compression import compress
from talkpath.evidence.known_responders import probe_signer, responder_signer
from talkpath.evidence.receipt_check import open_head, open_receipt
from talkpath.measure.facts import Epoch, Exchange, Facts, Observation, SignedReceipt, Track
from talkpath.measure.facts_digest import facts_digest, run_digest
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.question import WatchedCalls
from talkpath.wire.control.receipt import RECEIPT_PREFIX, ReceiptHead, ReceiptStatement, seal_receipt, unseal_receipt

KEY = probe_signer().public
FACTS = lab_check()


def statement() -> ReceiptStatement:
    found = open_receipt(FACTS, KEY)
    assert found is not None
    return found


def told_anew(facts: Facts) -> Facts:
    """With a receipt whose digest fits: as if the probe had told these facts before the check ended. Only a responder
    can sign such a receipt; here the lab's key does."""
    fitting = replace(statement(), facts_digest=facts_digest(facts.epochs))
    return replace(facts, receipt=SignedReceipt(*seal_receipt(fitting, responder_signer())))


def first(change: Callable[[Observation], Observation], direction: str) -> Callable[[Epoch], Epoch]:
    """Change the first flow of a direction."""

    def changed(epoch: Epoch) -> Epoch:
        place = next(place for place, flow in enumerate(epoch.flows) if flow.direction == direction)
        flows = [*epoch.flows]
        flows[place] = change(flows[place])
        return replace(epoch, flows=tuple(flows))

    return changed


def no_media(flow: Observation) -> Observation:
    return replace(flow, arrived=bytes(len(flow.arrived)))


def exchanged(flow: Observation) -> Observation:
    call = flow.twin_kind == "random"
    return (
        flow
        if flow.twin_kind == "text"
        else replace(flow, role="call" if call else "twin", twin_kind=None if call else "random")
    )


def no_setup(bitmap: bytes) -> bytes:
    """Without what is not media, of the first epoch's way up."""
    media = sum(1 << bit for bit, stage in enumerate(FACTS.epochs[0].up.stage) if stage == "media")
    return (int.from_bytes(bitmap, "little") & media).to_bytes(len(bitmap), "little")


LIES = {
    "packets that came are lost": first(no_media, "up"),
    "packets that were never sent were": first(lambda flow: replace(flow, sent=b"\xff" * len(flow.sent)), "down"),
    "set-up that came is lost": first(lambda flow: replace(flow, arrived=no_setup(flow.arrived)), "up"),
    "set-up that came was never sent": first(
        lambda flow: replace(flow, arrived=no_setup(flow.arrived), sent=no_setup(flow.sent)), "up"
    ),
    "a late packet": first(lambda flow: replace(flow, late=b"\x01" + bytes(len(flow.sent) - 1)), "up"),
    "calls and twins change places": lambda epoch: replace(epoch, flows=tuple(map(exchanged, epoch.flows))),
    "a canary": first(lambda flow: replace(flow, canary=not flow.canary), "down"),
    "another app": lambda epoch: replace(epoch, app="whatsapp"),
    "another question": lambda epoch: replace(epoch, question=WatchedCalls()),
    "a flow less": lambda epoch: replace(epoch, flows=epoch.flows[2:]),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_facts_that_differ_from_what_the_responder_saw(lie: Callable[[Epoch], Epoch]) -> None:
    facts = told_anew(replace(FACTS, epochs=(lie(FACTS.epochs[0]), *FACTS.epochs[1:])))
    with pytest.raises(BundleError, match=f"disagree about epoch {FACTS.epochs[0].number}"):
        open_receipt(facts, KEY)


def test_a_bitmap_of_a_megabyte_is_refused_before_its_packets_are_looked_at() -> None:
    slots = 20_000
    track = Track(at_ms=(0.0,) * slots, size=(100,) * slots, stage=("stun",) * slots)
    facts = replace(FACTS, epochs=(replace(FACTS.epochs[0], up=track), *FACTS.epochs[1:]))
    seen, *others = statement().epochs
    flow = replace(seen.flows[0], arrived=b"\xff" * 900_000)
    told = replace(
        statement(),
        facts_digest=facts_digest(facts.epochs),
        epochs=(replace(seen, flows=(flow, *seen.flows[1:])), *others),
    )
    signed = replace(facts, receipt=SignedReceipt(*seal_receipt(told, responder_signer())))
    began_s = process_time()
    with pytest.raises(BundleError, match=f"disagree about epoch {FACTS.epochs[0].number}"):
        open_receipt(signed, KEY)
    assert process_time() - began_s < 1.0


@pytest.mark.parametrize("epochs", [FACTS.epochs[1:], FACTS.epochs[:-1], ()], ids=["first", "last", "all"])
def test_an_epoch_that_is_kept_back(epochs: tuple[Epoch, ...]) -> None:
    with pytest.raises(BundleError, match="not about the same epochs"):
        open_receipt(told_anew(replace(FACTS, epochs=epochs)), KEY)


def test_an_epoch_that_the_responder_never_saw() -> None:
    more = (*FACTS.epochs, replace(FACTS.epochs[-1], number=99))
    with pytest.raises(BundleError, match="not about the same epochs"):
        open_receipt(told_anew(replace(FACTS, epochs=more)), KEY)
    unheard = (*FACTS.epochs, replace(FACTS.epochs[-1], number=99, missing="responder_lost"))
    assert open_receipt(told_anew(replace(FACTS, epochs=unheard)), KEY)


def test_the_probe_s_own_word_cannot_be_changed_after_the_check() -> None:
    changed = first(no_media, "down")(FACTS.epochs[0])
    with pytest.raises(BundleError, match="not those that the probe had told"):
        open_receipt(replace(FACTS, epochs=(changed, *FACTS.epochs[1:])), KEY)


def test_the_receipt_of_another_run() -> None:
    other = lab_check(seed=4)
    for facts in (replace(FACTS, receipt=other.receipt), replace(FACTS, seed=other.seed)):
        with pytest.raises(BundleError, match="that of another run"):
            open_receipt(facts, KEY)
    with pytest.raises(BundleError, match="that of another run"):
        open_receipt(FACTS, Signer.fresh().public)


def test_a_receipt_of_another_responder() -> None:
    key = raw_key_text(Signer.fresh().public)
    with pytest.raises(BundleError, match="another test server"):
        open_receipt(replace(FACTS, responder_key=key), KEY)
    with pytest.raises(BundleError, match="own network"):
        open_receipt(replace(FACTS, responder_class="hosting"), KEY)


def test_a_statement_that_its_key_did_not_sign() -> None:
    body, _ = seal_receipt(replace(statement(), country="DE"), Signer.fresh())
    with pytest.raises(BundleError, match="signature is wrong"):
        open_receipt(replace(FACTS, receipt=SignedReceipt(body, bytes(64))), KEY)


@pytest.mark.parametrize(
    "words",
    [
        {"network": "203.0.113.7"},
        {"network": "AS"},
        {"country": "<b>"},
        {"ended_at": "2026-11-24T20:17:00Z"},
        {"responder_class": "my.host.name"},
        {"schema": "talkpath.receipt/9"},
    ],
)
def test_a_responder_cannot_smuggle_words_into_a_file(words: dict[str, str]) -> None:
    receipt = SignedReceipt(*seal_receipt(replace(statement(), **words), responder_signer()))
    assert not has_receipt(replace(FACTS, receipt=receipt), probe_signer())
    assert b"203.0.113.7" not in lab_bundle(replace(FACTS, receipt=receipt))


@pytest.mark.parametrize("body", [b"", b"\xc0", b"\x80", b"\x81\xa1x", bytes(range(256))])
def test_a_receipt_that_is_none(body: bytes) -> None:
    with pytest.raises(BundleError, match="is no receipt"):
        open_receipt(replace(FACTS, receipt=SignedReceipt(body, bytes(64))), KEY)


def test_the_head_is_the_statements_own_and_every_byte_behind_it_is_signed() -> None:
    found = read_seal(lab_bundle(FACTS)).receipt
    assert found == msgspec.convert(statement(), ReceiptHead, from_attributes=True)
    body, signature = seal_receipt(statement(), responder_signer())
    assert open_head(SignedReceipt(body, signature), KEY) == found
    for wrong in (body[:-1] + bytes([body[-1] ^ 1]), body.replace(b"epochs", b"epoche"), body[:-1]):
        with pytest.raises(BundleError, match="does not verify"):
            open_head(SignedReceipt(wrong, signature), KEY)


def test_what_is_signed_and_no_receipt_has_a_head_and_is_no_evidence() -> None:
    """An intake reads heads; whoever counts reads all."""
    body = msgspec.msgpack.encode(msgspec.structs.asdict(statement()) | {"epochs": "none"})
    receipt = SignedReceipt(body, responder_signer().sign(RECEIPT_PREFIX + body))
    assert open_head(receipt, KEY).network == statement().network
    with pytest.raises(BundleError, match="is no receipt"):
        open_receipt(replace(FACTS, receipt=receipt), KEY)


WORLDS = [
    ("clean", ()),
    ("ge,loss=0.1", ()),
    ("reorder", ()),
    ("nat_rebind", ()),
    ("congestion", ("media.police,app=webrtc",)),
    ("clean", ("stun.drop,app=webrtc",)),
    ("clean", ("media.delay,app=webrtc,ms=700",)),
    ("bufferbloat", ("media.freeze,app=webrtc,after_packets=20",)),
]


@pytest.mark.parametrize(("background", "rules"), WORLDS)
def test_honest_runs_fit_their_receipt(background: str, rules: tuple[str, ...]) -> None:
    """Losses, retries, packets out of order and too late: on no network do the two ends' words drift apart."""
    facts = lab_check(5, background, *rules)
    found = read_bundle(lab_bundle(facts)).receipt
    assert found is not None
    assert len(found.epochs) >= len([epoch for epoch in facts.epochs if not epoch.missing])
    assert unseal_receipt(*seal_receipt(found, responder_signer())) == found


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_packet_that_the_network_doubled_is_no_disagreement(seed: int) -> None:
    """A request that comes twice is taken for its own retry by the end that gets it."""
    assert read_bundle(lab_bundle(lab_check(seed, "reorder"))).receipt is not None


REAL = replace(FACTS, simulated=False, exchanges=(), started_at="2026-11-24T20:00:00Z")


def signed_for(facts: Facts, **changes: object) -> Facts:
    """As a test server of today signs these facts: with the digest of all of them, and its own hour."""
    told = {"facts_digest": facts_digest(facts.epochs), "run_digest": run_digest(facts), "started_at": facts.started_at}
    body, signature = seal_receipt(replace(statement(), **told | changes), responder_signer())
    return replace(facts, receipt=SignedReceipt(body, signature))


AFTERWARDS: dict[str, Callable[[Facts], Facts]] = {
    "exchanges": lambda facts: replace(
        facts, exchanges=(Exchange(app="telegram", host="x", neutral=False, at_s=1.0, ok=False),)
    ),
    "another day": lambda facts: replace(facts, started_at="2026-11-23T20:00:00Z"),
    "another hour": lambda facts: replace(facts, started_at="2026-11-24T21:00:00Z"),
    "clean health": lambda facts: replace(facts, health=replace(facts.health, vpn=not facts.health.vpn)),
    "alpha": lambda facts: replace(facts, plan=replace(facts.plan, alpha=0.01)),
    "arms": lambda facts: replace(facts, plan=replace(facts.plan, arms=facts.plan.arms[:1] * 2)),
    "reach": lambda facts: replace(facts, reach=replace(facts.reach, listed_s=0.0)),
    "transports": lambda facts: replace(facts, paths=("tcp/443", *facts.paths)),
    "duration": lambda facts: replace(facts, duration_s=facts.duration_s + 1.0),
}


@pytest.mark.parametrize("change", AFTERWARDS.values(), ids=AFTERWARDS)
def test_whoever_keeps_the_key_of_the_run_cannot_change_the_rest_afterwards(change: Callable[[Facts], Facts]) -> None:
    signed = signed_for(REAL)
    assert open_receipt(signed, KEY) is not None
    changed = change(signed)
    assert changed != signed
    with pytest.raises(BundleError, match="not those that the probe had told the test server"):
        open_receipt(changed, KEY)


@pytest.mark.parametrize("change", AFTERWARDS.values(), ids=AFTERWARDS)
def test_a_bundle_signed_anew_is_refused(change: Callable[[Facts], Facts]) -> None:
    """The same, through the file: the writer leaves such a receipt out, and a forger's file does not verify."""
    changed = change(signed_for(REAL))
    assert not has_receipt(changed, probe_signer())
    with pytest.raises(BundleError):
        read_bundle(forged(changed))


def forged(facts: Facts) -> bytes:
    """A bundle whose writer checks nothing."""
    assert facts.receipt is not None
    parts = {
        FACTS_PART: compress(msgspec.msgpack.encode(replace(facts, receipt=None))),
        RECEIPT_PART: compress(msgspec.msgpack.encode(facts.receipt)),
        VERDICT_PART: compress(b"{}"),
    }
    return _sign_parts("check", parts, probe_signer())


def test_exchanges_that_the_probe_told_of_before_the_receipt_are_bound_by_it() -> None:
    """They are this device's word, as everything that it saw alone."""
    facts = AFTERWARDS["exchanges"](REAL)
    assert read_bundle(forged(signed_for(facts))).receipt is not None


@pytest.mark.parametrize(("hour", "fits"), [("20", True), ("19", True), ("22", True), ("23", False), ("17", False)])
def test_the_start_is_held_against_the_test_server_s_clock(hour: str, fits: bool) -> None:
    facts = signed_for(REAL, started_at=f"2026-11-24T{hour}:00:00Z")
    if fits:
        assert open_receipt(facts, KEY) is not None
        return
    with pytest.raises(BundleError, match="disagree about when the check began"):
        open_receipt(facts, KEY)


def test_a_receipt_too_long_for_a_bundle_is_left_out_when_one_is_written() -> None:
    """A lying server pads a bitmap with zeros: it agrees with the facts, and no reader would take the part."""
    signed = signed_for(REAL)
    receipt = signed.receipt
    assert receipt is not None
    honest = unseal_receipt(receipt.body, receipt.signature)
    flow, *others = honest.epochs[0].flows
    padded = replace(honest.epochs[0], flows=(replace(flow, late=flow.late + bytes(MAX_RECEIPT_BYTES)), *others))
    body = seal_receipt(replace(honest, epochs=(padded, *honest.epochs[1:])), responder_signer())
    facts = replace(signed, receipt=SignedReceipt(*body))
    assert open_receipt(facts, KEY) is not None
    assert not has_receipt(facts, probe_signer())
    assert read_bundle(write_check(facts, {}, probe_signer())).receipt is None


def test_a_receipt_over_many_set_up_packets_is_compared_in_seconds() -> None:
    slots = 20_000
    track = Track(
        tuple(20.0 * slot for slot in range(slots)), tuple(60 + slot for slot in range(slots)), ("stun",) * slots
    )
    whole = b"\xff" * (slots // 8)
    flows = tuple(replace(flow, sent=whole, arrived=whole, late=b"", withheld=b"") for flow in FACTS.epochs[0].flows)
    epochs = tuple(replace(FACTS.epochs[0], number=number, up=track, down=track, flows=flows) for number in range(16))
    seen = statement().epochs[0]
    signed = replace(seen, flows=tuple(replace(flow, sent=whole, arrived=whole, late=b"") for flow in seen.flows))
    facts = replace(FACTS, epochs=epochs)
    told = replace(
        statement(),
        facts_digest=facts_digest(epochs),
        epochs=tuple(replace(signed, number=number) for number in range(16)),
    )
    facts = replace(facts, receipt=SignedReceipt(*seal_receipt(told, responder_signer())))
    began_s = process_time()
    assert open_receipt(facts, KEY) is not None
    assert process_time() - began_s < 2.0
