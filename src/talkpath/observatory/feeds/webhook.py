"""Webhooks: each line of the journal, POSTed in order, signed, and tried again until it arrives.

Contract. Nothing is sent but to the URLs of the operator's own file, over TLS (in the clear only to this machine or an
onion); no redirection is followed and no proxy used. A receiver gets every line at least once and in order; where it
does not answer 2xx, later lines wait. How far each one got is kept in a file and survives a restart.

    Talkpath-Event      the number of the line: the same again is the same line
    Talkpath-Signature  t=UNIX-SECONDS,v1=HEX: HMAC-SHA256 of "UNIX-SECONDS.BODY" with the receiver's secret

A receiver computes the same over the body as it came, compares in constant time, and refuses what is older than it
likes. docs/how-to/watch-events.md shows it.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.feeds.journal import Told
from talkpath.version import VERSION

TIMEOUT_S = 15.0
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 1.0, 60.0
LEAST_SECRET = 16
TAKEN = range(200, 300)
Post = Callable[[str, dict[str, str], bytes], int]


class Hook(Struct, frozen=True, forbid_unknown_fields=True):
    """One receiver. `countries` and `apps`: only these; none named means all."""

    url: str
    secret: str
    countries: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Tells it in the file of what was delivered, without its address."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def wants(self, told: Told) -> bool:
        """Is the line one that it asked for?"""
        event = told.event
        return (not self.countries or event.country in self.countries) and (not self.apps or event.app in self.apps)


class Got(Struct, frozen=True):
    """What a receiver got: all lines up to one, but for those that are left."""

    upto: int = 0
    left: tuple[int, ...] = ()

    def lacks(self, number: int) -> bool:
        """Is that line still to be sent?"""
        return number > self.upto or number in self.left


class Outcome(Struct, frozen=True):
    """Of one receiver: how many arrived now, and how many wait for another run."""

    hook: str
    delivered: int
    waiting: int


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    hook: tuple[Hook, ...]


def load_hooks(path: Path) -> tuple[Hook, ...]:
    """The operator's file, checked."""
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=_File).hook
    except OSError:
        raise UsageError("The file of webhooks cannot be read; is its name right?") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path.name} is not as a file of webhooks has to be: {error}.") from None
    for number, hook in enumerate(found, 1):
        _address(hook.url, number)
        if len(hook.secret) < LEAST_SECRET:
            raise UsageError(
                f"The secret of webhook {number} is shorter than {LEAST_SECRET} characters; draw a longer."
            )
    return found


def sign(secret: str, body: bytes, at_s: int) -> str:
    """The value of Talkpath-Signature."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def waits(random: Random) -> Iterator[float]:
    """Seconds before each new try: twice as long each time, and half of it by chance, so that receivers are not
    all asked at once."""
    for at in range(TRIES - 1):
        yield min(FIRST_WAIT_S * 2**at, LONGEST_WAIT_S) * (0.5 + random.random() / 2)


def deliver(hook: Hook, journal: Sequence[Told], got: Got, post: Post, sleep: Callable[[float], None],
            now_s: Callable[[], float], random: Random, later: Sequence[int] = ()) -> tuple[Got, Outcome]:  # fmt: skip
    """(how far it is now, what happened). `got` is that of the last run; `later` are lines that wait for their day."""
    wanted = [told for told in journal if got.lacks(told.number) and hook.wants(told)]
    arrived = 0
    while arrived < len(wanted) and _arrives(hook, wanted[arrived], post, sleep, now_s, random):
        arrived += 1
    left = {told.number for told in wanted[arrived:]} | {number for number in later if got.lacks(number)}
    upto = max([got.upto, *later, *(told.number for told in journal)])
    return Got(upto, tuple(sorted(left))), Outcome(hook.name, arrived, len(wanted) - arrived)


def _arrives(hook: Hook, told: Told, post: Post, sleep: Callable[[float], None], now_s: Callable[[], float],
             random: Random) -> bool:  # fmt: skip
    body = msgspec.json.encode(told)
    for wait in (*waits(random), None):
        headers = {"Content-Type": "application/json", "Talkpath-Event": str(told.number),
                   "Talkpath-Signature": sign(hook.secret, body, int(now_s()))}  # fmt: skip
        if post(hook.url, headers, body) in TAKEN:
            return True
        if wait is not None:
            sleep(wait)
    return False


def post(url: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; 0 where there was none."""
    parts = _address(url, 1)
    assert parts.hostname is not None  # checked
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"User-Agent": f"talkpath/{VERSION}", **headers})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def read_got(path: Path) -> dict[str, Got]:
    """By hook."""
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Got])
    except msgspec.MsgspecError:
        raise UsageError(f"{path.name} does not tell what was delivered; delete it to deliver all again.") from None


def write_got(path: Path, got: dict[str, Got]) -> None:
    """Whole or not at all."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(msgspec.json.encode(got))
    beside.replace(path)


def _address(url: str, number: int) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("https", "http") or not host or parts.fragment or parts.username:
        raise UsageError(f"The URL of webhook {number} is none; it looks like https://HOST/PATH.")
    if parts.scheme == "http" and not _is_private(host):
        raise UsageError(f"The URL of webhook {number} would send in the clear; use https://.")
    return parts


def _is_private(host: str) -> bool:
    """Does a connection to it stay in this machine, or in an onion?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".onion")
