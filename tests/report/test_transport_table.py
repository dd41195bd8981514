"""What is told of the transports: which carry, which way fails, and what stands out."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from talkpath.report.transport_table import hello_sentences, transport_conclusion, transport_name, transport_section

GOOD = {"loss_pct": 0.0, "delay_ms": 1.0, "mos": 4.4}
BAD = {"loss_pct": 60.0, "delay_ms": 1.0, "mos": 1.3}


def row(
    transport: str,
    up: dict[str, Any] = GOOD,
    down: dict[str, Any] = GOOD,
    setup_ms: float | None = 90.0,
    *,
    calls: int = 2,
    uncertain: bool = False,
) -> Any:
    mos = min(up["mos"], down["mos"]) if setup_ms is not None else 1.0
    return {
        "app": "telegram",
        "medium": "voice",
        "transport": transport,
        "carries": mos >= 3.1,
        "loss_pct": max(up["loss_pct"], down["loss_pct"]),
        "mos": mos,
        "setup_ms": setup_ms,
        "up": up,
        "down": down,
        "calls": calls,
        "lasted_s": 3.1,
        "uncertain": uncertain,
    }


def silent(transport: str) -> Any:
    return row(transport, BAD, BAD, None)


def shown(*rows: Any) -> str:
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(transport_section(rows))
    return capture.get()


def test_marks_quality_and_the_way_that_fails() -> None:
    text = shown(row("udp/443", up=BAD), row("udp/3478", down=BAD), row("tcp/443", BAD, BAD), silent("udp/9"),
                 row("wss/443"))  # fmt: skip
    (line,) = [line for line in text.splitlines() if line.startswith("Telegram")]
    assert line.split("voice")[1].split() == ["✗", "up", "✗", "down", "✗", "both", "ways", "✗", "silent", "✓", "4.4"]
    assert "WebSocket" in text


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([silent("udp/443"), silent("tcp/443"), row("tls/443"), row("wss/443")], "Only TLS to port 443"),
        ([silent("udp/443"), silent("tcp/443"), row("tls/443"), silent("wss/443")], "Only TLS to port 443"),
        ([silent("udp/443"), silent("tcp/443"), silent("tls/443"), row("wss/8443")], "Only TLS to port 8443"),
        ([silent("udp/443"), row("tcp/443"), row("tls/443")], ""),
        ([row("tls/443")], ""),  # nothing else was tried
        ([silent("udp/443"), silent("tls/443")], "No transport"),
    ],
)
def test_what_stands_out(rows: list[Any], said: str) -> None:
    assert transport_conclusion(rows).startswith(said)
    assert bool(transport_conclusion(rows)) == bool(said)


def test_with_which_hello_tls_was_answered() -> None:
    only = [row(name) | {"hello": "browser", "unanswered": ["openssl"]} for name in ("tls/443", "wss/443")]
    assert hello_sentences([row("tcp/443"), *only])[0].startswith(
        "Connections over TLS 443, WebSocket 443 were answered only"
    )
    never = silent("tls/443") | {"unanswered": ["openssl", "browser"]}
    assert hello_sentences([row("tcp/443"), never])[0].startswith("Connections over TLS 443 were not answered")
    assert "not answered, whether" in " ".join(shown(row("tcp/443"), never).split())
    usual = row("tls/443") | {"hello": "openssl"}
    assert hello_sentences([usual, silent("wss/443") | {"unanswered": ["openssl"]}]) == []


def test_nothing_is_said_where_none_was_tried() -> None:
    assert shown().strip() == ""


def test_near_the_limit_nothing_is_decided() -> None:
    near = [{"loss_pct": 5.0, "delay_ms": 1.0, "mos": mos} for mos in (2.75, 2.9, 3.2, 3.45)]
    text = shown(*(row(f"udp/{port}", up=way, uncertain=port in (1, 2)) for port, way in enumerate(near)))
    (line,) = [line for line in text.splitlines() if line.startswith("Telegram")]
    assert line.split("voice")[1].split() == ["✗", "up", "~", "2.9", "~", "3.2", "✓", "3.5"]
    assert "~ cannot be told from so few packets" in " ".join(text.split())


def test_what_is_too_close_to_tell_takes_no_part_in_the_conclusion() -> None:
    unsure = row("udp/443", BAD, uncertain=True)
    assert transport_conclusion([unsure, silent("tcp/443")]) == ""
    assert transport_conclusion([unsure, silent("tcp/443"), row("tls/443")]) == ""
    assert transport_conclusion([silent("udp/443"), row("tls/443"), row("wss/443", BAD, uncertain=True)]).startswith(
        "Only TLS"
    )


@pytest.mark.parametrize(("calls", "said"), [(1, "1 call of 3 s well"), (2, "2 calls of 3 s each well")])
def test_how_many_calls_it_rests_on_and_how_long_they_were(calls: int, said: str) -> None:
    assert said in " ".join(shown(row("udp/443", calls=calls)).split())


def test_names() -> None:
    assert [transport_name(code) for code in ("udp/443", "tls/443", "wss/443")] == ["UDP 443", "TLS 443",
                                                                                   "WebSocket 443"]  # fmt: skip
