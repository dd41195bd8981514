"""Offering a test server to a directory: the options of `talkpath respond`, and the thread that renews the offer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from talkpath.errors import PeerError, UsageError

if TYPE_CHECKING:
    from talkpath.browser.web.page_server import PageServerSettings
    from talkpath.cli.respond.opening import Invited, Listening
    from talkpath.directory.listed_server import ListedServer, NetworkClass
    from talkpath.directory.offer import Registration
    from talkpath.responder.doctor import Finding
    from talkpath.responder.geoip import GeoDatabase

    MakeRegistration = Callable[[Invited, Callable[[], int], NetworkClass], Registration]

Command = TypeVar("Command", bound=Callable[..., Any])
INVITED_FOR = timedelta(days=9)  # a list is good for seven days, and renewed every day


class RegisterOptions(NamedTuple):
    """Where the test server is offered, and what its operator says of it."""

    place: str
    country: str = "ZZ"
    operator: str = ""
    contact: str = ""


def register_options(command: Command) -> Command:
    """--register, --country, --operator, --contact: passed on as `register`, None where the first is not given."""

    @wraps(command)
    def gathered(
        *arguments: Any, register: str | None, country: str, operator: str, contact: str, **others: Any
    ) -> Any:
        options = RegisterOptions(register, country.upper(), operator, contact) if register else None
        return command(*arguments, register=options and checked_options(options), **others)

    options = (
        click.option("--contact", default="", help="With --register: how the directory's operator reaches you."),
        click.option("--operator", default="", help="With --register: who runs this server; published, 40 bytes."),
        click.option("--country", default="ZZ", metavar="CC", help="With --register: the country that it is in."),
        click.option("--register", metavar="URL", help="Offer this server to an observatory's directory, or test it."),
    )
    made: Any = gathered
    for option in options:
        made = option(made)
    return made  # type: ignore[no-any-return]


def checked_options(options: RegisterOptions) -> RegisterOptions:
    """The options; `UsageError` for what no directory takes."""
    from talkpath.directory.listed_server import MOST_OPERATOR_BYTES
    from talkpath.directory.server_list import parse_directory_link
    from talkpath.evidence.http_request import web_address

    web_address(parse_directory_link(options.place).place)
    if len(options.country) != 2 or not options.country.isascii() or not options.country.isalpha():
        raise UsageError("--country takes a country's two letters, as in --country XX.")
    if len(options.operator.encode()) > MOST_OPERATOR_BYTES or len(options.contact) > 120:
        raise UsageError("--operator takes at most 40 bytes, --contact 120 characters.")
    return options


def registration_offer(
    options: RegisterOptions, invite: str | None, page: PageServerSettings | None
) -> MakeRegistration:
    """How a responder is registered once its invitation exists; `UsageError` without a name to list it under."""
    if invite is None:
        raise UsageError("--register goes with --invite: the public name or address that everybody reaches it by.")
    page_port = page.port if page and (page.certificate or page.domain) else 0

    def made(invited: Invited, free_places: Callable[[], int], network_class: NetworkClass) -> Registration:
        from talkpath.directory.offer import Registration
        from talkpath.directory.server_list import parse_directory_link

        return Registration(
            link=parse_directory_link(options.place),
            signer=invited.signer,
            describe=lambda: _offered_entry(options, invited, network_class, free_places(), page_port),
            report=lambda sentence: click.echo(f"talkpath: {sentence}", err=True),
            contact=options.contact,
        )

    return made


def from_outside(
    pem: Path,
    at: Listening,
    geoip: GeoDatabase,
    offer: MakeRegistration,
    runs: bool,
    make_key_file: Callable[[Path, int, str | None], None],
) -> list[Finding]:
    """What the directory's test finds, of the responder that runs here or of one that runs for the test."""
    from talkpath.cli.respond.opening import invite_to, open_responder
    from talkpath.cli.respond.ports import without_closed_defaults

    if runs:
        return _test_findings(offer(invite_to(pem, at), lambda: 0, network_class_of(at)))
    make_key_file(pem, at.port, at.host)
    at = at._replace(identity=without_closed_defaults(at.identity, at.inner, at.host)[0])
    invited = invite_to(pem, at)
    driver, responder = open_responder(pem, at, geoip, invited)
    registration = offer(invited, lambda: responder.free_places, network_class_of(at))
    with ThreadPoolExecutor(1, "register") as pool:
        asked = pool.submit(_test_findings, registration)
        driver.run(asked.done)
    return asked.result()


def _test_findings(registration: Registration) -> list[Finding]:
    """Ask for one test and wait for it."""
    from talkpath.responder.doctor import Finding

    try:
        answer = registration.test()
    except PeerError as error:
        return [Finding("not seen from outside:", False, str(error))]
    return [Finding("seen from outside", False, sentence) for sentence in answer.findings] or [
        Finding("seen from outside: all ports, and a check", True, "")
    ]


def network_class_of(at: Listening) -> NetworkClass:
    """The class of the network that it is in, in its operator's word."""
    named: dict[str, NetworkClass] = {"home": "home", "hosting": "hosting"}
    return named.get(at.identity.responder_class, "unknown")


@contextmanager
def renewed_offer(registration: Registration | None) -> Iterator[None]:
    """Keep the offer up while the context lasts."""
    if registration is None:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=registration.run, args=(stop.wait,), name="register", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10.0)


def _offered_entry(
    options: RegisterOptions, invited: Invited, network_class: NetworkClass, free: int, page_port: int
) -> ListedServer:
    """The entry as it is now: the invitation outlasts every list that holds it."""
    from talkpath.directory.listed_server import MOST_PLACES, ListedServer, PublicAddress, minute_of
    from talkpath.wire.control.invitation import until_text

    link, invitations = invited.link, invited.invitations
    until = link.until
    if until is None and invitations is not None:
        until = (datetime.now(UTC) + INVITED_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    return ListedServer(
        key=invited.signer.public,
        address=PublicAddress(link.host, link.port, link.also),
        token=invitations.token(until_text(until)) if invitations else b"",
        until=minute_of(until),
        network_class=network_class,
        country=options.country,
        free=min(free, MOST_PLACES),
        page=page_port,
        operator=options.operator,
    )
