"""The check for browsers that `talkpath respond --web` serves: its options, its certificate, its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from talkpath.api.state_folder import state_folder
from talkpath.cli.campaign import open_campaign
from talkpath.errors import UsageError
from talkpath.wire.ip.address import bracketed_host

if TYPE_CHECKING:
    from talkpath.browser.certificate.stored_certificate import Domain
    from talkpath.browser.web.page_server import PageServerSettings


def certificate_files(chain: str | None, key: str | None) -> tuple[str, str] | None:
    """The certificate's chain and its key, or None; `UsageError` where one of both is missing."""
    if chain and key:
        return chain, key
    if chain or key:
        raise UsageError("--web-cert and --web-key go together: a certificate's chain and its key.")
    return None


def page_domain(
    name: str | None,
    directory: str | None,
    host: str | None,
    web: int | None,
    certificate: tuple[str, str] | None,
) -> Domain | None:
    """The domain to request a certificate for, or None; `UsageError` for options that exclude each other."""
    if name is None:
        if directory is not None:
            raise UsageError("--acme goes with --domain: the name that the certificate is for.")
        return None
    if web is None or certificate is not None:
        raise UsageError("--domain goes with --web, and not with --web-cert.")
    from talkpath.browser import require_packages
    from talkpath.browser.certificate.stored_certificate import LETS_ENCRYPT, Domain, checked_name
    from talkpath.browser.web.page_server import ANY_IPV4

    require_packages()
    return Domain(checked_name(name), str(state_folder() / "web"), host or ANY_IPV4, directory or LETS_ENCRYPT)


def turn_ports(wanted: bool, web: int | None) -> tuple[int, ...]:
    """The ports that the page's relay is to have for itself."""
    if not wanted:
        return ()
    if web is None:
        raise UsageError("--turn goes with --web: the relay serves the page's calls.")
    from talkpath.browser.turn_relay import PAGE_RELAY_PORTS

    return PAGE_RELAY_PORTS


def page_settings(
    port: int | None,
    udp: tuple[int, ...],
    host: str | None,
    taken: tuple[int, ...],
    certificate: tuple[str, str] | None,
    domain: Domain | None,
    signing: tuple[str, str, tuple[str, ...], str | None],
) -> PageServerSettings | None:
    """Where and how to serve the page; None where no port is given.

    `taken` are the responder's own ports; `signing` is the key file, the network's class and the files of networks for
    its receipts, and the text, or the file, of the campaign that has a page.
    """
    key_file, network_class, geo, campaign = signing
    if port is None:
        if campaign:
            raise UsageError("--campaign goes with --web: its page is there.")
        return None
    from talkpath.browser import require_packages

    require_packages()
    from talkpath.browser.web.page_server import ANY_IPV4, PageServerSettings

    return PageServerSettings(
        port=port,
        udp=udp[0],
        more_udp=udp[1:],
        host=host or ANY_IPV4,
        taken=taken,
        certificate=certificate,
        domain=domain,
        key_file=key_file,
        network_class=network_class,
        geo=geo,
        campaign=open_campaign(campaign) if campaign else None,
    )


class ServedPage(NamedTuple):
    """The check for browsers: its address, "" while it is not served, how many checks it carries at a time, and a
    sentence on each thing that it lacks."""

    url: str
    without: tuple[str, ...]
    at_a_time: int = 0


@contextmanager
def check_page_served(settings: PageServerSettings | None, name: str) -> Iterator[ServedPage | None]:
    """Serve the check for browsers while the context lasts, where there are settings. `name` is that of its address."""
    if settings is None:
        yield None
        return
    from talkpath.browser.web.page_server import start_page_server

    if settings.domain is not None:
        click.echo("talkpath: requesting the page's certificate if needed; a new one takes some seconds.", err=True)
    scheme = "https" if settings.certificate or settings.domain else "http"
    server = start_page_server(settings)
    url = f"{scheme}://{bracketed_host(name)}:{settings.port}/check" if server.process else ""
    try:
        yield ServedPage(url, server.without, server.at_a_time)
    finally:
        server.stop()
