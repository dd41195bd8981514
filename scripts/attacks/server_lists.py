"""Lists of test servers that a stranger signed, on the command line: they name the victim's own network."""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import AF_INET6
from threading import Thread
from unittest.mock import patch

from attacks import forging
from attacks.stage import Attack, Finding, run_talkpath, running_responder
from talkpath.directory import listed_server
from talkpath.directory.choice import check_with_one_of
from talkpath.directory.listed_server import ListedAddresses, ListedServer, PublicAddress
from talkpath.directory.server_list import sign_list
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts, Health
from talkpath.probe.control_dialling import dial_server
from talkpath.probe.invite_link import InviteLink
from talkpath.wire.control.campaign import Campaign, campaign_text
from talkpath.wire.control.keys import raw_key, raw_key_text


def own_network(folder: Path) -> Finding:
    """A signed list whose servers are this machine and its neighbours: nothing may be called or found out."""
    signer = forging.named_signer("directory")
    with socket.create_server(("127.0.0.1", 0)) as watched:
        watched.settimeout(0.2)
        port = int(watched.getsockname()[1])
        hosts = ("127.0.0.1", "localhost", "192.168.1.1", "169.254.169.254")
        servers = [
            ListedServer(forging.named_signer(f"listed {host}").public, PublicAddress(host, port), country="XX", free=9)
            for host in hosts
        ]
        file = folder / "servers.list"
        file.write_bytes(sign_list(signer, 1, datetime.now(UTC), servers))
        end = run_talkpath("check", "--json", "--light", "--directory", f"{file}#{raw_key_text(signer.public)}")
        called = _is_called(watched)
    told = f"{'called' if called else 'not called'}, {len(end.stdout)} bytes of result"
    return Finding(not called and not end.stdout and not end.traceback, told)


def _is_called(watched: socket.socket) -> bool:
    with suppress(TimeoutError):
        watched.accept()[0].close()
        return True
    return False


def campaign_in_own_network(folder: Path) -> Finding:
    """A signed campaign whose test server is this machine: whoever takes part would call it, many times a day."""
    now = datetime.now(UTC)
    with socket.create_server(("127.0.0.1", 0)) as watched:
        watched.settimeout(0.2)
        link = InviteLink("localhost", int(watched.getsockname()[1]), raw_key_text(forging.named_signer("x").public))
        begins, ends = (f"{day:%Y-%m-%dT%H:%MZ}" for day in (now, now + timedelta(days=1)))
        campaign = Campaign("Anna", "", link.text(), begins=begins, ends=ends)
        text = campaign_text(campaign, forging.named_signer("organiser"))
        end = run_talkpath("watch", "--campaign", text, "--yes", seconds=15.0)
        called = _is_called(watched)
    return Finding(not called and not end.traceback, f"{'called' if called else 'not called'}, {end}")


def shared_name(folder: Path) -> Finding:
    """The name of a test server leads to a stranger by IPv6: how many connections does a check with it make there?"""
    came: list[int] = []

    def lookup(host: str) -> list[str]:
        return ["::1", "127.0.0.1"] if host == "calls.example" else []

    def measure(link: InviteLink) -> Facts:
        dialled = dial_server(link, 0)
        if dialled.connection is not None:
            dialled.connection.close()
        return Facts(plan=make_plan(choose_arms(["webrtc"])), health=Health(ended="interrupted"))

    with running_responder(folder) as far, socket.create_server(("::1", far.said["port"]), family=AF_INET6) as stranger:
        Thread(target=_count_connections, args=(stranger, came), daemon=True).start()
        keys = raw_key(far.said["link"].rpartition("#")[2]), forging.named_signer("other").public
        hosts = PublicAddress("calls.example", far.said["port"]), PublicAddress("other.example", 4433)
        servers = [ListedServer(key, host) for key, host in zip(keys, hosts, strict=True)]
        with patch.object(listed_server, "is_public", lambda address: True):
            check_with_one_of(servers, measure, ListedAddresses(lookup=lookup))
    return Finding(len(came) == 1, f"{len(came)} connections")


def _count_connections(stranger: socket.socket, came: list[int]) -> None:
    with suppress(OSError):  # closed: the attack is over
        while True:
            stranger.accept()[0].close()
            came.append(1)


ATTACKS = (
    Attack("a list of test servers that names the own network: check", "no connection, no result", own_network),
    Attack("a campaign whose test server is this machine: watch", "no connection", campaign_in_own_network),
    Attack("a listed name that leads to a stranger by IPv6: check", "one connection", shared_name),
)
