"""Claims held against made-up measurements: by hand-worked cases, and by the conflicts in the public claims."""

from __future__ import annotations

import pytest
from scipy.stats import beta

from factories.observatories.network_days import (
    dates_from,
    days_on_networks,
    events_of_days,
    evidence_of_days,
    network_day,
    network_names,
)
from talkpath.observatory.claims.count import clopper_pearson, share_outcome
from talkpath.observatory.claims.grammar import parse_predicate
from talkpath.observatory.claims.ledger import Evidence, moved_to, results_of
from talkpath.observatory.claims.published import load_published
from talkpath.observatory.claims.rows import Claim, load_claims
from talkpath.observatory.events.record import withdrawal_of

AUGUST = "from 2025-08-13 to 2025-09-12"


def claim(predicate: str, name: str = "T01") -> Claim:
    return Claim(name, "2025-08-13", "somebody", "user", "calls fail", "a letter", "C", predicate=predicate)


def held(predicate: str, *found: list) -> str:
    (entry,) = results_of([claim(predicate)], evidence_of_days(*found))
    return entry.outcome


@pytest.fixture(scope="module")
def rows() -> dict[str, Claim]:
    return {row.id: row for row in load_claims()}


@pytest.mark.parametrize(("rule", "expected"), [("tls.hello_drop", "supported"), ("signalling.block", "contradicted")])
def test_a_claim_about_clients_first_messages_is_held_by_the_rule_that_tells_them_apart(rows, rule, expected):
    found = days_on_networks("telegram", "text", "2026-06-01", restricted=3, rule=rule, basis="signalling")
    (entry,) = results_of([rows["C62"]], evidence_of_days(found))
    assert entry.own.outcome == expected


VOICE = days_on_networks("telegram", "voice", "2025-08-13", restricted=1)
VIDEO_OK = days_on_networks("telegram", "video", "2025-08-13", ok=1)
MAX_OK = days_on_networks("max", "voice", "2025-08-13", ok=1)
FEW_OK = days_on_networks("max", "voice", "2025-08-13", on=9, ok=1)
HALF = days_on_networks("telegram", "voice", "2025-08-13", on=6, restricted=1) + [
    network_day("telegram", "voice", when, network=f"AS{65000 + n}", ok=1)
    for n in range(6)
    for when in dates_from("2025-08-13", 3)
]


