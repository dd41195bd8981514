"""Where a list is taken from: a server on loopback, a file, a text; what is remembered of it, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from factories.networks.server_lists import DIRECTORY, NOW, signed_server_list
from talkpath.directory.fetch import ListReader, SeenLists
from talkpath.directory.server_list import (
    MAX_LIST_BYTES,
    ListRefusedError,
    built_in_directories,
    list_text,
    parse_directory_link,
)
from talkpath.errors import PeerError, TalkpathError, UsageError
from talkpath.wire.control.keys import Signer, raw_key_text

KEY = raw_key_text(DIRECTORY.public)


@contextmanager
def served(data: bytes, status: int = 200, country: str = "") -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback: its URL, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            if country:
                self.send_header("Talkpath-Country", country)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def seen(tmp_path: Path) -> SeenLists:
    return SeenLists(tmp_path / "directories")


def reader(seen: SeenLists, later: timedelta = timedelta(0)) -> ListReader:
    return ListReader(seen, lambda: NOW + later)


def test_a_host_alone_is_an_observatory_and_a_path_is_a_mirror(seen: SeenLists):
    with served(signed_server_list(), country="XX") as (url, asked):
        found = reader(seen).read(parse_directory_link(f"{url}/#{KEY}"))
        reader(seen).read(parse_directory_link(f"{url}/copy.list#{KEY}"))
    assert asked == ["/api/v1/responders/list", "/copy.list"]
    assert (len(found.servers.servers), found.country, found.kept) == (3, "XX", False)


def test_what_is_no_country_is_none(seen: SeenLists):
    with served(signed_server_list(), country="<b>") as (url, _):
        assert reader(seen).read(parse_directory_link(f"{url}#{KEY}")).country == ""


def test_a_file_and_a_text_are_read_offline(seen: SeenLists, tmp_path: Path):
    for name, data in (("a.list", signed_server_list()), ("a.txt", list_text(signed_server_list()).encode())):
        (tmp_path / name).write_bytes(data)
        assert reader(seen).read(parse_directory_link(f"{tmp_path / name}#{KEY}")).servers.serial == 7
    assert reader(seen).read(parse_directory_link(f"{list_text(signed_server_list())}#{KEY}")).servers.serial == 7


def test_a_key_that_was_used_before_is_known(seen: SeenLists):
    link = parse_directory_link(list_text(signed_server_list(serial=8)))
    with pytest.raises(ListRefusedError, match="not used before"):
        reader(seen).read(link)
    reader(seen).read(parse_directory_link(f"{list_text(signed_server_list())}#{KEY}"))
    assert reader(seen).read(link).servers.serial == 8


def test_a_replayed_list_is_refused_where_a_newer_one_was_seen(seen: SeenLists):
    with served(signed_server_list(serial=9)) as (url, _):
        reader(seen).read(parse_directory_link(f"{url}#{KEY}"))
    with served(signed_server_list(serial=8)) as (url, _), pytest.raises(ListRefusedError, match="replays"):
        reader(seen).read(parse_directory_link(f"{url}#{KEY}"))
    with served(signed_server_list(serial=9)) as (url, _):
        assert reader(seen).read(parse_directory_link(f"{url}#{KEY}")).servers.serial == 9


def test_two_lists_of_one_number_are_refused(seen: SeenLists):
    reader(seen).read(parse_directory_link(f"{list_text(signed_server_list(3))}#{KEY}"))
    with pytest.raises(ListRefusedError, match="two different lists"):
        reader(seen).read(parse_directory_link(f"{list_text(signed_server_list(4))}#{KEY}"))


def test_a_list_in_other_bytes_is_the_same_list(seen: SeenLists):
    """Whoever passes a list on may wrap what was signed in longer heads of MessagePack; the directory's own is read."""
    data = signed_server_list(3)
    body, signature = msgspec.msgpack.decode(data)
    wrapped = b"\xdc\x00\x02" + msgspec.msgpack.encode(body) + msgspec.msgpack.encode(signature)
    for one in (wrapped, data, wrapped):
        assert len(reader(seen).read(parse_directory_link(f"{list_text(one)}#{KEY}")).servers.servers) == 3


def test_a_forged_list_leaves_what_was_seen(seen: SeenLists):
    link = f"{list_text(signed_server_list(serial=99, signer=Signer.fresh()))}#{KEY}"
    with pytest.raises(ListRefusedError):
        reader(seen).read(parse_directory_link(link))
    assert seen.newest(DIRECTORY.public) is None
    assert reader(seen).read(parse_directory_link(f"{list_text(signed_server_list())}#{KEY}")).servers.serial == 7


@pytest.mark.parametrize("answer", [(b"<html>busy</html>", 503), (signed_server_list(), 404)])
def test_a_directory_that_fails_is_replaced_by_its_last_list(seen: SeenLists, answer: tuple[bytes, int]):
    reader(seen).read(parse_directory_link(f"{list_text(signed_server_list())}#{KEY}"))
    with served(*answer) as (url, _):
        link = parse_directory_link(f"{url}#{KEY}")
        assert reader(seen, timedelta(days=6)).read(link).kept
        with pytest.raises(ListRefusedError, match="seven days"):
            reader(seen, timedelta(days=8)).read(link)


def test_a_directory_that_is_away_and_never_was_seen(seen: SeenLists):
    with pytest.raises(PeerError, match="cannot be reached"):
        reader(seen).read(parse_directory_link(f"http://127.0.0.1:9#{KEY}"))


def test_a_mirror_that_sends_too_much_is_cut_off(seen: SeenLists):
    with served(bytes(MAX_LIST_BYTES + 100_000)) as (url, _), pytest.raises(ListRefusedError, match="larger"):
        reader(seen).read(parse_directory_link(f"{url}#{KEY}"))


def test_a_damaged_memory_is_no_memory(seen: SeenLists):
    reader(seen).read(parse_directory_link(f"{list_text(signed_server_list(serial=9))}#{KEY}"))
    (file,) = seen.folder.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"damaged")
    assert (
        reader(seen).read(parse_directory_link(f"{list_text(signed_server_list(serial=8))}#{KEY}")).servers.serial == 8
    )


@pytest.mark.parametrize("text", ["", "#", f"#{KEY}", f"https://host/#{KEY[:20]}", "https://host/#"])
def test_what_is_no_link_to_a_directory(text: str):
    with pytest.raises(UsageError):
        parse_directory_link(text)


@pytest.mark.parametrize("text", ["http://example.org", "https://user@example.org", "https://", "nosuch.list"])
def test_places_that_are_none(seen: SeenLists, text: str):
    with pytest.raises(TalkpathError):
        reader(seen).read(parse_directory_link(f"{text}#{KEY}"))


def test_no_directory_comes_with_talkpath_yet():
    assert built_in_directories() == ()
