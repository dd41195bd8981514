"""What exchanges with an app's own hosts say: a table of all that can come of them, and nothing from too little."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.endpoints import OTHER, SYSTEM, judge_endpoints
from talkpath.verdict.model import Reason, Verdict
from talkpath.verdict.registry import FIGURES
from talkpath.verdict.rules import rules

TIMEOUT, GONE = "generic_timeout_error", "dns_nxdomain_error"
OK = ("", "", "")
SILENT = (TIMEOUT,) * 3


def asked(kind: str, failures: Sequence[str], app: str = "telegram", host: str = "h", **more: object) -> list[Exchange]:
    """One exchange a round; a host's first answer ends it, as `inquiry` has it."""
    found = []
    for number, failure in enumerate(failures, 1):
        one = Exchange(app, host, not app, 10.0 * number, not failure, failure, None if failure else 20.0, 0.5, kind,
                       number, named=kind != "stun")  # fmt: skip
        found.append(replace(one, **more))
    return found


def neutral(kind: str, failures: Sequence[str] = OK) -> list[Exchange]:
    return asked(kind, failures, "", "neutral")


def only(exchanges: Sequence[Exchange]) -> Verdict:
    (found,) = judge_endpoints(exchanges)
    assert set(found.figures) <= set(FIGURES)
    assert found.log10_e is None
    assert found.rule is None or found.rule in rules()
    return found


@pytest.mark.parametrize(
    ("exchanges", "expected", "rule", "medium"),
    [
        (asked("stun", [""]) + neutral("stun", [""]), "ok", None, "voice"),
        (asked("stun", [TIMEOUT, ""]) + neutral("stun"), "ok", None, "voice"),
        (asked("stun", SILENT) + neutral("stun"), "restricted", "address.block", "voice"),
        (asked("tcp", SILENT, named=False) + neutral("tcp"), "restricted", "address.block", "text"),
        (asked("tcp", SILENT) + neutral("tcp"), "restricted", "signalling.block", "text"),
        (asked("tls", ["connection_reset"] * 3) + neutral("tls"), "restricted", "signalling.block", "text"),
        (asked("tls", ["ssl_invalid_certificate"] * 3) + neutral("tls"), "restricted", "signalling.block", "text"),
        (asked(SYSTEM, [GONE] * 3) + asked(OTHER, OK) + neutral(SYSTEM), "restricted", "dns.remove", "text"),
        (asked(SYSTEM, ["dns_no_answer"] * 3) + asked(OTHER, OK) + neutral(SYSTEM), "restricted", "dns.remove", "text"),
    ],
)
def test_what_can_be_said(exchanges: list[Exchange], expected: str, rule: str | None, medium: str) -> None:
    found = only(exchanges)
    assert (found.state, found.rule, found.medium) == (expected, rule, medium)
    assert found.basis == ("signalling" if rule in ("signalling.block", "dns.remove") else "address")


@pytest.mark.parametrize(
    ("exchanges", "reason", "fitting"),
    [
        (asked("stun", [TIMEOUT]) + neutral("stun", [""]), "single_request", ("address.block",)),
        (asked("stun", [TIMEOUT] * 2) + neutral("stun", ["", ""]), "single_request", ("address.block",)),
        (asked("stun", SILENT), "no_control", ("address.block",)),
        (asked("stun", SILENT) + neutral("stun", ["", TIMEOUT, ""]), "no_control", ("address.block",)),
        (asked("stun", SILENT) + neutral("stun", SILENT), "no_control", ("address.block",)),
        (asked("stun", SILENT) + neutral("tcp"), "no_control", ("address.block",)),
        (asked("stun", SILENT, confidence="low") + neutral("stun"), "no_control", ("address.block",)),
        (asked("stun", ["connection_refused"] * 3) + neutral("stun"), "no_control", ()),
        (asked("tcp", ["connection_refused"] * 3) + neutral("tcp"), "no_control", ()),
        (asked("stun", ["unexpected_answer"] * 3) + neutral("stun"), "no_control", ()),
        (asked(SYSTEM, [GONE] * 3) + asked(OTHER, [GONE] * 3) + neutral(SYSTEM), "no_control", ()),  # nobody has it
        (asked(SYSTEM, [GONE] * 3) + asked(OTHER, [TIMEOUT] * 3) + neutral(SYSTEM), "no_control", ()),
        (asked(SYSTEM, SILENT) + asked(OTHER, OK) + neutral(SYSTEM), "no_control", ()),  # silence is no removal
        (asked(SYSTEM, [GONE] * 3) + asked(OTHER, OK) + neutral(SYSTEM, [GONE] * 3), "no_control", ("dns.remove",)),
    ],
)
def test_what_cannot_be_said(exchanges: list[Exchange], reason: str, fitting: tuple[str, ...]) -> None:
    found = only(exchanges)
    assert (found.state, found.rule) == ("insufficient", None)
    assert found.reason is not None
    assert (found.reason.code, found.alternatives) == (reason, fitting)


def test_an_allow_list_lets_listed_hosts_answer_and_neutral_ones_not() -> None:
    listed = asked("tls", OK, app="max")
    found = {v.app: v for v in judge_endpoints([*asked("tls", SILENT), *neutral("tls", SILENT), *listed])}
    assert (found["telegram"].state, found["telegram"].rule) == ("restricted", "allowlist")
    assert found["max"].state == "ok"
    reset = judge_endpoints([*asked("tls", ["connection_reset"] * 3), *neutral("tls", SILENT), *listed])
    assert reset[0].state == "insufficient"  # an allow-list is silent
    once = judge_endpoints([*asked("tls", SILENT), *neutral("tls", SILENT), *listed[:1]])
    assert once[0].state == "insufficient"


def test_one_host_of_several_is_enough_and_is_counted() -> None:
    found = only([*asked("tls", SILENT), *asked("tls", [""], host="other"), *neutral("tls")])
    assert found.state == "restricted"
    assert (found.figures["hosts"], found.figures["hosts_silent"], found.figures["requests"]) == (2.0, 1.0, 4.0)


def test_a_removed_name_is_told_before_a_handshake_that_fails_as_well() -> None:
    found = only([*asked(SYSTEM, [GONE] * 3), *asked(OTHER, OK), *neutral(SYSTEM), *asked("tls", SILENT),
                  *neutral("tls")])  # fmt: skip
    assert found.rule == "dns.remove"


def test_calls_and_messages_are_two_verdicts_and_a_void_run_none() -> None:
    exchanges = [*asked("stun", SILENT), *asked("tls", [""]), *neutral("stun")]
    assert [(v.medium, v.basis, v.state) for v in judge_endpoints(exchanges)] == [
        ("voice", "address", "restricted"), ("text", "signalling", "ok")]  # fmt: skip
    assert {v.state for v in judge_endpoints(exchanges, Reason("vpn"))} == {"insufficient"}
    assert judge_endpoints([]) == []


def test_the_order_of_exchanges_changes_nothing() -> None:
    exchanges = [*asked("stun", SILENT), *neutral("stun")]
    backwards = only(exchanges[::-1])
    assert replace(backwards, observations=()) == only(exchanges)