@pytest.mark.parametrize(
    ("predicate", "found", "expected"),
    [
        ("RESTRICTED(voice of telegram in RU {})", VOICE, "supported"),
        ("RESTRICTED(voice of telegram {})", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in AS64500 {})", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in AE {})", VOICE, "silent"),
        ("RESTRICTED(voice of telegram outside RU {})", VOICE, "silent"),
        ("RESTRICTED(voice of telegram in RU from 2025-07-01 to 2025-08-12)", VOICE, "silent"),
        ("RESTRICTED(voice of telegram in RU since 2025-08-15)", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in RU {} as media.drop, stun.drop)", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in RU {} as stun.drop)", VOICE, "contradicted"),
        ("RESTRICTED(voice of telegram in RU {} way both)".replace("both", "up"), VOICE, "contradicted"),
        ("RESTRICTED(voice of telegram in RU {} by shape)", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in RU {} by address)", VOICE, "silent"),
        ("OK(voice of telegram in RU {})", VOICE, "contradicted"),
        ("OK(voice of telegram in RU on any network {})", HALF, "supported"),
        ("OK(voice of telegram in RU on most networks {})", HALF, "silent"),
        ("MIXED(voice of telegram in RU {})", HALF, "supported"),
        ("MIXED(voice of telegram in RU {})", VOICE, "contradicted"),
        ("RESTRICTED(voice of telegram in RU on every network {})", VOICE, "supported"),
        ("RESTRICTED(voice of telegram in RU on every network {})", HALF, "contradicted"),
        ("RESTRICTED(voice of telegram in RU on most networks {})", HALF, "silent"),
        ("DEGRADED(voice of telegram in RU {})", VOICE, "supported"),
        ("BLOCKED(voice of telegram in RU {})", VOICE, "contradicted"),  # p = 0.3
        ("CLOSED(voice of telegram in RU {})", VOICE, "contradicted"),
        ("OK(voice of max in RU {})", MAX_OK, "supported"),
        ("OK(voice of max in RU {})", FEW_OK, "silent"),  # nine networks are not enough to say `every`
        ("RESTRICTED(voice of max in RU {})", MAX_OK, "contradicted"),
        ("RESTRICTED(voice of max in RU {})", FEW_OK, "silent"),  # nor to say `none`
        ("RESTRICTED(voice of telegram in RU {}) and OK(video of telegram in RU {})", VOICE + VIDEO_OK, "supported"),
        ("RESTRICTED(voice of telegram in RU {}) and OK(video of telegram in RU {})", VOICE, "silent"),
        ("RESTRICTED(voice of telegram in RU {}) or OK(video of telegram in RU {})", VOICE, "supported"),
        ("OK(voice of telegram in RU {}) and OK(video of telegram in RU {})", VOICE, "contradicted"),
        ("not OK(voice of telegram in RU {})", VOICE, "supported"),
        ("RESTRICTED(call of telegram in RU {})", VOICE + VIDEO_OK, "supported"),  # the worse of voice and video
        ("OK(call of telegram in RU {})", VOICE + VIDEO_OK, "contradicted"),
        ("RESTRICTED(voice, video of telegram in RU {})", VOICE + VIDEO_OK, "contradicted"),  # each of them
        ("RESTRICTED(voice of telegram, max in RU {})", VOICE + MAX_OK, "contradicted"),
    ],
)
def test_a_word_is_held_by_counting_networks(predicate, found, expected):
    assert held(predicate.replace("{}", AUGUST), found) == expected


@pytest.mark.parametrize(
    ("rule", "p", "expected"),
    [
        ("stun.drop", None, "supported"),  # no set-up
        ("dtls.hello_drop", None, "supported"),
        ("media.drop", 0.95, "supported"),
        ("media.drop", 0.94, "contradicted"),
        ("media.freeze", None, "contradicted"),  # the call was set up
        ("media.unknown", None, "silent"),
    ],
)
def test_blocked_is_no_set_up_or_nearly_all_packets(rule, p, expected):
    found = days_on_networks("telegram", "voice", "2025-08-13", restricted=1, rule=rule, p=p)
    assert held(f"BLOCKED(voice of telegram in RU {AUGUST})", found) == expected


def test_one_report_is_no_restriction_and_its_network_is_neither():
    lone = days_on_networks("telegram", "voice", "2025-08-13", count=1, on=1, restricted=1)
    assert held(f"RESTRICTED(voice of telegram in RU {AUGUST})", lone) == "silent"
    others = days_on_networks("telegram", "voice", "2025-08-13", on=12, ok=1)[3:]
    assert held(f"OK(voice of telegram in RU {AUGUST})", lone, others) == "supported"


def test_one_bad_line_says_nothing_about_a_network():
    fine = days_on_networks("max", "voice", "2025-08-13", ok=1)
    bad = [network_day("max", "voice", "2025-08-13", network="AS64496", impaired=1, closed=1)]
    assert held(f"OK(voice of max in RU {AUGUST})", fine, bad) == "supported"
    poor = [network_day("max", "voice", when, network="AS64496", impaired=3) for when in dates_from("2025-08-16", 2)]
    assert held(f"OK(voice of max in RU {AUGUST})", fine, bad, poor) == "contradicted"
    assert held(f"DEGRADED(voice of max in RU {AUGUST})", fine, bad, poor) == "supported"


