"""Whose network an address belongs to, as the page names it, and whether that network rents out servers.

The list of such networks is short and holds well-known ones only: a network that is missing there may be one, too.
"""

from __future__ import annotations

from talkpath.responder.geoip import UNKNOWN_ORIGIN, GeoDatabase

HOSTING_NETWORKS = frozenset(
    {
        "AS8075",  # Microsoft Azure
        "AS9009",  # M247
        "AS12876",  # Scaleway
        "AS13335",  # Cloudflare
        "AS14061",  # DigitalOcean
        "AS14618",  # Amazon
        "AS16276",  # OVH
        "AS16509",  # Amazon
        "AS20473",  # Vultr
        "AS24940",  # Hetzner
        "AS31898",  # Oracle
        "AS36351",  # IBM Cloud
        "AS39351",  # 31173 Services
        "AS45102",  # Alibaba Cloud
        "AS51167",  # Contabo
        "AS60068",  # Datacamp
        "AS60781",  # LeaseWeb
        "AS63949",  # Akamai (Linode)
        "AS132203",  # Tencent Cloud
        "AS136787",  # PacketHub
        "AS212238",  # Datacamp
        "AS213230",  # Hetzner
        "AS396982",  # Google Cloud
    }
)
"""Networks that rent out servers, where a VPN's exit is likelier than a reader."""


def network_operator(geo: GeoDatabase, address: str) -> dict[str, object] | None:
    """The network of an address: its AS number, its holder's name and whether it rents out servers; None where the
    number is not known."""
    network = geo.find(address).network
    if network == UNKNOWN_ORIGIN.network:
        return None
    return {"network": network, "name": geo.operator_name(address), "hosting": network in HOSTING_NETWORKS}
