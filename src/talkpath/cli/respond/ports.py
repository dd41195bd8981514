"""The ports of `talkpath respond`: the defaults, their text form, and which of them can be opened here."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from talkpath.errors import UsageError, in_place_of

if TYPE_CHECKING:
    from talkpath.responder.limits import Identity

PORT_OPTIONS = ("ports", "tcp_ports", "tls_ports")
PROTOCOLS = ("udp", "tcp", "tcp")
"""Of these options, in their order."""

HTTPS_PORT = 443
"""A network that lets people read web pages leaves this port open."""

STREAM_PORTS = str(HTTPS_PORT)
DEFAULT_UDP_PORTS = "3478,443,3479,3480,1400,5349,7985,8801,10000,16384,19302,19305,20000,32768,40003,45395,50000,50004"


def parse_identity(
    udp: str, tcp: str, tls: str, network_class: str, left_alone: Container[int] = ()
) -> tuple[Identity, dict[tuple[str, int], int]]:
    """The identity with its announced ports, and (protocol, announced port) -> port opened on this machine, without
    those that would open a port to be `left_alone`."""
    from talkpath.responder.limits import Identity

    opened = [
        {outside: inside for outside, inside in parse_ports(text).items() if inside not in left_alone}
        for text in (udp, tcp, tls)
    ]
    inner = {
        (protocol, outside): inside
        for protocol, pairs in zip(PROTOCOLS, opened, strict=True)
        for outside, inside in pairs.items()
    }
    udp_ports, tcp_ports, tls_ports = (tuple(pairs) for pairs in opened)
    return Identity(udp_ports, tcp_ports, tls_ports, network_class), inner


def parse_ports(text: str) -> dict[int, int]:
    """Announced port -> port opened on this machine, from text such as `3478,443:8443`."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    with in_place_of(ValueError, UsageError(f"{text!r} is no list of port numbers; write them as 3478,50000.")):
        ports = {int(outer): int(inner or outer) for outer, _, inner in pairs}
    if any(not 0 < number < 65536 for pair in ports.items() for number in pair):
        raise UsageError("A port is a number from 1 to 65535.")
    return ports


def call_ports(text: str) -> tuple[int, ...]:
    """The UDP ports of calls from browsers, from text such as `4434,4435`. Pages are told the ports opened here."""
    ports = parse_ports(text)
    if not ports or any(outer != inner for outer, inner in ports.items()):
        raise UsageError("--web-udp takes ports of this machine itself, as 4434,4435.")
    return tuple(ports)


def without_closed_defaults(
    identity: Identity, inner: dict[tuple[str, int], int], host: str | None
) -> tuple[Identity, list[str]]:
    """Leave out default ports that cannot be opened here: the identity, and sentences on them."""
    from talkpath.responder.doctor import without_closed

    identity, sentences = without_closed(identity, usual_ports(), inner, host)
    if not identity.ports:
        raise UsageError("None of the usual UDP ports can be opened here; give others with --ports.")
    return identity, sentences


def usual_ports() -> list[str]:
    """The fields of an identity whose ports this command's user did not choose."""
    return [
        name
        for name in PORT_OPTIONS
        if click.get_current_context().get_parameter_source(name) is ParameterSource.DEFAULT
    ]
