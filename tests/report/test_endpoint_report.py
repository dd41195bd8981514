"""What is told of the apps' own servers: nothing beyond what they answered, and the plan before that."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.report import endpoint_report
from talkpath.report.pictures.check_page import endpoint_page
from talkpath.verdict.model import Category, Number, Reason, Verdict

FIGURES: dict[str, float | None] = {"hosts": 3.0, "hosts_silent": 2.0, "requests": 7.0}


def verdict(state: str, rule: str | None = None, **more: Any) -> Verdict:
    fields = {"medium": "text", "basis": "signalling", "figures": FIGURES} | more
    return Verdict("telegram", "", state=state, rule=rule, **fields)  # type: ignore[arg-type]


def shown(*verdicts: Verdict) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        endpoint_report.show_endpoints(console, verdicts)
    return capture.get()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("dns.remove", "name server does not know Telegram's servers"),
        ("allowlist", "another app's do. The way to others may be down"),
        ("address.block", "From one place an outage of the app looks the same"),
        ("signalling.block", "From one place an outage of the app looks the same"),
    ],
)
def test_what_an_outage_explains_as_well_says_so(rule: str, said: str) -> None:
    text = shown(verdict("insufficient", reason=Reason("outage"), alternatives=(rule,)))
    assert said in text
    assert "Could not tell" in text
    assert "Signs of restriction" not in text
    assert "2 of 3 ways of asking failed" in text
    assert "consistent with this: " in text


@pytest.mark.parametrize(
    ("code", "alternatives", "said"),
    [
        ("long_hellos", (), "long first messages of TLS do not get through, whoever writes them, and short ones do"),
        ("refused", ("tls.hello_drop",), "a server answers one kind of client and not another, and may mean to"),
        ("certificate", (), "something answers with a certificate that this device does not accept"),
        ("outage", ("dns.remove",), "or be a filter of your own"),
    ],
)
def test_an_innocent_cause_is_told_in_plain_words(code: str, alternatives: tuple[str, ...], said: str) -> None:
    text = shown(verdict("insufficient", reason=Reason(code), alternatives=alternatives))  # type: ignore[arg-type]
    assert said in " ".join(text.split())
    assert "Could not tell" in text
    assert ("consistent with this: " in text) == bool(alternatives)


def test_a_name_that_passes_elsewhere_is_told() -> None:
    figures = FIGURES | {"names": 1.0, "names_passed": 1.0, "names_held_back": 0.0}
    told = shown(verdict("insufficient", reason=Reason("outage"), alternatives=("address.block",), figures=figures))
    assert "A neutral server answered its name" in told
    figures["names_passed"] = 0.0
    other = shown(verdict("insufficient", reason=Reason("outage"), alternatives=("address.block",), figures=figures))
    assert "A neutral server answered its name" not in other


@pytest.mark.parametrize(("ends", "said"), [("reset", "The connection is reset"), ("silence", "Nothing comes back")])
def test_a_name_that_is_held_back_is_told_with_how_handshakes_end(ends: str, said: str) -> None:
    text = shown(
        verdict("restricted", "signalling.block", parameters={"bound_to": Category("name"), "ends": Category(ends)})
    )
    assert "TLS handshakes with the name of Telegram's servers in them do not complete" in text
    assert said in text
    assert "An outage of the app does not look like this" in text
    assert "A filter on this device or in this house" in text


@pytest.mark.parametrize(
    ("bound", "said"), [("shape", "nor by a neutral one"), ("both", "servers that refuse such clients look the same")]
)
def test_a_hello_that_is_held_back_is_told_with_its_client_and_its_end(bound: str, said: str) -> None:
    parameters = {"hello": Category("browser"), "bound_to": Category(bound), "ends": Category("reset")}
    found = verdict("restricted", "tls.hello_drop", direction="up", parameters=parameters)
    for text in (shown(found), unescape(endpoint_page([found], simulated=False))):
        assert said in text
        assert "begin as a browser begins them" in text
        assert "is held back where it is written as a browser writes it" in text
        assert "The connection is reset" in text
    openssl = replace(found, parameters=parameters | {"hello": Category("openssl")})
    for text in (shown(openssl), unescape(endpoint_page([openssl], simulated=False))):
        assert "as OpenSSL writes it" in text
        assert "a browser" not in text


def test_an_answer_is_no_call() -> None:
    voice, text = shown(verdict("ok", medium="voice", basis="address")), shown(verdict("ok"))
    assert "call servers answer" in voice
    assert "Telegram's servers answer" in text
    assert all("does not say that a call gets through" in told for told in (voice, text))
    assert "failed" not in voice + text


def test_servers_of_which_only_the_names_were_asked_for_are_not_said_to_answer() -> None:
    told = shown(verdict("ok", figures={"hosts": 3.0, "hosts_silent": 0.0, "requests": 3.0, "name_requests": 3.0}))
    assert "This network's name server knows where Telegram's servers are." in told
    assert "The servers themselves were not asked" in told
    assert "answer" not in told


def test_what_could_not_be_told_says_what_it_would_be_consistent_with_and_no_more() -> None:
    doubt = {"reason": Reason("no_control"), "alternatives": ("address.block",), "confidence": "low"}
    text = shown(verdict("insufficient", **doubt))
    assert "nothing to compare with" in text
    assert "consistent with this: " in text
    assert "not sure that these servers still answer anybody" in text
    assert "Signs of" not in text
    assert "consistent" not in shown(verdict("insufficient", reason=Reason("no_control")))


def test_the_plan_shows_every_host_and_how_often() -> None:
    steps = [{"app": "telegram", "asks": kind, "host": f"{kind}.example", "port": 1} for kind in
             ("stun", "tcp", "tls", "dns", "resolver")]  # fmt: skip
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(endpoint_report.endpoint_plan_text([*steps, {**steps[0], "app": ""}], 3))
    text = capture.get()
    assert all(f"{step['host']}" in text for step in steps)
    assert "dns.example 1" not in text
    assert "neutral" in text
    assert "up to 3 times in all" in text
    assert "no address that comes back is kept" in text


def own(rule: str, bound: str, **parameters: Any) -> str:
    """A verdict from packets that expire on the way, as it is shown."""
    told = {"bound_to": Category(bound), "hop": Number(2.0, 2.0, 2.0), "hop_kind": Category("provider"), **parameters}
    more = {"medium": "voice", "basis": "address", "parameters": told, "figures": {"hops": 4.0}}
    if bound == "address":
        reason = Reason("routes", {"servers": 3, "neutral": 3, "odds": 20})
        return shown(verdict("insufficient", None, reason=reason, alternatives=(rule,), **more))
    return shown(verdict("restricted", rule, log10_e=8.0, **more))


@pytest.mark.parametrize(
    ("rule", "bound", "parameters", "said"),
    [
        (
            "media.drop",
            "both",
            {"p": Number(0.3, 0.2, 0.4)},
            "call packets are dropped at random, about 30% (20% to 40%)",
        ),
        (
            "media.drop",
            "address",
            {"p": Number(0.3, 0.2, 0.4)},
            "packets to the app's own addresses are dropped at random, ",
        ),
        (
            "udp.freeze",
            "address",
            {"after_packets": Number(20.0, 19.0, 21.0)},
            "silent after some packets, about 20 (19 to",
        ),
        ("address.block", "address", {}, "nothing that goes to the app's own addresses passes"),
        ("stun.drop", "shape", {}, "the message that starts the call (STUN) is dropped"),
    ],
)
def test_a_rule_on_the_way_to_an_app_s_servers_is_told_with_its_place(
    rule: str, bound: str, parameters: dict[str, Any], said: str
) -> None:
    text = own(rule, bound, **parameters)
    assert said in text
    assert "between router 1 and router 2, counted from this device" in text
    assert "looked as far as router 4" in text
    assert ("whatever they carry" in text) == (bound == "address")
    assert ("3 once in 20" in text) == (bound == "address")
    assert "test server" not in text


def test_what_a_block_of_addresses_would_be_consistent_with_names_the_app_s_addresses() -> None:
    text = shown(verdict("insufficient", reason=Reason("silent_server"), alternatives=("address.block",)))
    assert "nothing that goes to the app's own addresses passes" in text


@pytest.mark.parametrize("bound", ["shape", "both"])
def test_an_outage_explains_no_finding_about_bytes(bound: str) -> None:
    """Packets ran out of hops before the servers, and others went the same way."""
    more: dict[str, Any] = {"basis": "address", "direction": "up", "log10_e": 8.0, "figures": {"hops": 4.0}}
    drop = shown(verdict("restricted", "media.drop", parameters={"bound_to": Category(bound)}, **more))
    assert "servers that are down" not in drop
    assert "servers that refuse" not in drop
    assert "An outage of the app does not look like this" in drop
