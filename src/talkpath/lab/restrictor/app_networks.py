"""Defines the made-up networks of the apps, in which their call servers (relays) stand.

Each app has one network of each IP family, in the blocks for benchmarks and for documentation (RFC 2544, RFC 3849).
A rule with `to=app` acts only on flows that go there. The responder, the neutral host and the host that takes every
app's messages (lab/path/link) are outside of all of them. An app's hosts have names of its own too (RFC 6761).
"""

from __future__ import annotations

from typing import Final

from talkpath.lab.matchers.signatures import MATCHED_APPS
from talkpath.lab.path.link import LabHost

_PREFIX_V4: Final = bytes((198, 18))
_PREFIX_V6: Final = bytes.fromhex("20010db8000a")


def app_relay(app: str, number: int = 1) -> LabHost:
    """Returns a call server of the app, number 1 to 99: a host in the app's own network."""
    network = MATCHED_APPS.index(app) + 1
    return LabHost(f"{app[:10]}-r{number}", f"198.18.{network}.{number}", f"2001:db8:a:{network:x}::{number:x}")


def app_host_name(app: str, host: str) -> str:
    """Returns the name of a host of the app, of a neutral one where `app` is ""."""
    return f"{host}.{app}.example" if app else f"{host}.example"


def app_of_name(name: str) -> str:
    """Returns the app whose host has that name, "" where none has."""
    labels = name.lower().split(".")
    return labels[-2] if labels[-1] == "example" and len(labels) > 2 and labels[-2] in MATCHED_APPS else ""


def app_of_address(packed: bytes) -> str:
    """Returns the app in whose network the address is, "" where it is in none."""
    if packed[:2] == _PREFIX_V4 and len(packed) == 4:
        network = packed[2]
    elif packed[:6] == _PREFIX_V6:
        network = int.from_bytes(packed[6:8], "big")
    else:
        return ""
    return MATCHED_APPS[network - 1] if 1 <= network <= len(MATCHED_APPS) else ""
