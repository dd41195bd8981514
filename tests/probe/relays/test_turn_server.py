"""TURN servers as they are written, and what is never said of them."""

from __future__ import annotations

import pytest

from talkpath.errors import UsageError
from talkpath.probe.relays.turn_server import TurnCredentials, TurnServer, parse_turn_url, parse_turn_urls


@pytest.mark.parametrize(
    ("url", "transport", "host", "port", "code"),
    [
        ("turn:calls.example", "udp", "calls.example", 3478, "turn-udp/3478"),
        ("turn:calls.example:443?transport=tcp", "tcp", "calls.example", 443, "turn-tcp/443"),
        ("turn:192.0.2.1:80?transport=udp", "udp", "192.0.2.1", 80, "turn-udp/80"),
        ("turns:calls.example", "tls", "calls.example", 5349, "turn-tls/5349"),
        ("turns:[2001:db8::1]:443?transport=tcp", "tls", "2001:db8::1", 443, "turn-tls/443"),
    ],
)
def test_urls_of_rfc_7065(url: str, transport: str, host: str, port: int, code: str) -> None:
    server = parse_turn_url(url)
    assert (server.transport, server.host, server.port, server.code) == (transport, host, port, code)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stun:calls.example",
        "turn:",
        "turn:alice@calls.example",
        "turn://calls.example",
        "turn:calls.example:0",
        "turn:calls.example:99999",
        "turn:calls.example?transport=dtls",
        "turns:calls.example?transport=udp",
        "turn:calls.example\nturn:other.example",
    ],
)
def test_what_is_no_such_url_is_refused_without_naming_the_host(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_turn_url(url)
    assert "example" not in str(refused.value)


def test_two_servers_that_results_could_not_tell_apart_are_refused() -> None:
    with pytest.raises(UsageError, match="one by one"):
        parse_turn_urls(["turn:a.example", "turn:b.example"])
    assert len(parse_turn_urls(["turn:a.example", "turn:a.example?transport=tcp", "turns:a.example"])) == 3
    with pytest.raises(UsageError, match="At most 4"):
        parse_turn_urls([f"turn:a.example:{port}" for port in range(1, 6)])


def test_neither_hosts_nor_credentials_are_in_any_text() -> None:
    server, login = TurnServer("udp", "calls.example", 3478), TurnCredentials("alice", "sesame")
    shown = f"{server!r} {login!r} {server} {login}"
    assert not any(word in shown for word in ("calls.example", "alice", "sesame"))


@pytest.mark.parametrize("text", ["alice\nsesame\n", "alice\r\nsesame\r\n", "alice\nsesame"])
def test_a_file_of_two_lines_has_user_and_password(text: str) -> None:
    found = TurnCredentials.read(text)
    assert (found.user, found.password) == ("alice", "sesame")


@pytest.mark.parametrize("text", ["", "alice", "\nsesame", "a" * 509 + "\nsesame"])
def test_a_file_with_half_a_credential_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="user name"):
        TurnCredentials.read(text)
