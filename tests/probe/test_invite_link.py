"""Links: what is one, what is none, and that a link's text leads back to it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import UsageError
from talkpath.probe.invite_link import DEFAULT_PORT, InviteLink, parse_invite_link

KEY = "A" * 43
TEN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)

LINKS: list[tuple[str, tuple[str, int, datetime | None]]] = [
    (f"my.host.name:4433#{KEY}", ("my.host.name", 4433, None)),
    (f"my.host.name#{KEY}", ("my.host.name", DEFAULT_PORT, None)),
    (f"  talkpath://my.host.name:443/#{KEY}\n", ("my.host.name", 443, None)),
    (f"talkpath://[2001:db8::1]:443/#{KEY}", ("2001:db8::1", 443, None)),
    (f"192.0.2.1:65535#{KEY}", ("192.0.2.1", 65535, None)),
    (f"talkpath://my.host.name:1/?until=2026-11-25T10:00Z#{KEY}", ("my.host.name", 1, TEN)),
    (f"talkpath://my.host.name:1/?until=2026-11-25T10:00#{KEY}", ("my.host.name", 1, TEN)),
    (f"talkpath://my.host.name:1/?until=2026-11-25T11:00%2B01:00#{KEY}", ("my.host.name", 1, TEN)),
    (f"talkpath://my.host.name:1/?later=unknown#{KEY}", ("my.host.name", 1, None)),
]


@pytest.mark.parametrize(("text", "parts"), LINKS)
def test_a_link(text: str, parts: tuple[str, int, datetime | None]) -> None:
    link = parse_invite_link(text)
    assert (link.host, link.port, link.until) == parts
    assert link.key == KEY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no host"),
        ("my.host.name", "no key"),
        ("my.host.name:4433#", "no key"),
        (f"my.host.name:4433#{KEY[1:]}", "only a part of it"),
        (f"my.host.name:4433#{KEY}A", "only a part of it"),
        (f"my.host.name:4433#{KEY[:-1]}!", "only a part of it"),
        (f"my.host.name:0#{KEY}", "not a number from 1 to 65535"),
        (f"my.host.name:70000#{KEY}", "not a number from 1 to 65535"),
        (f"my.host.name:port#{KEY}", "not a number from 1 to 65535"),
        (f"talkpath://[2001:db8::1/#{KEY}", "not an invite link"),
        (f"https://my.host.name/#{KEY}", "open it in a browser"),
        ("https://my.host.name:8443/check", "open it in a browser"),
        ("HTTP://192.0.2.1/check", "open it in a browser"),
        (f":4433#{KEY}", "names no host"),
        (f"talkpath://my.host.name/?until=tomorrow#{KEY}", "not a date"),
        (f"talkpath://my.host.name/?until=9999-12-31T23:59-14:00#{KEY}", "not a date"),
        (f"talkpath://my.host.name/?until=0001-01-01T00:00%2B14:00#{KEY}", "not a date"),
        (f"talkpath://my.host.name/?also=https#{KEY}", "'also' is not a port number"),
        (f"talkpath://my.host.name/?also=70000#{KEY}", "'also' is not a port number"),
    ],
)
def test_no_link(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_invite_link(text)


@given(
    st.from_regex(
        r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,8}){1,3}|192\.0\.2\.\d{1,2}|2001:db8::[1-9a-f]{1,4}", fullmatch=True
    ),
    st.integers(1, 65535),
    st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from((0, 443)),
)
def test_the_text_of_a_link_leads_back_to_it(host: str, port: int, until: datetime | None, also: int) -> None:
    until = until and until.replace(second=0, microsecond=0)
    link = InviteLink(host, port, KEY, until, also if also != port else 0)
    assert parse_invite_link(link.text()) == link
    assert host not in repr(link)


@given(st.text(max_size=80))
def test_any_text_is_a_link_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        parse_invite_link(text)
