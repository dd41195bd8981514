"""Which name is held back: two neutral servers never answer it, and each other's each time, in the same rounds."""

from __future__ import annotations

import pytest

from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.verdict.bases.tls_hellos import NAME_STEP, NameReading, read_names
from talkpath.verdict.model import Category, Reason

SILENT, RESET = "generic_timeout_error", "connection_reset"
NEVER, EACH = "nnnn", "yyyy"


def said(host: str, name: str, answered: str, failure: str = SILENT, first: int = 2) -> list[Exchange]:
    """ClientHellos to `host` with that name, one a round from `first` on: "y" was answered, " " was not sent."""
    return [
        Exchange(
            app="telegram" if host == "web" else "",
            host=host,
            neutral=host != "web",
            at_s=10.0 * number,
            ok=answer == "y",
            failure="" if answer == "y" else failure,
            took_s=0.1,
            kind=NAME_STEP,
            round=number,
            named=True,
            name=name,
        )
        for number, answer in enumerate(answered, first)
        if answer != " "
    ]


def handshakes(failure: str = SILENT) -> list[Exchange]:
    """The app's own server completes none, the neutral one each."""
    own = [
        Exchange("telegram", "web", False, 10.0 * n, False, failure, None, 0.1, "tls", n, named=True) for n in (1, 2, 3)
    ]
    return own + [Exchange("", "m", True, 10.0 * n, True, "", 9.0, 0.1, "tls", n, named=True) for n in (1, 2, 3)]


def contrast(of_m: str = NEVER, of_n: str = NEVER, control_m: str = EACH, control_n: str = EACH) -> list[Exchange]:
    """What two neutral servers make of the app's name, and of each other's."""
    mine = said("m", "web", of_m) + said("n", "web", of_n)
    return handshakes() + mine + said("m", "n", control_m) + said("n", "m", control_n)


def read(exchanges: list[Exchange]) -> NameReading:
    (found,) = read_names("telegram", exchanges)
    return found


def test_a_name_that_neither_server_answers_while_both_answer_others_is_held_back() -> None:
    assert read(contrast()) == NameReading("web", True, False, None, "silence")
    (verdict,) = judge_endpoints(contrast())
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "signalling.block", "up")
    assert verdict.parameters["bound_to"] == Category("name")
    assert verdict.known_at_s == 50.1
    assert verdict.alternatives == ()


@pytest.mark.parametrize(
    "exchanges",
    [
        contrast("nnn", "nnn", "yyy", "yyy"),  # not often enough
        contrast("nnny"),
        contrast(of_n="ynnn"),
        contrast(of_n=""),  # one server alone
        contrast(control_m="yyny"),  # the line, or a server that minds foreign names
        contrast(control_n=NEVER),
        contrast(control_m="yyy "),  # nothing beside the last
        contrast(control_n=""),
        contrast(control_m="", control_n=""),
    ],
)
def test_anything_else_accuses_nobody(exchanges: list[Exchange]) -> None:
    assert not read(exchanges).held_back
    (verdict,) = judge_endpoints(exchanges)
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("outage"))


@pytest.mark.parametrize(("other", "answered"), [(EACH, True), ("yyny", False), (NEVER, False), ("", None)])
def test_whether_the_app_s_own_server_answers_another_name(other: str, answered: bool | None) -> None:
    found = [*contrast("y", "y", "y", "y"), *said("web", "web", "n"), *said("web", "n", other)]
    assert read(found).others_answered is answered
    assert read(found).passes
    (verdict,) = judge_endpoints(found)
    assert verdict.alternatives == (("signalling.block",) if answered else ("address.block",))
    assert (verdict.figures["names"], verdict.figures["names_passed"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("failures", "ends"), [((RESET, RESET), "reset"), ((RESET, SILENT), ""), ((SILENT,) * 2, "silence")]
)
def test_how_such_handshakes_end_is_told_where_they_end_alike(failures: tuple[str, str], ends: str) -> None:
    mine = said("m", "web", NEVER, failures[0]) + said("n", "web", NEVER, failures[1])
    found = [*handshakes(), *mine, *said("m", "n", EACH), *said("n", "m", EACH)]
    assert read(found).held_back
    assert read(found).ends == ends
    (verdict,) = judge_endpoints(found)
    assert verdict.parameters.get("ends") == (Category(ends) if ends else None)


def test_names_of_another_app_say_nothing_of_this_one() -> None:
    assert read_names("signal", contrast()) == []


def test_where_no_name_was_said_silence_is_what_an_outage_looks_like() -> None:
    """Bundles of before have no such exchanges."""
    for failure in (SILENT, RESET):
        (verdict,) = judge_endpoints(handshakes(failure))
        assert (verdict.reason, verdict.alternatives) == (Reason("outage"), ("signalling.block",))
        assert "names" not in verdict.figures
