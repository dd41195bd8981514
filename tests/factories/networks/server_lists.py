"""Lists of test servers for tests."""

from __future__ import annotations

from datetime import UTC, datetime

from talkpath.directory.listed_server import ListedServer, PublicAddress
from talkpath.directory.server_list import sign_list
from talkpath.wire.control.keys import Signer

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
DIRECTORY = Signer.of_seed(b"directory".ljust(32))


def listed_server(number: int, **more: object) -> ListedServer:
    """A server that is listed."""
    fields = {
        "key": number.to_bytes(32, "big"),
        "address": PublicAddress(f"server{number}.example", 4433, 443),
        "token": number.to_bytes(16, "big"),
        "until": 30_000_000,
        "network_class": "hosting",
        "country": "XY",
        "network": 64496,
        "free": 60,
        "page": 443,
        "operator": "somebody",
    }
    return ListedServer(**(fields | more))


def signed_server_list(count: int = 3, *, serial: int = 7, at: datetime = NOW, signer: Signer = DIRECTORY) -> bytes:
    """A list of so many servers."""
    return sign_list(signer, serial, at, [listed_server(number) for number in range(count)])
