"""Networks rolled up to their country."""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.counts import ReportCounts
from talkpath.observatory.events.record import Event, withdrawal_of

NETWORKS = ("AS1", "AS2", "AS3", "AS4")
COUNTS = [ReportCounts("XX", network, "max", "voice", "2025-08-15", "probe", 1, 0) for network in NETWORKS]


def event(network: str, kind: str, on: str, rule: str = "media.drop", level: str = "confirmed", **said) -> Event:
    began = "" if kind == "began" else f"XX/{network}/max/voice/began"
    name = f"XX/{network}/max/voice/{kind}"
    said |= {"onset_low": None, "onset_high": on, "level": level, "rule": rule, "began": began}
    return Event(id=name, network=network, country="XX", app="max", medium="voice", kind=kind, count=3, contributors=2,
                 checks=4, **said)  # fmt: skip


def told(events):
    return [(one.kind, one.onset_high, one.networks, one.rule) for one in events]


def test_it_begins_with_the_first_network_and_ends_with_the_last():
    events = [event("AS1", "began", "2025-08-11"), event("AS2", "began", "2025-08-13"),
              event("AS1", "ended", "2025-08-20"), event("AS2", "ended", "2025-08-22")]  # fmt: skip
    began, ended = roll_up(events, COUNTS)
    assert told([began, ended]) == [
        ("began", "2025-08-11", ("AS1", "AS2"), "media.drop"), ("ended", "2025-08-22", ("AS1", "AS2"), "media.drop"),
    ]  # fmt: skip
    assert (began.network, began.measured, began.count, began.checks, began.contributors) == ("*", 4, 6, 8, 2)
    assert ended.began == began.id


def test_a_network_that_is_free_is_no_end_while_another_is_not():
    events = [event("AS1", "began", "2025-08-11"), event("AS2", "began", "2025-08-13"),
              event("AS1", "ended", "2025-08-20")]  # fmt: skip
    assert [one.kind for one in roll_up(events, COUNTS)] == ["began"]


def test_it_changes_when_most_do():
    events = [event(network, "began", "2025-08-11") for network in NETWORKS[:3]]
    events += [event(network, "changed", f"2025-09-0{at}", "stun.drop") for at, network in enumerate(NETWORKS[:3], 1)]
    (changed,) = roll_up(events, COUNTS)[1:]
    assert told([changed]) == [("changed", "2025-09-02", NETWORKS[:2], "stun.drop")]
    assert changed.id == "XX/*/max/voice/2025-09-02/changed"
    assert (changed.count, changed.checks) == (6, 8), "what both networks that it is about said, not the last alone"


def test_what_changed_on_the_same_day_changed_together():
    """It read "on 2 of 4 networks" in whose list of that day three stand: the third came after the majority."""
    events = [event(network, "began", "2025-08-11") for network in NETWORKS[:3]]
    events += [event(network, "changed", "2025-09-01", "stun.drop") for network in NETWORKS[:3]]
    (changed,) = roll_up(events, COUNTS)[1:]
    assert (changed.networks, changed.hit, changed.measured, changed.count) == (NETWORKS[:3], 3, 4, 9)


def test_it_is_counted_among_the_networks_that_were_measured_while_it_lasted():
    events = [event("AS1", "began", "2025-08-11"), event("AS1", "ended", "2025-08-20")]
    others = [
        ReportCounts("XX", "AS5", "max", "voice", "2025-08-10", "probe", 1, 0),
        ReportCounts("XX", "AS6", "max", "voice", "2025-08-21", "probe", 1, 0),
        ReportCounts("XX", "AS7", "max", "voice", "2025-08-15", "tap", 1, 1),
    ]
    assert [(one.hit, one.measured) for one in roll_up(events, [*COUNTS, *others])] == [(1, 4), (1, 4)]


def test_it_is_as_sure_as_the_least_sure_of_its_networks():
    """It read "confirmed by so many sources that two false ones cannot have made it up" where that was so of one."""
    sure = event("AS1", "began", "2025-08-11", level="attack-resistant", unvouched=1,
                 known={"confirmed": "2025-08-12", "attack-resistant": "2025-08-13"})  # fmt: skip
    less = event("AS2", "began", "2025-08-12", unvouched=2, known={"confirmed": "2025-08-14"})
    (both,) = roll_up([sure, less], COUNTS)
    assert (both.level, both.known, both.unvouched) == ("confirmed", {"confirmed": "2025-08-12"}, 3)


def test_signals_count_only_where_nothing_is_confirmed():
    signal = event("AS1", "began", "2025-08-01", level="signal")
    (alone,) = roll_up([signal], COUNTS)
    assert alone.level == "signal"
    (both,) = roll_up([signal, event("AS2", "began", "2025-08-13", level="attack-resistant")], COUNTS)
    assert (both.level, both.onset_high, both.networks) == ("attack-resistant", "2025-08-13", ("AS2",))


def test_what_was_withdrawn_is_not_counted():
    wrong = event("AS1", "began", "2025-08-01")
    assert roll_up([wrong, withdrawal_of(wrong, "a clock was wrong")], COUNTS) == []


def test_apps_are_apart():
    other = replace(event("AS1", "began", "2025-08-11"), app="meet")
    assert [one.app for one in roll_up([other, event("AS1", "began", "2025-08-11")], COUNTS)] == ["max", "meet"]