ENDED = [
    network_day("max", "voice", when, network=network, restricted=int(n < 3), ok=int(n >= 3))
    for network in network_names(8)
    for n, when in enumerate(dates_from("2025-08-13", 13))
]
BEGUN = days_on_networks("max", "voice", "2025-08-10", on=8, ok=1) + days_on_networks(
    "max", "voice", "2025-08-13", on=8, restricted=1
)


@pytest.mark.parametrize(
    ("predicate", "found", "expected"),
    [
        ("BEGAN(voice of max in RU from 2025-08-12 to 2025-08-14)", BEGUN, "supported"),
        ("BEGAN(voice of max in RU from 2025-08-13 to 2025-08-13)", BEGUN, "supported"),
        ("BEGAN(voice of max in RU from 2025-08-01 to 2025-08-12)", BEGUN, "contradicted"),
        ("BEGAN(voice of max in RU from 2025-08-14 to 2025-08-20)", BEGUN, "contradicted"),
        ("BEGAN(voice of max in RU from 2025-08-13 to 2025-08-13)", BEGUN[24:], "supported"),  # perhaps earlier
        ("BEGAN(voice of max in RU from 2025-08-01 to 2025-08-12)", BEGUN[24:], "silent"),  # perhaps then
        ("BEGAN(voice of max in RU from 2025-08-10 to 2025-08-12)", MAX_OK, "silent"),  # measured on later days only
        ("BEGAN(voice of max in RU from 2025-08-13 to 2025-08-20)", MAX_OK, "contradicted"),
        ("BEGAN(voice of max in RU from 2025-09-01 to 2025-09-20)", ENDED, "silent"),  # it was over; not measured then
        ("ENDED(voice of max in RU since 2025-08-13)", ENDED, "supported"),
        ("ENDED(voice of max in RU since 2025-08-13)", BEGUN, "silent"),  # it may still end
        ("ENDED(voice of max in RU since 2025-08-13)", MAX_OK, "silent"),  # what never began cannot end
        ("ENDED(voice of max in RU from 2025-09-01 to 2025-09-30)", ENDED, "contradicted"),
    ],
)
def test_when_it_began_and_ended(predicate, found, expected):
    assert held(predicate, found) == expected


def test_an_event_that_was_withdrawn_supports_nothing():
    found = evidence_of_days(VOICE)
    one = claim(f"RESTRICTED(voice of telegram in RU {AUGUST})")
    taken = [withdrawal_of(event, "a faulty responder") for event in found.events]
    (entry,) = results_of([one], Evidence(found.days, [*found.events, *taken]))
    assert entry.outcome == "silent"


@pytest.mark.parametrize(("telegram", "whatsapp", "expected"), [
    (0.6, 0.2, "supported"), (0.2, 0.6, "contradicted"), (0.3, 0.3, "contradicted"), (0.6, None, "silent"),
])  # fmt: skip
def test_worse_compares_two_apps_on_the_same_networks(telegram, whatsapp, expected):
    found = days_on_networks("telegram", "voice", "2025-08-13", restricted=1, p=telegram)
    found += days_on_networks("whatsapp", "voice", "2025-08-13", restricted=1, p=whatsapp, rule="media.delay")
    assert held(f"WORSE(voice of telegram than whatsapp in RU {AUGUST})", found) == expected


def test_unlike_is_another_rule_on_the_same_networks():
    dropped = days_on_networks("telegram", "voice", "2025-08-13", restricted=1)
    stopped = days_on_networks("whatsapp", "voice", "2025-08-13", restricted=1, rule="stun.drop", p=None)
    alike = days_on_networks("whatsapp", "voice", "2025-08-13", restricted=1)
    said = f"UNLIKE(voice of whatsapp, telegram in RU {AUGUST})"
    assert held(said, dropped, stopped) == "supported"
    assert held(said, dropped, alike) == "contradicted"
    assert held(said, dropped) == "silent"


