"""Issues the server's receipt for a check in a browser (spec/tp-003): what reached the server and what it sent, signed.

The page has no key: the server makes one for the run, signs the bundle with it, and names it in the receipt. What
arrived at the page is the page's claim alone. The page's address is looked up and not stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from talkpath.evidence.receipt_check import role_word
from talkpath.measure.facts import Epoch, Facts, SignedReceipt
from talkpath.measure.facts_digest import facts_digest, run_digest
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.receipt import ReceiptStatement, SeenEpoch, SeenFlow, seal_receipt


def no_location(_: str) -> NetworkOrigin:
    """No AS number and no country, for a server without geolocation files."""
    return UNKNOWN_ORIGIN


@dataclass(frozen=True, slots=True)
class ReceiptIssuer:
    """The server's key, the class of its own network, and a function that locates an address."""

    signer: Signer
    network_class: str = "unknown"
    find: Callable[[str], NetworkOrigin] = no_location

    def with_receipt(self, facts: Facts, half: bytes, run_key: bytes, host: str) -> Facts:
        """Return the facts with a receipt. `half` is this end's part of the seed, `run_key` the key that signs the
        bundle, `host` the page's address."""
        key = self.signer.public
        facts = replace(facts, responder_class=self.network_class, responder_key=raw_key_text(key))
        location = self.find(host)
        statement = ReceiptStatement(
            probe_key=run_key,
            responder_key=key,
            probe_seed=facts.seed,
            responder_seed=half,
            facts_digest=facts_digest(facts.epochs),
            responder_class=self.network_class,
            network=location.network,
            country=location.country,
            ended_at=f"{datetime.now(UTC):%Y-%m-%dT%H}:00:00Z",
            epochs=tuple(map(_epoch_seen, facts.epochs)),
            run_digest=run_digest(facts),
            started_at=facts.started_at,
        )
        return replace(facts, receipt=SignedReceipt(*seal_receipt(statement, self.signer)))


def _epoch_seen(epoch: Epoch) -> SeenEpoch:
    pairs = zip(epoch.flows[::2], epoch.flows[1::2], strict=True)
    return SeenEpoch(
        epoch.number,
        str(epoch.arm),
        epoch.question.kind,
        tuple(SeenFlow(role_word(up), down.sent, up.arrived) for up, down in pairs),
    )
