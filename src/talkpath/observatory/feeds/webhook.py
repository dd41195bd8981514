"""Webhooks: POSTs each line of the journal in order, signed as Standard Webhooks are, and tries again until it arrives.

Contract. Nothing is sent but to the URLs of the operator's own file, over TLS (in the clear only to this machine or an
onion); no redirection is followed and no proxy used. A receiver gets every line at least once and in order; where it
does not answer 2xx, later lines wait. How far each one got is kept in a file and survives a restart.

    webhook-id         names the line: the same id again is the same line
    webhook-timestamp  UNIX seconds of this try
    webhook-signature  v1,BASE64: HMAC-SHA256 of "ID.TIMESTAMP.BODY" with the receiver's secret

Receivers check it with a library of standardwebhooks.com, or as docs/how-to/watch-events.md shows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import msgspec
from msgspec import UNSET, Struct, UnsetType

from talkpath.errors import FileError, PeerError, in_place_of
from talkpath.evidence.http_request import http_request, web_address
from talkpath.observatory.data_files import toml_rows
from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.journal import NO_OPERATORS, JournalLine
from talkpath.serving.private_files import replace_file

DELIVERY_TIMEOUT_S = 15.0
TRIES, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 1.0, 60.0
SECRET_PREFIX = "whsec_"
HOOK_SECRET_BYTES = range(24, 65)
SUCCESS = range(200, 300)
Post = Callable[[str, dict[str, str], bytes], int]


class HookMessage(Struct, frozen=True):
    """What a receiver gets: a line of the journal, and who operates the network, where that is known."""

    number: int
    at: str
    event: Event
    operator: str | UnsetType = UNSET


class Hook(Struct, frozen=True, forbid_unknown_fields=True):
    """One receiver. It gets events of these `countries` and `apps`; an empty list means all of them."""

    url: str
    secret: str
    countries: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A digest of the URL: names the receiver in the file of what was delivered, without its address."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def key(self) -> bytes:
        """The bytes of the secret; ValueError where it is not written as Standard Webhooks write one."""
        if not self.secret.startswith(SECRET_PREFIX):
            raise ValueError("no prefix")
        key = base64.b64decode(self.secret.removeprefix(SECRET_PREFIX), validate=True)
        if len(key) not in HOOK_SECRET_BYTES:
            raise ValueError("wrong length")
        return key

    def wants(self, line: JournalLine) -> bool:
        """Whether the receiver asked for events like this one."""
        event = line.event
        return (not self.countries or event.country in self.countries) and (not self.apps or event.app in self.apps)


class HookProgress(Struct, frozen=True):
    """What a receiver got: all lines up to number `upto`, except those in `left`."""

    upto: int = 0
    left: tuple[int, ...] = ()

    def lacks(self, number: int) -> bool:
        """Whether that line is still to be sent."""
        return number > self.upto or number in self.left


class DeliveryOutcome(Struct, frozen=True):
    """The result of one run for one receiver: how many lines arrived, and how many wait for another run."""

    hook: str
    delivered: int
    waiting: int


def load_hooks(path: Path) -> tuple[Hook, ...]:
    """Read and check the operator's file."""
    with in_place_of(OSError, FileError("The file of webhooks cannot be read; is its name right?")):
        data = path.read_bytes()
    hooks = toml_rows(path.name, data, "hook", Hook)
    for number, hook in enumerate(hooks, 1):
        web_address(hook.url, f"webhook {number}", with_query=True)
        with in_place_of(
            ValueError,
            FileError(
                f"The secret of webhook {number} is not whsec_ and 24 to 64 bytes in base64; draw one with "
                '`echo "whsec_$(openssl rand -base64 32)"`.'
            ),
        ):
            _ = hook.key
    return hooks


def message_id(body: bytes) -> str:
    """The id of a line, made of its bytes in the journal: the same line has the same id in every try."""
    return f"msg_{hashlib.sha256(body).hexdigest()[:32]}"


def webhook_signature(key: bytes, name: str, at_s: int, body: bytes) -> str:
    """The value of webhook-signature for the message with this id."""
    digest = hmac.new(key, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def retry_waits(random: Random) -> Iterator[float]:
    """Seconds to wait before each further try: doubled each time, and half of it random, so that receivers are not
    all asked at once."""
    return (min(FIRST_WAIT_S * 2**at, LONGEST_WAIT_S) * (0.5 + random.random() / 2) for at in range(TRIES - 1))


def deliver_news(
    hook: Hook,
    journal: Sequence[JournalLine],
    progress: HookProgress,
    post: Post,
    sleep: Callable[[float], None],
    now_s: Callable[[], float],
    random: Random,
    later: Sequence[int] = (),
    operators: Mapping[str, str] = NO_OPERATORS,
) -> tuple[HookProgress, DeliveryOutcome]:
    """Send what the receiver lacks; returns its new progress and what happened. `later` are numbers of lines that may
    not be published yet, `operators` the names of the operators of networks."""
    wanted = [line for line in journal if progress.lacks(line.number) and hook.wants(line)]
    arrived = 0
    while arrived < len(wanted) and _delivery_arrives(hook, wanted[arrived], post, sleep, now_s, random, operators):
        arrived += 1
    left = {line.number for line in wanted[arrived:]} | {number for number in later if progress.lacks(number)}
    upto = max([progress.upto, *later, *(line.number for line in journal)])
    return HookProgress(upto, tuple(sorted(left))), DeliveryOutcome(hook.name, arrived, len(wanted) - arrived)


def _delivery_arrives(
    hook: Hook,
    line: JournalLine,
    post: Post,
    sleep: Callable[[float], None],
    now_s: Callable[[], float],
    random: Random,
    operators: Mapping[str, str],
) -> bool:
    operator = operators.get(line.event.network) or UNSET
    body = msgspec.json.encode(HookMessage(line.number, line.at, line.event, operator))
    name = message_id(msgspec.json.encode(line))
    for wait in (*retry_waits(random), None):
        at_s = int(now_s())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at_s),
            "webhook-signature": webhook_signature(hook.key, name, at_s, body),
        }
        if post(hook.url, headers, body) in SUCCESS:
            return True
        if wait is not None:
            sleep(wait)
    return False


def post_event(url: str, headers: dict[str, str], body: bytes) -> int:
    """Send one POST; the status of the answer, 0 where there was none."""
    try:
        return http_request(url, "POST", headers=headers, body=body, timeout_s=DELIVERY_TIMEOUT_S).status
    except PeerError:
        return 0


def read_progress(path: Path) -> dict[str, HookProgress]:
    """What every receiver got, by the name of its hook."""
    if not path.exists():
        return {}
    with in_place_of(
        msgspec.MsgspecError,
        FileError(f"{path.name} does not tell what was delivered; delete it to deliver all again."),
    ):
        return msgspec.json.decode(path.read_bytes(), type=dict[str, HookProgress])


def write_progress(path: Path, progress: dict[str, HookProgress]) -> None:
    """Replace the file in one step."""
    replace_file(path, msgspec.json.encode(progress))
