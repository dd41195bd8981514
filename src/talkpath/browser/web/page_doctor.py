"""What the check for browsers needs of this machine, and what of it is missing: for `respond --doctor --web`.

Contract: opens and closes ports, and asks the system's resolver for the page's own name; sends nothing else.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from talkpath.browser.addresses import own_addresses
from talkpath.browser.certificate.stored_certificate import Domain, is_due
from talkpath.browser.turn_relay import TurnRelay, missing_ports
from talkpath.browser.web.page_server import PageServerSettings
from talkpath.responder.doctor import Finding, look_at_name, look_at_port, name_addresses


def examine_page(settings: PageServerSettings) -> list[Finding]:
    """A finding on each thing that the page needs, in the order in which an operator would mend them."""
    without = TurnRelay("", missing_ports(own_addresses(settings.host), settings.taken)).without()
    return [
        look_at_port("TCP", settings.port, settings.host, " (the page)"),
        *(look_at_port("UDP", port, settings.host, " (calls from browsers)") for port in settings.udp_ports),
        Finding("other paths, by TURN", not without, " ".join(without), needed=False),
        *_https_findings(settings),
    ]


def _https_findings(settings: PageServerSettings) -> list[Finding]:
    if settings.domain is not None:
        return _domain_findings(settings.domain)
    if settings.certificate is not None:
        return [_certificate_finding(*settings.certificate)]
    sentence = "Without --domain or --web-cert the page comes by http: no WebTransport, no TLS 443, not offline."
    return [Finding("certificate", False, sentence, needed=False)]


def _domain_findings(domain: Domain) -> list[Finding]:
    name = _name_finding(domain.name)
    if not is_due(domain, datetime.now(UTC)):
        return [name, _certificate_finding(str(domain.file), str(domain.file))]
    port = look_at_port("TCP", domain.port, domain.host, " (asked by the certificate's authority)")
    return [name, port, Finding("certificate", True, "It is ordered when the server starts.")]


def _name_finding(name: str) -> Finding:
    """Whether the name leads to an address that this machine itself has."""
    found = look_at_name(name)
    if not found.ok or any(map(_is_own, name_addresses(name))):
        return found
    sentence = "It leads to another machine or to a router. Browsers' calls need an address of this machine itself."
    return Finding(f"name {name}", False, sentence)


def _is_own(address: str) -> bool:
    """Only an address of this machine can be bound."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.bind((address, 0))
        except OSError:
            return False
    return True


def _certificate_finding(chain: str, key: str) -> Finding:
    """Whether the files can be read, belong together and are valid today."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        end = x509.load_pem_x509_certificate(Path(chain).read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return Finding("certificate", False, "Its files cannot be read, or are not a certificate and its key.")
    is_valid = datetime.now(UTC) < end
    return Finding(
        "certificate", is_valid, f"It {'is good until' if is_valid else 'ended on'} {end:%Y-%m-%d %H:%M} UTC."
    )
