"""What exchanges with an app's own hosts say: nothing from too little, and no accusation that an outage explains."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from proof.pages.spec_words import FIGURE_TEXTS
from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.endpoints import OTHER, SYSTEM, judge_endpoints
from talkpath.verdict.model import Reason, Verdict
from talkpath.verdict.rules import all_rules

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
    assert set(found.figures) <= set(FIGURE_TEXTS)
    assert found.log10_e is None
    assert found.rule is None or found.rule in all_rules()
    return found


@pytest.mark.parametrize(
    "exchanges", [asked("stun", [""]) + neutral("stun", [""]), asked("stun", [TIMEOUT, ""]) + neutral("stun")]
)
def test_a_host_that_answers_once_is_well(exchanges: list[Exchange]) -> None:
    found = only(exchanges)
    assert (found.state, found.rule, found.medium, found.basis) == ("ok", None, "voice", "address")


@pytest.mark.parametrize(
    ("exchanges", "fitting", "medium"),
    [
        (asked("stun", SILENT) + neutral("stun"), "address.block", "voice"),
        (asked("tcp", SILENT, named=False) + neutral("tcp"), "address.block", "text"),
        (asked("tcp", SILENT) + neutral("tcp"), "address.block", "text"),
        (asked("tls", SILENT) + neutral("tls"), "signalling.block", "text"),
        (asked("tls", ["connection_reset"] * 3) + neutral("tls"), "signalling.block", "text"),
        (asked(SYSTEM, [GONE] * 3) + asked(OTHER, OK) + neutral(SYSTEM), "dns.remove", "text"),
        (asked(SYSTEM, ["dns_no_answer"] * 3) + asked(OTHER, OK) + neutral(SYSTEM), "dns.remove", "text"),
    ],
)
def test_what_an_outage_of_the_app_explains_as_well_is_no_restriction(
    exchanges: list[Exchange], fitting: str, medium: str
) -> None:
    found = only(exchanges)
    assert (found.state, found.rule, found.medium) == ("insufficient", None, medium)
    assert found.reason == Reason("outage")
    assert found.alternatives == (fitting,)


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
        (asked("tls", ["ssl_invalid_certificate"] * 3) + neutral("tls"), "certificate", ()),  # something answered
        (asked("tls", ["ssl_invalid_certificate", TIMEOUT, TIMEOUT]) + neutral("tls"), "no_control", ()),
        (asked("tls", ["ssl_invalid_certificate"] * 2) + neutral("tls"), "single_request", ()),
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


def test_where_neutral_hosts_are_silent_too_and_another_apps_answer_an_allow_list_would_fit() -> None:
    listed = asked("tls", OK, app="max")
    found = {v.app: v for v in judge_endpoints([*asked("tls", SILENT), *neutral("tls", SILENT), *listed])}
    assert (found["telegram"].reason, found["telegram"].alternatives) == (Reason("outage"), ("allowlist",))
    assert found["max"].state == "ok"
    reset = judge_endpoints([*asked("tls", ["connection_reset"] * 3), *neutral("tls", SILENT), *listed])
    assert reset[0].alternatives == ("signalling.block",)  # an allow-list is silent
    once = judge_endpoints([*asked("tls", SILENT), *neutral("tls", SILENT), *listed[:1]])
    assert once[0].alternatives == ("signalling.block",)


def test_a_network_without_udp_is_no_allow_list() -> None:
    """Servers of other apps answer over TCP, nobody over UDP."""
    found = judge_endpoints([*asked("stun", SILENT), *neutral("stun", SILENT), *asked("tls", OK, app="max")])
    assert (found[0].reason, found[0].alternatives) == (Reason("no_control"), ("address.block",))


def test_one_silent_host_of_several_is_counted_and_nothing_is_well() -> None:
    found = only([*asked("tls", SILENT), *asked("tls", [""], host="other"), *neutral("tls")])
    assert (found.state, found.reason) == ("insufficient", Reason("outage"))
    assert (found.figures["hosts"], found.figures["hosts_silent"], found.figures["requests"]) == (2.0, 1.0, 4.0)


@pytest.mark.parametrize(("kinds", "names"), [((SYSTEM,), 1.0), ((SYSTEM, "tls"), 1.0), (("tls",), 0.0)])
def test_requests_for_names_alone_are_counted_apart(kinds: tuple[str, ...], names: float) -> None:
    figures = only([*(each for kind in kinds for each in asked(kind, [""])), *neutral("tls")]).figures
    assert (figures["requests"], figures["name_requests"]) == (float(len(kinds)), names)


def test_all_that_fits_is_told_a_removed_name_first() -> None:
    found = only([*asked(SYSTEM, [GONE] * 3), *asked(OTHER, OK), *neutral(SYSTEM), *asked("tls", SILENT),
                  *neutral("tls")])  # fmt: skip
    assert found.alternatives == ("dns.remove", "signalling.block")


def test_calls_and_messages_are_two_verdicts_and_a_void_run_none() -> None:
    exchanges = [*asked("stun", SILENT), *asked("tls", [""]), *neutral("stun")]
    assert [(v.medium, v.basis, v.state) for v in judge_endpoints(exchanges)] == [
        ("voice", "address", "insufficient"), ("text", "signalling", "ok")]  # fmt: skip
    assert [v.reason for v in judge_endpoints(exchanges, Reason("vpn"))] == [Reason("vpn")] * 2
    assert judge_endpoints([]) == []


def test_the_order_of_exchanges_changes_nothing() -> None:
    exchanges = [*asked("stun", SILENT), *neutral("stun")]
    backwards = only(exchanges[::-1])
    assert replace(backwards, observations=()) == only(exchanges)
