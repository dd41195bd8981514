"""The names of the operators of networks, from the files that tell an address's AS number."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories.networks.mmdb_file import mmdb_bytes
from talkpath.observatory.web.event_worker import operator_names
from talkpath.observatory.workers import WorkerPool


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A file of countries, and one of networks, of which one has no name."""
    northline = {"autonomous_system_number": 64496, "autonomous_system_organization": "Northline"}
    networks = {"::198.51.100.0/120": northline, "2001:db8::/32": {"autonomous_system_number": 64497}}
    told = {"country.mmdb": {"2001:db8::/32": {"country_code": "XY"}}, "asn.mmdb": networks}
    for name, found in told.items():
        (tmp_path / name).write_bytes(mmdb_bytes(found, 6))
    return [tmp_path / name for name in told]


def test_networks_and_their_names(files: list[Path]):
    worker = WorkerPool(1)
    try:
        assert worker.run(operator_names, files) == operator_names(files) == {"AS64496": "Northline"}
    finally:
        worker.close()


def test_where_no_file_has_names_nothing_is_known(files: list[Path]):
    assert operator_names(files[:1]) is None
    assert operator_names([]) is None


def test_a_name_steers_no_screen(tmp_path: Path):
    named = {"autonomous_system_number": 64496, "autonomous_system_organization": "North\x1b[31m\u202eline"}
    (tmp_path / "asn.mmdb").write_bytes(mmdb_bytes({"2001:db8::/32": named}, 6))
    assert operator_names([tmp_path / "asn.mmdb"]) == {"AS64496": r"North\x1b[31m\u202eline"}
