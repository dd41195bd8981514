"""`talkpath respond`: run the test server that a check is placed to."""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.api.state_folder import state_folder
from talkpath.cli._terminal.exit_codes import UNMEASURED_EXIT_CODE
from talkpath.cli._terminal.help import LongCommand
from talkpath.cli.respond.opening import Listening, invite_to, open_responder
from talkpath.cli.respond.page import (
    certificate_files,
    check_page_served,
    page_domain,
    page_settings,
    turn_ports,
)
from talkpath.cli.respond.ports import (
    DEFAULT_UDP_PORTS,
    STREAM_PORTS,
    call_ports,
    parse_identity,
    usual_ports,
    without_closed_defaults,
)
from talkpath.cli.respond.registration import (
    RegisterOptions,
    from_outside,
    network_class_of,
    register_options,
    registration_offer,
    renewed_offer,
)
from talkpath.cli.respond.screen import print_findings, print_ready
from talkpath.errors import FileError, UsageError, in_place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from talkpath.browser.web.page_server import PageServerSettings
    from talkpath.cli.respond.registration import MakeRegistration
    from talkpath.probe.invite_link import InviteLink
    from talkpath.responder.doctor import Finding
    from talkpath.responder.geoip import GeoDatabase
    from talkpath.responder.limits import Identity

MAX_RESPOND_HOURS = 24 * 365


def _make_key_file(pem: Path, port: int, host: str | None) -> None:
    """Make the key file where it is missing, readable by this user only. `UsageError` if its server runs already."""
    from talkpath.wire.control.keys import Signer

    if _runs_already(pem, port, host):
        raise UsageError(
            f"Your test server runs here already, on TCP port {port}. Stop it first, or start a second one with "
            "another --key-file, --port and --ports."
        )
    with in_place_of(OSError, FileError("The key file cannot be written; name another place with --key-file.")):
        pem.parent.mkdir(parents=True, exist_ok=True)
        Signer.of_file(pem)


@click.command(cls=LongCommand, common=("invite", "for", "web", "domain", "open", "register", "doctor", "json"))
@click.option(
    "--port", default=4433, type=click.IntRange(1, 65535), show_default=True, help="Control port (TCP, TLS 1.3)."
)
@click.option(
    "--ports",
    default=DEFAULT_UDP_PORTS,
    show_default=True,
    help="UDP ports, 16 for a full check. Behind a router: OUTSIDE:INSIDE.",
)
@click.option("--tcp-ports", default=STREAM_PORTS, show_default=True, help="TCP ports that take calls over TCP.")
@click.option(
    "--tls-ports", default=STREAM_PORTS, show_default=True, help="TCP ports that take calls over TLS and WebSocket."
)
@click.option("--host", default=None, help="Listen on this address only.")
@click.option(
    "--class",
    "network_class",
    type=click.Choice(["home", "hosting", "unknown"]),
    default="unknown",
    help="Kind of network this server is in; hosting networks may treat calls in other ways.",
)
@click.option(
    "--geo",
    "geoip_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A MaxMind DB file (.mmdb) with countries or AS numbers, for receipts; may be given several times.",
)
@click.option("--key-file", default=None, help="File of the server's key; it is made where it does not exist.")
@click.option("--invite", default=None, metavar="HOST", help="Print an invite link and QR code for this host name.")
@click.option("--for", "hours", default=0.0, help="Stop after so many hours; the invitation ends then too.")
@click.option("--web", type=click.IntRange(1, 65535), help="Also serve a check for browsers, /check, on this TCP port.")
@click.option(
    "--web-udp",
    default="4434",
    show_default=True,
    help="UDP port for calls from browsers; not one of --ports. Several, as 4434,4435: one core serves each.",
)
@click.option(
    "--turn",
    is_flag=True,
    help="With --web: leave ports 3478 and 443 to coturn, so that a page finds what carries calls by TURN.",
)
@click.option("--web-cert", default=None, help="Certificate chain (PEM) for the page: then it is https.")
@click.option("--web-key", default=None, help="Its private key (PEM).")
@click.option(
    "--domain",
    default=None,
    metavar="NAME",
    help="Ask for a certificate for this name or address, and renew it: TCP port 80 of it must lead here.",
)
@click.option("--acme", default=None, metavar="URL", help="Directory of the authority (ACME). [default: Let's Encrypt]")
@click.option(
    "--campaign", metavar="TEXT", help="With --web: a page, /check/campaign, for this campaign (or its file)."
)
@click.option(
    "--open", "is_open", is_flag=True, help="Answer everybody, for public servers: links need no token, old ones work."
)
@register_options
@click.option("--no-shapes", "no_shapes", is_flag=True, help="Take no shapes of recorded calls (`check --like`).")
@click.option("--doctor", is_flag=True, help="Print which ports can be opened here, then end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(
    port: int,
    ports: str,
    tcp_ports: str,
    tls_ports: str,
    host: str | None,
    network_class: str,
    geoip_files: tuple[Path, ...],
    key_file: str | None,
    invite: str | None,
    hours: float,
    web: int | None,
    web_udp: str,
    turn: bool,
    web_cert: str | None,
    web_key: str | None,
    domain: str | None,
    acme: str | None,
    campaign: str | None,
    is_open: bool,
    register: RegisterOptions | None,
    no_shapes: bool,
    doctor: bool,
    as_json: bool,
) -> None:
    """Run a test server that answers the checks you invite.

    It answers those alone who have its invite link: to everybody else it looks like a TLS server that closes, unless
    --open is given. It sends to no address more than came from there until that address has proved that it receives,
    and keeps no address. At the end of a check it signs what it saw, with the AS number and the country of the address
    where --geo gives them.

    Default ports that are in use are named and left out; a port that you ask for must be free. --doctor exits 3 where
    something is missing that it cannot serve without ("NO"). One TCP port can take sessions and calls of all kinds: the
    first bytes tell them apart.
    """
    from talkpath.responder.geoip import GeoDatabase

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else a thread a core in each process: TasksMax= of the unit
    identity, inner = parse_identity(ports, tcp_ports, tls_ports, network_class, turn_ports(turn, web))
    pem = Path(key_file) if key_file else state_folder() / "responder.pem"
    signing = (str(pem), network_class, tuple(map(str, geoip_files)), campaign)
    certificate = certificate_files(web_cert, web_key)
    page_for = page_domain(domain, acme, host, web, certificate)
    page = page_settings(web, call_ports(web_udp), host, (port, *inner.values()), certificate, page_for, signing)
    invite = invite or (page_for.name if page_for else None)
    _refuse_settings(identity, port, invite, hours)
    offer = registration_offer(register, invite, page) if register else None
    at = Listening(identity, inner, port, host, invite, hours, is_open, not no_shapes)
    (_print_findings if doctor else _run_server)(pem, at, GeoDatabase(geoip_files), page, offer, as_json)