def test_the_numbers_are_told_with_the_outcome():
    (entry,) = results_of([claim(f"RESTRICTED(voice of telegram in RU {AUGUST})")], evidence_of_days(HALF))
    (part,) = entry.own.parts
    assert (part.yes, part.told, part.measured, part.reports) == (6, 12, 12, 36)
    assert (part.first_day, part.last_day, len(part.events)) == ("2025-08-13", "2025-08-15", 6)
    assert (part.low, part.high) == pytest.approx((0.211, 0.789), abs=0.001)


@pytest.mark.parametrize(("yes", "told"), [(0, 1), (0, 10), (1, 10), (5, 10), (10, 10), (3, 200)])
def test_the_interval_is_that_of_clopper_and_pearson(yes, told):
    low = beta.ppf(0.025, yes, told - yes + 1) if yes else 0.0
    high = beta.ppf(0.975, yes + 1, told - yes) if yes < told else 1.0
    assert clopper_pearson(yes, told) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("yes", "told", "expected"), [
    (0, 0, "silent"), (5, 5, "silent"), (6, 6, "supported"), (0, 5, "silent"), (0, 6, "contradicted"),
    (8, 10, "silent"), (9, 10, "supported"),
])  # fmt: skip
def test_most_needs_an_interval_on_one_side_of_a_half(yes, told, expected):
    assert share_outcome(yes, told, "most", sampled=True) == expected


# -- the conflicts in the public claims ----------------------------------------------------------------------------


def outcomes(rows: dict[str, Claim], ids: list[str], found: Evidence) -> dict[str, str]:
    return {entry.claim: entry.outcome for entry in results_of([rows[name] for name in ids], found)}


def meet(inside: dict, outside: dict) -> Evidence:
    at = dates_from("2025-08-22", 3)
    there = [
        network_day("meet", "voice", when, network=name, country="DE", **outside)
        for name in network_names(12)
        for when in at
    ]
    return evidence_of_days(
        days_on_networks("meet", "voice", "2025-08-22", **inside),
        there,
        days_on_networks("meet", "text", "2025-08-22", ok=1),
    )


MEET = ["C18", "C19", "C20"]


def test_meet_restricted_here_and_fine_elsewhere(rows):
    """Users are right, the denial is contradicted, and so is the overload: elsewhere it works."""
    found = meet({"restricted": 1, "rule": "media.drop", "p": 1.0}, {"ok": 1})
    assert outcomes(rows, MEET, found) == {"C18": "supported", "C19": "contradicted", "C20": "supported"}


def test_meet_overloaded_everywhere(rows):
    """Calls and twins alike suffer: a poor line, no restriction; the company's word is contradicted."""
    found = meet({"impaired": 2}, {"impaired": 2})
    assert outcomes(rows, MEET, found) == {"C18": "silent", "C19": "silent", "C20": "contradicted"}


def test_meet_never_restricted(rows):
    found = meet({"ok": 1}, {"ok": 1})
    assert outcomes(rows, MEET, found) == {"C18": "contradicted", "C19": "supported", "C20": "supported"}


TELEGRAM = ["C37", "C38"]


def test_restricted_since_autumn_contradicts_neither_word_of_january(rows):
    """'Is being restricted' and 'nothing new' can both be so."""
    before = days_on_networks("telegram", "voice", "2025-10-01", restricted=1) + days_on_networks(
        "telegram", "text", "2026-01-10", ok=1
    )
    found = evidence_of_days(before, days_on_networks("telegram", "voice", "2026-01-10", restricted=1))
    assert outcomes(rows, TELEGRAM, found) == {"C37": "supported", "C38": "supported"}


def test_begun_in_january_contradicts_the_denial(rows):
    found = evidence_of_days(
        days_on_networks("telegram", "voice", "2025-12-20", ok=1),
        days_on_networks("telegram", "text", "2026-01-10", ok=1),
        days_on_networks("telegram", "voice", "2026-01-15", restricted=1),
    )
    assert outcomes(rows, TELEGRAM, found) == {"C37": "supported", "C38": "contradicted"}
    (entry,) = results_of([rows["C38"], rows["C37"]], found)[:1]
    assert entry.against == {"C37": "supported"}


