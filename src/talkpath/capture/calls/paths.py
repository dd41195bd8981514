"""Tells the kind of path of each flow (relay, peer, local), and whether media was encrypted on the wire.

Networks of hosting companies, where servers are and hardly any phone: a peer there is not proven to be one.

The large blocks of the lists that the companies publish (AWS ip-ranges.json, Google cloud.json, Azure ServiceTags,
Oracle public_ip_ranges.json) or announce (RIPE, ARIN). It is no complete list: what is not in it may be a server too.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from ipaddress import ip_network
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talkpath.apps import app_modules
from talkpath.capture.calls.stitch import FlowEnds
from talkpath.capture.packets.flows import address_of_end
from talkpath.capture.recognise.evidence import KnownFlow
from talkpath.wire.ip.address import Address

_AWS = (
    "3.0.0.0/9 3.128.0.0/9 13.48.0.0/13 13.56.0.0/14 13.112.0.0/14 13.124.0.0/14 13.208.0.0/12 13.232.0.0/13 "
    "13.244.0.0/14 13.248.0.0/14 15.152.0.0/13 15.160.0.0/14 15.184.0.0/14 15.204.0.0/14 15.220.0.0/14 15.236.0.0/15 "
    "16.16.0.0/12 18.128.0.0/9 34.192.0.0/10 35.152.0.0/13 35.160.0.0/12 35.176.0.0/13 43.192.0.0/12 44.192.0.0/10 "
    "46.51.128.0/17 46.137.0.0/16 50.16.0.0/14 51.20.0.0/15 52.0.0.0/10 52.64.0.0/12 52.192.0.0/11 54.64.0.0/11 "
    "54.144.0.0/12 54.160.0.0/11 54.192.0.0/10 63.32.0.0/14 63.176.0.0/12 79.125.0.0/17 99.79.0.0/16 99.80.0.0/15 "
    "107.20.0.0/14 174.129.0.0/16 176.34.0.0/16 184.72.0.0/15 2600:1f00::/24 2a05:d000::/25"
)
_GOOGLE = (
    "34.64.0.0/10 34.128.0.0/10 35.184.0.0/13 35.192.0.0/11 35.224.0.0/12 35.240.0.0/13 104.154.0.0/15 104.196.0.0/14"
)
_AZURE = (
    "4.144.0.0/12 4.176.0.0/12 4.208.0.0/12 4.224.0.0/12 13.64.0.0/11 13.104.0.0/14 20.0.0.0/8 23.96.0.0/13 "
    "40.64.0.0/10 51.4.0.0/15 51.8.0.0/16 51.10.0.0/15 51.103.0.0/16 51.104.0.0/15 51.120.0.0/16 51.124.0.0/16 "
    "51.132.0.0/16 51.136.0.0/15 51.138.0.0/16 51.140.0.0/14 51.144.0.0/15 52.96.0.0/12 52.112.0.0/14 52.120.0.0/14 "
    "52.125.0.0/16 52.132.0.0/14 52.136.0.0/13 52.146.0.0/15 52.148.0.0/14 52.152.0.0/13 52.160.0.0/11 52.224.0.0/11 "
    "104.40.0.0/13 104.208.0.0/13 137.116.0.0/15 137.135.0.0/16 138.91.0.0/16 168.61.0.0/16 168.62.0.0/15"
)
_HETZNER = (
    "5.9.0.0/16 5.75.128.0/17 5.161.0.0/16 23.88.0.0/17 46.4.0.0/16 49.12.0.0/15 65.21.0.0/16 65.108.0.0/15 "
    "78.46.0.0/15 85.10.192.0/18 88.99.0.0/16 88.198.0.0/16 91.107.128.0/17 94.130.0.0/16 95.216.0.0/15 "
    "116.202.0.0/15 128.140.0.0/17 135.181.0.0/16 136.243.0.0/16 138.201.0.0/16 142.132.128.0/17 144.76.0.0/16 "
    "148.251.0.0/16 157.90.0.0/16 159.69.0.0/16 162.55.0.0/16 167.235.0.0/16 168.119.0.0/16 176.9.0.0/16 "
    "178.63.0.0/16 188.40.0.0/16 195.201.0.0/16 2a01:4f8::/29"
)
_OVH = (
    "5.39.0.0/17 5.135.0.0/16 5.196.0.0/16 37.59.0.0/16 37.187.0.0/16 46.105.0.0/16 51.38.0.0/16 51.68.0.0/16 "
    "51.75.0.0/16 51.77.0.0/16 51.79.0.0/16 51.83.0.0/16 51.89.0.0/16 51.91.0.0/16 51.178.0.0/16 51.195.0.0/16 "
    "51.210.0.0/16 51.222.0.0/16 51.254.0.0/15 54.36.0.0/14 57.128.0.0/16 87.98.128.0/17 91.121.0.0/16 92.222.0.0/16 "
    "94.23.0.0/16 137.74.0.0/16 141.94.0.0/15 145.239.0.0/16 146.59.0.0/16 147.135.0.0/16 149.202.0.0/16 "
    "151.80.0.0/16 152.228.128.0/17 158.69.0.0/16 162.19.0.0/16 164.132.0.0/16 167.114.0.0/16 176.31.0.0/16 "
    "178.32.0.0/15 188.165.0.0/16 192.95.0.0/18 192.99.0.0/16 193.70.0.0/17 198.27.64.0/18 198.244.128.0/17 "
    "213.32.0.0/17 213.186.32.0/19 217.182.0.0/16 2001:41d0::/32"
)
_DIGITALOCEAN = (
    "46.101.0.0/16 64.225.0.0/16 64.226.64.0/18 67.205.128.0/18 68.183.0.0/16 104.131.0.0/16 104.236.0.0/16 "
    "104.248.0.0/16 128.199.0.0/16 134.122.0.0/16 134.209.0.0/16 137.184.0.0/16 138.68.0.0/16 138.197.0.0/16 "
    "139.59.0.0/16 142.93.0.0/16 143.110.128.0/17 143.198.0.0/16 146.190.0.0/16 147.182.128.0/17 157.230.0.0/16 "
    "157.245.0.0/16 159.65.0.0/16 159.89.0.0/16 159.203.0.0/16 159.223.0.0/16 161.35.0.0/16 164.90.128.0/17 "
    "164.92.64.0/18 165.22.0.0/16 165.227.0.0/16 165.232.0.0/16 167.71.0.0/16 167.99.0.0/16 167.172.0.0/16 "
    "174.138.0.0/17 178.62.0.0/16 178.128.0.0/16 188.166.0.0/16 192.241.128.0/17 206.189.0.0/16 207.154.192.0/18 "
    "209.97.128.0/18"
)
_OTHER_HOSTERS = (
    "45.32.0.0/16 45.63.0.0/17 45.76.0.0/16 45.77.0.0/16 108.61.0.0/16 140.82.0.0/18 149.28.0.0/16 155.138.128.0/17 "
    "207.148.0.0/17 45.33.0.0/17 45.56.64.0/18 45.79.0.0/16 50.116.0.0/18 66.175.208.0/20 85.90.244.0/22 "
    "96.126.96.0/19 139.162.0.0/16 172.104.0.0/15 176.58.96.0/19 178.79.128.0/17 51.15.0.0/16 51.158.0.0/15 "
    "62.210.0.0/16 163.172.0.0/16 212.47.224.0/19 129.146.0.0/15 130.61.0.0/16 132.145.0.0/16 140.238.0.0/16 "
    "141.147.0.0/17 144.24.0.0/16 150.136.0.0/16 152.67.0.0/16 158.101.0.0/16 51.250.0.0/17 84.201.128.0/18 "
    "130.193.32.0/19 158.160.0.0/16 178.154.192.0/18 37.139.32.0/19 89.208.192.0/18 94.139.240.0/20 5.188.0.0/17 "
    "31.129.32.0/19 46.161.0.0/18 77.244.208.0/20 81.200.144.0/20 92.53.64.0/18 185.112.80.0/22 185.141.60.0/22"
)


@cache
def _hosting_networks(address_bytes: int) -> tuple[list[bytes], list[bytes]]:
    """Return the first and the last address of each network of one family, in order; no network is inside another."""
    texts = " ".join((_AWS, _GOOGLE, _AZURE, _HETZNER, _OVH, _DIGITALOCEAN, _OTHER_HOSTERS)).split()
    every = [(network[0].packed, network[-1].packed) for network in map(ip_network, texts)]
    own = sorted(ends for ends in every if len(ends[0]) == address_bytes)
    return [first for first, _ in own], [last for _, last in own]


def is_hosting(end: Address) -> bool:
    """Is this address in a network of a hosting company that is listed here?"""
    firsts, lasts = _hosting_networks(len(end.packed))
    place = bisect_right(firsts, end.packed) - 1
    return place >= 0 and end.packed <= lasts[place]


FlowRoute = Literal["relay", "peer", "local"]
RELAYING = {"stun.allocate", "stun.allocate_response", "stun.allocate_error", "stun.channel", "stun.permission"}
RELAYED_PORTS = 3
SERVER_PORTS = (3478, 3479, 5349, *range(19302, 19310))
LONGEST_NAME = 32
APPS_WITHOUT_ICE = ("unknown", "rtp", "sip")
"""Apps that do not check paths by ICE."""

FEWEST_SERVER_CHECKS = 3
"""An end that answered so many checks and sent none, or whose call was captured from its beginning, is a server."""
TURN_SHARE = 0.05
"""Encrypted media looks like ChannelData once in 60 000 packets."""

PLAIN_BLOCKS = {0: "eighties", 8: "eighties", 18: "tens", 9: "eighties"}
"""Payload types whose plain payload is a multiple of so many bytes: 10 ms of G.711, G.722 and G.729."""


def route_of_flow(
    flow: int, known: KnownFlow | None, table: NDArray[np.void], ends: FlowEnds, app: str
) -> FlowRoute | None:
    """Return relay where TURN or the app's server was seen, peer where both ends checked each other, else None.

    Where the app uses ICE, a far end that answers checks and sends none is a server. One in a hosting company's network
    that sends some may be a server too, or the peer's relay.
    """
    row, local = table[flow], int(ends.local[flow])
    noted = known.notes.get(app, {}).get("path") if known is not None else None
    asked_for = noted == "relay" or (known is not None and known.setups & RELAYING)
    if asked_for or row["turn"] > TURN_SHARE * row["packets"].sum():
        return "relay"
    peer: FlowRoute = "local" if row["private"].all() else "peer"
    if noted == "p2p":
        return peer
    if known is not None and known.view.setup == "telegram.reflector":
        return "relay" if known.stitches else peer
    asked, far = row["requests"], address_of_end(row, 1 - local)
    if asked[1 - local] and not row["private"][1 - local] and (far.port < 1024 or far.port in SERVER_PORTS):
        return "relay"
    if asked[1 - local]:
        return peer if peer == "local" or not is_hosting(far) else None
    watched = asked[local] >= FEWEST_SERVER_CHECKS or bool(row["hellos"].any())
    return "relay" if app not in APPS_WITHOUT_ICE and watched and row["answers"][1 - local] else None


def has_server_names(known: list[KnownFlow]) -> bool:
    """Does an ICE session have names such as only servers make? Those of phones and browsers have four or eight letters
    at either end."""
    lengths = [sorted(map(len, names)) for flow in known for names in flow.sessions]
    return any(long > LONGEST_NAME or (short != long and (short, long) != (4, 8)) for short, long in lengths)


def has_several_ports(flows: list[int], table: NDArray[np.void], ends: FlowEnds) -> bool:
    """Did one local socket hear of one far address from several ports? A server has such, or a peer with two networks
    behind one router."""
    heard = [flow for flow in flows if table["packets"][flow, 1 - ends.local[flow]]]
    pairs = [(int(ends.socket[flow]), int(ends.far_host[flow])) for flow in heard]
    return len(set(pairs)) < len(pairs)


def is_peer_relayed(known: list[KnownFlow]) -> bool:
    """Is the peer behind a relay of its own? It then has no address but the relay's, and several ports there."""
    ports: dict[bytes, set[bytes]] = {}
    for flow in known:
        for host, port in flow.peers:
            ports.setdefault(host, set()).add(port)
    return len(ports) == 1 and len(next(iter(ports.values()))) >= RELAYED_PORTS


def is_encrypted(app: str, voices: NDArray[np.void], dtls: bool) -> bool | None:
    """Was the media encrypted? Told by DTLS, by what is known of the app, or by payload sizes that leave no room for a
    tag. `voices` are the figures of voice streams with a header."""
    if dtls:
        return True
    module = app_modules().get(app)
    known: bool | None = getattr(module, "ENCRYPTED", True if module and module.APP.shapes else None)
    if known is not None:
        return known
    block = PLAIN_BLOCKS.get(int(voices["first_type"][0])) if len(voices) else None
    if block is None:
        return None
    plain = float(voices[block].sum() / voices["rows"].sum())
    return False if plain > 0.8 else True if plain < 0.1 else None
