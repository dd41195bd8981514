"""What `talkpath respond` prints: one screen when it is ready, the findings of its doctor, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.streams import can_show

if TYPE_CHECKING:
    from talkpath.cli.respond.page import ServedPage
    from talkpath.probe.invite_link import InviteLink
    from talkpath.responder.doctor import Finding
    from talkpath.responder.limits import Identity

FROM_OUTSIDE = (
    "Whether a router or firewall in front lets probes in can only be seen from outside: run a check,\n"
    "or let a directory look (--register URL)."
)


def print_ready(
    link: InviteLink,
    *,
    identity: Identity,
    page: ServedPage | None,
    without: Sequence[str],
    name: Finding | None,
    as_json: bool,
) -> None:
    """Print what to hand out, what the test server takes, and what it does without. `name` is what was found of the
    name that it is invited to by, where one was given."""
    if as_json:
        _print_record(link, identity, page, without, name)
        return
    is_found = name is None or name.ok
    opening = "Ready. On" if is_found else "Not ready: its ports are open, but its name leads nowhere. After that, on"
    if name and name.sentence:
        click.echo(f"{link.host}: {name.sentence}\n")
    click.echo(f'{opening} the network to be tested:\n\n    talkpath check "{link.text()}"\n')
    if page and page.url:
        click.echo(f"or, in a browser there (open to whoever has the address, which has no token):\n\n    {page.url}\n")
    click.echo(f"It takes calls {_transport_words(identity, page)}.")
    for sentence in (*without, *(page.without if page else ())):
        click.echo(f"  not: {sentence}")
    click.echo(
        "`talkpath check` needs the talkpath:// link as it is: an older one, without a token, works only with --open."
        if link.token
        else "Everybody may use this test server (--open)."
    )
    if link.until is not None:
        click.echo(f"The link is good until {link.until:%Y-%m-%d %H:%M} UTC; this test server ends then.")
    if name is None:
        click.echo(f"Put this machine's public name in place of {link.host}, or use --invite NAME.")
        return
    _print_qr_code((page and page.url) or link.text())


def _transport_words(identity: Identity, page: ServedPage | None) -> str:
    """As "over UDP (17 ports), TCP (443), TLS and WebSocket (443), and from browsers (4 checks at a time)"."""
    kinds = [f"over UDP ({len(identity.ports)} port{'s' * (len(identity.ports) > 1)})"]
    kinds += [f"TCP ({_port_words(identity.tcp_ports)})"] if identity.tcp_ports else []
    kinds += [f"TLS and WebSocket ({_port_words(identity.tls_ports)})"] if identity.tls_ports else []
    kinds += [f"and from browsers ({page.at_a_time} checks at a time)"] if page and page.url else []
    return ", ".join(kinds)


def _port_words(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))


def _print_qr_code(text: str) -> None:
    """A phone's camera opens the page where there is one; the link of `talkpath check` is for computers."""
    try:
        import segno
    except ImportError:
        click.echo("(For a QR code the package segno is missing: install talkpath[qr]; in a checkout `make web`.)")
        return
    if can_show("█▀▄"):
        click.echo(f"{'The page' if text.startswith('http') else 'The link'} as a QR code:")
        segno.make(text, error="m").terminal(compact=True)


def _print_record(
    link: InviteLink, identity: Identity, page: ServedPage | None, without: Sequence[str], name: Finding | None
) -> None:
    """One JSON object; what the server does without goes to stderr."""
    from talkpath.wire.control.invitation import token_text

    for sentence in (*without, *(page.without if page else ())):
        click.echo(f"talkpath: {sentence} Until then this responder does without it.", err=True)
    if name and name.sentence:
        click.echo(f"talkpath: {link.host}: {name.sentence}", err=True)
    record = {
        "schema": "talkpath.respond/1",
        "link": link.text(),
        "key": link.key,
        "token": token_text(link.token) if link.token else None,
        "port": link.port,
        "ports": identity.ports,
        "tcp_ports": identity.tcp_ports,
        "tls_ports": identity.tls_ports,
        "page": page.url or None if page else None,
        "page_checks_at_a_time": page.at_a_time if page and page.url else None,
        "until": link.until and link.until.isoformat(),
    }
    click.echo(json.dumps(record))


def print_findings(findings: Sequence[Finding], runs_already: bool, as_json: bool, *, asked: bool = False) -> None:
    """Print what of a responder can be opened here, and what cannot be known from here. `asked`: a directory
    looked from outside. NO is what it cannot serve without, - what it does without."""
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings]))
        return
    if runs_already:
        click.echo("Your test server runs here now, so its own ports are told as in use.")
    for finding in findings:
        mark = "ok " if finding.ok else "NO " if finding.needed else "-  "
        what = "" if finding.sentence.startswith(finding.what) else f"{finding.what}  "
        click.echo(f"{mark} {what}{finding.sentence}".rstrip())
    if not asked:
        click.echo(FROM_OUTSIDE)