def _run_server(
    pem: Path,
    at: Listening,
    geoip: GeoDatabase,
    page: PageServerSettings | None,
    offer: MakeRegistration | None,
    as_json: bool,
) -> None:
    """Run the test server, and its page where there is one."""
    from talkpath.responder.doctor import look_at_name

    _make_key_file(pem, at.port, at.host)
    identity, without = without_closed_defaults(at.identity, at.inner, at.host)
    name = page.domain.name if page and page.domain else at.invite or at.host or "HOST"
    found = look_at_name(at.invite) if at.invite else None
    with check_page_served(page, name) as served:
        ready = partial(print_ready, identity=identity, page=served, without=without, name=found)
        _serve_until_stopped(pem, at._replace(identity=identity), geoip, partial(ready, as_json=as_json), offer)


def _print_findings(
    pem: Path,
    at: Listening,
    geoip: GeoDatabase,
    page: PageServerSettings | None,
    offer: MakeRegistration | None,
    as_json: bool,
) -> None:
    """Print what can be opened here and, where a directory is asked, what is seen from outside. Exit 3 where something
    is missing that it cannot serve without."""
    runs = _runs_already(pem, at.port, at.host)
    findings = _local_findings(at, page, runs)
    found = from_outside(pem, at, geoip, offer, runs, _make_key_file) if offer else []
    print_findings([*findings, *found], runs, as_json, asked=offer is not None)
    if any(finding.needed and not finding.ok for finding in (*findings, *found)):
        sys.exit(UNMEASURED_EXIT_CODE)


def _local_findings(at: Listening, page: PageServerSettings | None, runs: bool) -> list[Finding]:
    """The ports, the page, and the name that is handed out."""
    from talkpath.responder.doctor import examine_ports, look_at_name

    findings = examine_ports(at.identity, at.port, at.host, at.inner, usual_ports(), runs=runs)
    if page is not None:
        from talkpath.browser.web.page_doctor import examine_page

        findings += [finding._replace(needed=finding.needed and not runs) for finding in examine_page(page)]
    if at.invite and not any(finding.what == f"name {at.invite}" for finding in findings):
        findings.append(look_at_name(at.invite))
    return findings


def _runs_already(pem: Path, port: int, host: str | None) -> bool:
    """Whether a responder with this key answers at that port of this machine."""
    from talkpath.responder.doctor import is_running
    from talkpath.wire.control.keys import pem_key_text

    with suppress(OSError, ValueError):  # a file that is missing is made, one that holds no key is reported later
        return is_running(port, host, pem_key_text(pem.read_bytes()))
    return False


def _refuse_settings(identity: Identity, port: int, invite: str | None, hours: float) -> None:
    """`UsageError` for settings that no responder can have."""
    if invite is not None and not _is_host(invite):
        raise UsageError("--invite takes a host name or an address, without a port; as --invite my.host.name.")
    if not identity.ports:
        raise UsageError("A responder needs at least one UDP port; give --ports.")
    if not 0 <= hours <= MAX_RESPOND_HOURS:
        raise UsageError(f"--for takes hours from 0 (until stopped) to {MAX_RESPOND_HOURS}.")


def _is_host(text: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(text).version in (4, 6)
    return re.fullmatch(r"[\w.-]+", text) is not None


def _serve_until_stopped(
    pem: Path,
    at: Listening,
    geoip: GeoDatabase,
    ready: Callable[[InviteLink], None],
    offer: MakeRegistration | None,
) -> None:
    """Run the responder until it is stopped or its hours are over. `ready` is called once its ports are open."""
    invited = invite_to(pem, at)
    driver, responder = open_responder(pem, at, geoip, invited)
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(1))
    ready(invited.link)
    sys.stdout.flush()
    end_s = time.monotonic() + at.hours * 3600 if at.hours else float("inf")
    registration = offer(invited, lambda: responder.free_places, network_class_of(at)) if offer else None
    with renewed_offer(registration):
        driver.run(lambda: bool(stop) or time.monotonic() >= end_s)
