"""Whose network an address belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories.networks.mmdb_file import mmdb_bytes
from talkpath.browser.answer.calls_meaning import HOSTING_NETWORKS, network_operator
from talkpath.responder.geoip import GeoDatabase


@pytest.mark.parametrize(("number", "hosting"), [(64496, False), (14061, True)])
def test_the_network_with_its_name(tmp_path: Path, number: int, hosting: bool) -> None:
    entry = {"autonomous_system_number": number, "autonomous_system_organization": "Anna's"}
    (tmp_path / "asn.mmdb").write_bytes(mmdb_bytes({"::198.51.100.0/120": entry}))
    geo = GeoDatabase([tmp_path / "asn.mmdb"])
    named = {"network": f"AS{number}", "name": "Anna's", "hosting": hosting}
    assert network_operator(geo, "198.51.100.7") == named
    assert network_operator(geo, "203.0.113.7") is None
    assert network_operator(geo, "") is None


def test_the_list_holds_as_numbers() -> None:
    assert all(network.startswith("AS") and network[2:].isdigit() for network in HOSTING_NETWORKS)
