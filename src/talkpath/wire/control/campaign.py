"""A campaign: a signed text that an organiser hands to volunteers, "these apps, twice a day, until Friday".

    talkpath-campaign:BODY.SIGNATURE      both base64url without padding; BODY is JSON, signed with Ed25519

Contract: everything that volunteers are told stands in the signed part, the end and the number of checks too: nobody
can change them once it was handed out, and no result ends a campaign early. `read_campaign` gives back what
`campaign_text` was given, or a `WireError`.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from talkpath.errors import WireError
from talkpath.wire.control.keys import Signer, is_signed, raw_key, raw_key_text

CAMPAIGN_SCHEME = "talkpath-campaign:"
CAMPAIGN_SIGNED_PREFIX = b"talkpath campaign\n"  # a signature of another purpose never passes for one of this
MAX_CAMPAIGN_CHARACTERS = 4000
MAX_CAMPAIGN_DAYS = 31

AppId = Annotated[str, Meta(pattern=r"^[a-z0-9/_.-]{1,40}\Z")]
UtcMinute = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\dZ\Z")]


class Campaign(Struct, frozen=True, forbid_unknown_fields=True):
    """`link` is the invite link of its test server, `by` who calls for it, `key` their public key. Checks are made
    `a_day` times a day between `begins` and `ends`, of these apps (none named: all)."""

    by: Annotated[str, Meta(min_length=1, max_length=80)]
    key: Annotated[str, Meta(max_length=60)]
    link: Annotated[str, Meta(max_length=1000)] = msgspec.field(default="")
    apps: Annotated[tuple[AppId, ...], Meta(max_length=16)] = ()
    a_day: Annotated[int, Meta(ge=1, le=12)] = 2
    begins: UtcMinute = "2026-01-01T00:00Z"
    ends: UtcMinute = "2026-01-02T00:00Z"

    def left_s(self, now: datetime) -> float:
        """Seconds until it ends; 0 where it is over."""
        return max(0.0, (_moment(self.ends) - now).total_seconds())

    def waits_s(self, now: datetime) -> float:
        """Seconds until it begins; 0 where it has begun."""
        return max(0.0, (_moment(self.begins) - now).total_seconds())

    def is_running(self, now: datetime) -> bool:
        """Whether it has begun and is not over."""
        return not self.waits_s(now) and bool(self.left_s(now))

    def checks_left(self, now: datetime) -> int:
        """How many checks remain at most; before it begins all of them."""
        begun = max(now, _moment(self.begins))
        return ceil(max(0.0, (_moment(self.ends) - begun) / timedelta(days=1)) * self.a_day)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def campaign_text(campaign: Campaign, signer: Signer) -> str:
    """Sign it, and return the text to hand out. `WireError` for what no reader would take."""
    body = msgspec.json.encode(msgspec.structs.replace(campaign, key=raw_key_text(signer.public)))
    text = f"{CAMPAIGN_SCHEME}{raw_key_text(body)}.{raw_key_text(signer.sign(CAMPAIGN_SIGNED_PREFIX + body))}"
    read_campaign(text)
    return text


def read_campaign(text: str) -> Campaign:
    """Read it; `WireError` unless every bit is as its organiser signed it, and all bounds hold."""
    text = text.strip()
    if not text.startswith(CAMPAIGN_SCHEME) or len(text) > MAX_CAMPAIGN_CHARACTERS:
        raise WireError(
            "This is no campaign; copy the whole text that begins with talkpath-campaign:, or name its file."
        )
    first, _, second = text.removeprefix(CAMPAIGN_SCHEME).partition(".")
    try:
        body, signature = _decoded(first), _decoded(second)
        campaign = msgspec.json.decode(body, type=Campaign)
        days = (_moment(campaign.ends) - _moment(campaign.begins)) / timedelta(days=1)
        key = raw_key(campaign.key)
    except (ValueError, msgspec.MsgspecError, WireError):
        raise WireError("The campaign cannot be read; ask whoever calls for it for a new one.") from None
    if not is_signed(CAMPAIGN_SIGNED_PREFIX + body, signature, key):
        raise WireError("The campaign was changed after it was signed; ask whoever calls for it for a new one.")
    if not 0 < days <= MAX_CAMPAIGN_DAYS or not campaign.by.isprintable():
        raise WireError(
            f"A campaign ends after it begins, lasts {MAX_CAMPAIGN_DAYS} days at most, and its organiser has a "
            "printable name."
        )
    return campaign


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