def test_the_block_came_before_the_announced_day(rows):
    """C45 said 1 April; OONI published 20 March (C49). A finding is not held against the claim that restates it."""
    found = {
        entry.claim: entry for entry in results_of([rows["C45"], rows["C49"]], Evidence(published=load_published()))
    }
    assert (found["C45"].outcome, found["C45"].rank) == ("contradicted", "published")
    assert (found["C49"].outcome, found["C49"].rank) == ("silent", "none")


def test_own_measurements_outrank_published_ones_and_both_are_shown(rows):
    """Had we seen it begin in April, OONI's earlier day stands beside as the other side."""
    own = evidence_of_days(
        days_on_networks("telegram", "text", "2026-03-25", ok=1),
        days_on_networks("telegram", "text", "2026-04-01", restricted=1),
    )
    (entry,) = results_of([rows["C45"]], Evidence(own.days, own.events, load_published()))
    assert (entry.outcome, entry.rank, entry.disagree) == ("supported", "own", True)
    assert (entry.own.outcome, entry.published.outcome) == ("supported", "contradicted")
    assert entry.published.parts[0].told == 2  # P02 and P03: both began before April


def test_both_agree(rows):
    own = evidence_of_days(
        days_on_networks("telegram", "text", "2026-03-18", count=2, ok=1),
        days_on_networks("telegram", "text", "2026-03-20", restricted=1),
    )
    entries = results_of([rows["C49"], rows["C45"]], Evidence(own.days, own.events, load_published()))
    assert [(entry.outcome, entry.rank, entry.disagree) for entry in entries] == [
        ("supported", "own", False), ("contradicted", "own", False),
    ]  # fmt: skip


def test_what_published_findings_do_not_tell_is_not_refuted(rows):
    """P02 began in February; that is no word about 'nothing new in January'."""
    assert outcomes(rows, ["C38", "C19"], Evidence(published=load_published())) == {
        "C38": "silent", "C19": "silent",
    }  # fmt: skip


@pytest.mark.parametrize("found", [Evidence(), evidence_of_days(VOICE), Evidence(published=load_published())])
def test_fraud_calls_are_never_measured(rows, found):
    """C26: whatever happens to calls, 40 % of fraud calls is not held against it."""
    (entry,) = results_of([rows["C26"]], found)
    assert (entry.outcome, entry.rank, entry.own.parts) == ("not measurable", "none", ())
    assert "fraud" in entry.reason


def test_voice_only(rows):
    """S10 against S11: the order says voice, users say video too."""

    def said(video: dict) -> dict[str, str]:
        media = {"voice": {"restricted": 1}, "video": video, "text": {"ok": 1}}
        found = [
            days_on_networks(app, medium, "2025-08-14", **counts)
            for app in ("whatsapp", "telegram")
            for medium, counts in media.items()
        ]
        return outcomes(rows, ["S10", "S11"], evidence_of_days(*found))

    assert said({"restricted": 1}) == {"S10": "contradicted", "S11": "supported"}
    assert said({"ok": 1}) == {"S10": "supported", "S11": "contradicted"}


def test_what_is_said_of_one_country_can_be_held_against_a_simulated_one(rows):
    moved = moved_to(parse_predicate(rows["C20"].predicate), "XX")
    assert str(moved) == "OK(call of meet outside XX from 2025-08-22 to 2025-09-05)"
    assert str(
        moved_to(
            parse_predicate("not (OK(call of max since 2025-01-01) or OK(call of max in AS1 since 2025-01-01))"), "XX"
        )
    ) == ("not (OK(call of max since 2025-01-01) or OK(call of max in XX since 2025-01-01))")


def test_events_say_what_the_days_say():
    assert all(event.level == "confirmed" for event in events_of_days(VOICE))
