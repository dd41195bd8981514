"""AS number and country come from files on this machine, in the forms in which they are published."""

from __future__ import annotations

import sys
from pathlib import Path

import maxminddb
import pytest

from factories.networks.mmdb_file import Value, mmdb_bytes
from talkpath.errors import FileError, UsageError
from talkpath.responder.geoip import UNKNOWN_ORIGIN, GeoDatabase, NetworkOrigin

NETWORKS: dict[str, dict[str, Value]] = {
    "::198.51.100.0/120": {"country_code": "XX"},
    "2001:db8::/32": {"country_code": "XY"},
}


def file(folder: Path, name: str, networks: dict[str, dict[str, Value]], version: int = 6) -> Path:
    path = folder / name
    path.write_bytes(mmdb_bytes(networks, version))
    return path


def test_the_maker_makes_what_the_library_reads(tmp_path: Path) -> None:
    with maxminddb.open_database(file(tmp_path, "a.mmdb", NETWORKS)) as reader:
        assert reader.get("198.51.100.7") == {"country_code": "XX"}
        assert reader.get("203.0.113.7") is None


@pytest.mark.parametrize(("host", "country"), [
    ("198.51.100.7", "XX"), ("2001:db8::7", "XY"), ("203.0.113.7", "ZZ"), ("2001:db9::7", "ZZ"), ("nobody", "ZZ"),
])  # fmt: skip
def test_country(tmp_path: Path, host: str, country: str) -> None:
    geoip = GeoDatabase([file(tmp_path, "country.mmdb", NETWORKS)])
    assert geoip.find(host) == NetworkOrigin("AS0", country)


def test_two_files_are_read_together(tmp_path: Path) -> None:
    numbers: dict[str, dict[str, Value]] = {
        "::198.51.100.0/120": {"autonomous_system_number": 64496, "autonomous_system_organization": "Anna's"}
    }
    geoip = GeoDatabase([file(tmp_path, "country.mmdb", NETWORKS), file(tmp_path, "asn.mmdb", numbers)])
    assert geoip.find("198.51.100.7") == NetworkOrigin("AS64496", "XX")
    assert geoip.find("2001:db8::7") == NetworkOrigin("AS0", "XY")
    assert [geoip.operator_name(host) for host in ("198.51.100.7", "2001:db8::7", "nobody")] == ["Anna's", "", ""]


@pytest.mark.parametrize(("name", "shown"), [("A  B", "A B"), ("x" * 99, "x" * 80), ("a\x1bb", "")])
def test_an_operator_s_name_is_one_short_line(tmp_path: Path, name: str, shown: str) -> None:
    geoip = GeoDatabase([file(tmp_path, "x.mmdb", {"::198.51.100.0/120": {"autonomous_system_organization": name}})])
    assert geoip.operator_name("198.51.100.7") == shown


def test_maxmind_s_own_form(tmp_path: Path) -> None:
    geoip = GeoDatabase([file(tmp_path, "x.mmdb", {"::198.51.100.0/120": {"country": {"iso_code": "XX"}}})])
    assert geoip.find("198.51.100.7").country == "XX"


@pytest.mark.parametrize("value", [{"country_code": "Nowhere"}, {"country_code": "é1"}, {"country": "XX"}, {}])
def test_what_is_no_country_is_not_known(tmp_path: Path, value: dict[str, Value]) -> None:
    assert GeoDatabase([file(tmp_path, "x.mmdb", {"::198.51.100.0/120": value})]).find("198.51.100.7") == UNKNOWN_ORIGIN


def test_ipv6_in_a_file_for_ipv4_is_not_known(tmp_path: Path) -> None:
    geoip = GeoDatabase([file(tmp_path, "x.mmdb", {"198.51.100.0/24": {"country_code": "XX"}}, 4)])
    assert geoip.find("198.51.100.7").country == "XX"
    assert geoip.find("2001:db8::7") == UNKNOWN_ORIGIN


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.mmdb").write_bytes(b"no database")
    for name in ("x.mmdb", "absent.mmdb"):
        with pytest.raises(FileError, match=rf"^{name} cannot be read as a MaxMind DB file"):
            GeoDatabase([tmp_path / name])


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError, match=r"pip install 'talkpath\[geo\]'"):
        GeoDatabase([tmp_path / "x.mmdb"])
    assert GeoDatabase([]).find("198.51.100.7") == UNKNOWN_ORIGIN
