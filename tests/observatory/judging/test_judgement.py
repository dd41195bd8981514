"""What a record says of whose responder it was, where it was measured, and of which apps."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from msgspec.structs import replace

from evidence import COUNTRY, DAY, NETWORK, facts, measured, responder_key, told
from talkpath.errors import BundleError
from talkpath.evidence.bundle import write_check
from talkpath.measure.facts import Facts
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.log.records import Judged, Received
from talkpath.wire.control.sign import Signer

LISTED = {responder_key(1): "an operator"}
ELSEWHERE = "AS64500", "YY"


def judged(data: bytes, network: str = "AS0", country: str = "ZZ") -> Judged:
    name = hashlib.sha256(data).hexdigest()
    received = Received(name, DAY, len(data), network=network, country=country)
    return judge_bundle(data, received, LISTED)


def without_receipt(**changed: object) -> bytes:
    """A check that a stranger wrote by hand."""
    forged = replace(facts(), simulated=False, receipt=None, **changed)
    return write_check(forged, told(False), Signer.of_seed(bytes(32)))


@pytest.mark.parametrize(
    ("seed", "sent_from", "placed"),
    [
        (1, ("AS0", "ZZ"), (NETWORK, COUNTRY, "responder")),
        (1, ELSEWHERE, (NETWORK, COUNTRY, "responder")),
        (2, ("AS0", "ZZ"), ("AS0", "ZZ", "")),
        (2, (NETWORK, COUNTRY), (NETWORK, COUNTRY, "ingest")),
        (2, ("AS0", COUNTRY), ("AS0", COUNTRY, "ingest")),
        (2, ELSEWHERE, ("AS0", "ZZ", "")),
        (2, ("AS64500", COUNTRY), ("AS0", "ZZ", "")),
    ],
    ids=["listed", "listed, sent from elsewhere", "unlisted, and nothing else is known", "unlisted, and we agree",
         "unlisted, and we know the country", "unlisted, and we disagree", "unlisted, and we disagree on the network"],
)  # fmt: skip
def test_a_receipt_places_a_report_only_where_somebody_answers_for_its_key(
    seed: int, sent_from: tuple[str, str], placed: tuple[str, str, str]
):
    record = judged(measured(seed), *sent_from)
    assert (record.network, record.country, record.placed) == placed
    assert (record.listed, record.responder) == (seed == 1, responder_key(seed))


def test_nobody_is_listed_without_a_receipt():
    record = judged(without_receipt(responder_key=responder_key(1)), *ELSEWHERE)
    assert (record.listed, record.responder) == (False, "")
    assert (record.network, record.country, record.placed) == (*ELSEWHERE, "ingest")


def test_only_apps_that_this_version_knows_are_counted():
    both = facts(apps=("whatsapp/relay60", "telegram/libtgvoip"))
    text = msgspec.json.encode(replace(both, simulated=False, receipt=None))
    renamed = msgspec.json.decode(text.replace(b'"whatsapp"', b'"evil_app"'), type=Facts)
    verdict = told(False, ("whatsapp/relay60", "telegram/libtgvoip"))
    record = judged(write_check(renamed, verdict, Signer.of_seed(bytes(32))), *ELSEWHERE)
    assert {said.app for said in record.said} == {"telegram"}
    assert {carried.app for carried in record.carried} <= {"telegram"}
    text = msgspec.json.encode(replace(facts(), simulated=False, receipt=None))
    renamed = msgspec.json.decode(text.replace(b'"whatsapp"', b'"evil_app"'), type=Facts)
    with pytest.raises(BundleError, match="no app"):
        judged(write_check(renamed, told(False), Signer.of_seed(bytes(32))))
