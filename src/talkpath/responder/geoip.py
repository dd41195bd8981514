"""Which network and country an address belongs to, from a file on this machine; then the address is gone.

Contract: AS number, its holder's name and the country leave this file, nothing else does. Nothing is asked of anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from talkpath.errors import FileError, UsageError, in_place_of
from talkpath.wire.ip.address import Address

if TYPE_CHECKING:
    from maxminddb import Reader


class NetworkOrigin(NamedTuple):
    """An AS number as "AS64496" and an ISO 3166 country; "AS0" and "ZZ" are not known."""

    network: str = "AS0"
    country: str = "ZZ"


UNKNOWN_ORIGIN = NetworkOrigin()
MOST_NAME_CHARACTERS = 80


class GeoDatabase:
    """Files in MaxMind's DB format, as @ip-location-db publishes them: one for countries, one for AS numbers, or both
    in one. `FileError` for a file that is none."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._readers = [_open_database(file) for file in files]

    def find(self, host: str) -> NetworkOrigin:
        """Where an address literal belongs."""
        found = self._entries(host)
        return NetworkOrigin(_network_of(found), _country_of(found))

    def operator_name(self, host: str) -> str:
        """The name of the network that an address literal belongs to; "" where it is not known."""
        name = self._entries(host).get("autonomous_system_organization")
        return " ".join(name.split())[:MOST_NAME_CHARACTERS] if isinstance(name, str) and name.isprintable() else ""

    def _entries(self, host: str) -> dict[str, Any]:
        """What all files say of an address literal."""
        found: dict[str, Any] = {}
        try:
            address = Address.of(host)
        except ValueError:
            return found
        for reader in self._readers:
            found |= _look_up(reader, address)
        return found


def _open_database(file: Path) -> Reader:
    with in_place_of(ImportError, UsageError("--geo needs one more package: pip install 'talkpath[geo]'.")):
        import maxminddb
    with in_place_of(
        (OSError, ValueError, maxminddb.InvalidDatabaseError),
        FileError(f"{file.name} cannot be read as a MaxMind DB file (.mmdb); name one with --geo."),
    ):
        return maxminddb.open_database(file)


def _look_up(reader: Reader, address: Address) -> dict[str, Any]:
    from maxminddb import InvalidDatabaseError

    try:
        found = reader.get(address.reveal()[0])
    except (ValueError, InvalidDatabaseError):  # IPv6 in a file for IPv4; its message would hold the address
        return {}
    return found if isinstance(found, dict) else {}


def _network_of(found: dict[str, Any]) -> str:
    number = found.get("autonomous_system_number")
    known = isinstance(number, int) and 0 <= number < 1 << 32
    return f"AS{number}" if known else UNKNOWN_ORIGIN.network


def _country_of(found: dict[str, Any]) -> str:
    """Flat in @ip-location-db's files, one level down in MaxMind's own."""
    inner = found.get("country")
    code = found.get("country_code", inner.get("iso_code") if isinstance(inner, dict) else None)
    known = isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha()
    return code.upper() if known and isinstance(code, str) else UNKNOWN_ORIGIN.country
