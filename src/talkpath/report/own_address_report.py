"""What `talkpath endpoints` says of an app's own addresses: the plan of greetings in series and of packets that expire
on the way, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator

from talkpath.probe.own_addresses.plan import OwnAddressPlan
from talkpath.report.words.amounts import (
    estimate_words,
    megabytes,
    milliseconds,
    numeral,
    odds_words,
    percent,
    rounded_outward,
    seconds,
)
from talkpath.report.words.joined_sentences import is_of_routes
from talkpath.report.words.language import count, listed, say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.sentences import app_name, app_name_of
from talkpath.verdict.model import Category, Number, Verdict


def plan_lines(plan: OwnAddressPlan) -> Iterator[str]:
    """Whom it is sent to, by name, and how much that is at most."""
    own = listed(f"{app_name_of(row.app)} {row.host}" for row in plan.rows if row.app)
    neutral = listed(row.host for row in plan.rows if not row.app)
    yield say(
        "endpoints",
        "Then greetings in series, one a second, at most {greetings} to each of these in all: {own}; beside them, "
        "neutral: {neutral}.",
        greetings=plan.greetings,
        own=own,
        neutral=neutral,
    )
    if plan.packets:
        yield say(
            "endpoints",
            "And packets towards them that expire on the way: at most {packets}, half of them with the bytes of a call "
            "and half random. None of them gets as far as a server: each is dropped by a router at least two hops "
            "before it.",
            packets=numeral(plan.packets),
        )
    yield say(
        "endpoints",
        "All of that is at most {amount}, and takes about {seconds}, where routers answer slowly up to {most}.",
        amount=megabytes(plan.bytes),
        seconds=seconds(plan.seconds, 0),
        most=seconds(plan.most_seconds, 0),
    )


def own_address_sentence(verdict: Verdict) -> str:
    """What is held back, and what is not."""
    name, bound = app_name(verdict), verdict.parameters.get("bound_to")
    return {
        "both": say(
            "endpoints",
            "Packets of a call like {name}'s towards {name}'s own call servers are held back on the way. Random "
            "packets there pass, and so do the same packets of a call towards a neutral address.",
            name=name,
        ),
        "shape": say(
            "endpoints",
            "Packets of a call like {name}'s are held back on the way, towards {name}'s own call servers and towards a "
            "neutral address. Random packets pass.",
            name=name,
        ),
    }.get(
        bound.value if isinstance(bound, Category) else "",
        say(
            "endpoints",
            "Packets of a call like {name}'s towards {name}'s own call servers are held back on the way. Random "
            "packets there pass.",
            name=name,
        ),
    )


def route_sentence(verdict: Verdict) -> str:
    """Everything to the app is lost on the way: what else looks so, and how often chance alone picks the app's ways."""
    values = verdict.reason.values if verdict.reason else {}
    return say(
        "endpoints",
        "Packets towards {name}'s own call servers are lost on the way, whatever they carry; those towards neutral "
        "servers pass. From one place a bad stretch of the way to them looks the same: if chance chose which of "
        "{every} servers lie behind it, it would be {name}'s {servers} once in {odds}.",
        name=app_name(verdict),
        every=numeral(values.get("servers", 0) + values.get("neutral", 0)),
        servers=numeral(values.get("servers", 0)),
        odds=numeral(values.get("odds", 1)),
    )


def networks_sentence(verdict: Verdict) -> str:
    """On how many networks the app's servers are silent, or all that goes to them is lost, and how often bad routes
    alone would do that."""
    hit, networks = (round(verdict.figures.get(key) or 0.0) for key in ("networks_hit", "networks"))
    if verdict.log10_e is None:
        return say(
            "endpoints",
            "Networks on which {name}'s servers do not answer, while neutral ones do: {hit} of {number}. From another "
            "they all answered in the same hour: that is no outage of the app.",
            number=networks,
            hit=hit,
            name=app_name(verdict),
        )
    told = say(
        "endpoints",
        "Networks on which packets towards {name}'s own call servers are lost on the way, whatever they carry, while "
        "those towards neutral servers pass: {hit} of {number}. Bad stretches of the way would do that by chance at "
        "most once in {odds}.",
        number=networks,
        hit=hit,
        name=app_name(verdict),
        odds=odds_words(max(verdict.log10_e, 0.0)),
    )
    whose = say("endpoints", "That each run was made on another network is the word of whoever made them.")
    unproven = say("endpoints", "That is no proof yet: more networks would tell.")
    return " ".join((told, whose) if verdict.state == "restricted" else (told, whose, unproven))


def own_address_lines(verdict: Verdict) -> Iterator[str]:
    """How it acts and where, the numbers of the series, and what was not looked at."""
    if verdict.state == "restricted" or is_of_routes(verdict):
        yield say("endpoints", "It acts on what is sent: {mechanism}.", mechanism=_address_mechanism(verdict))
        if (where := router_interval(verdict)) is not None:
            yield where
    yield from _series_line(verdict)
    if verdict.figures.get("hops"):
        yield say(
            "endpoints",
            "This looked as far as router {hops}, and at what is sent alone: what acts behind it, what acts on what is "
            "received, and what waits for a server's answer were not seen.",
            hops=round(verdict.figures["hops"] or 0.0),
        )


def address_mechanisms() -> dict[str, str]:
    """Rule -> what it does to everything that goes to an app's addresses, as a clause."""
    return {
        "address.block": say("rule", "nothing that goes to the app's own addresses passes"),
        "media.drop": say("rule", "packets to the app's own addresses are dropped at random"),
        "udp.freeze": say("rule", "connections to the app's own addresses go silent after some packets"),
    }


def _address_mechanism(verdict: Verdict) -> str:
    """How the rule acts. One that is bound to addresses asks of no packet whether it is a call's."""
    rule = verdict.rule or next(iter(verdict.alternatives), "")
    bound, clause = verdict.parameters.get("bound_to"), address_mechanisms().get(rule)
    if clause is None or not isinstance(bound, Category) or bound.value != "address":
        return mechanism_clause(verdict)
    for name, tell, step in (("p", percent, 0.01), ("after_packets", numeral, 1.0)):
        if isinstance(known := verdict.parameters.get(name), Number) and known.estimate is not None:
            amount = estimate_words(known, tell(known.estimate), tell, step)
            return say("rule", "{mechanism}, {amount}", mechanism=clause, amount=amount)
    return clause


def router_interval(verdict: Verdict) -> str | None:
    """Between which routers it acts; None where that is not known."""
    hop, kind = verdict.parameters.get("hop"), verdict.parameters.get("hop_kind")
    if not isinstance(hop, Number) or hop.low is None or hop.high is None:
        return None
    after, by = round(hop.low) - 1, round(hop.high)
    near = say("place", "router {number}", number=after) if after else say("place", "this device")
    far = say("place", "router {number}", number=by)
    where = say("place", "It acts between {near} and {far}, counted from this device.", near=near, far=far)
    of = {
        "home": say("endpoints", "That router has a private address."),
        "provider": say("endpoints", "That router has an address of the provider's own."),
        "public": say("endpoints", "That router has a public address."),
    }.get(kind.value if isinstance(kind, Category) else "", "")
    return f"{where} {of}".strip()


def _series_line(verdict: Verdict) -> Iterator[str]:
    figures = verdict.figures
    lost, neutral = figures.get("greetings_lost"), figures.get("neutral_lost")
    if lost is None or neutral is None:
        return
    least, most = rounded_outward(figures["greetings_lost_low"] or 0.0, figures["greetings_lost_high"] or 0.0, 0.01)
    yield count(
        "endpoints",
        "{lost} of {number} greeting in series got no answer ({low} to {high}), of neutral servers {neutral}.",
        "{lost} of {number} greetings in series got no answer ({low} to {high}), of neutral servers {neutral}.",
        round(figures["greetings"] or 0.0),
        lost=percent(lost),
        low=percent(least),
        high=percent(most),
        neutral=percent(neutral),
    )
    own_ms, neutral_ms = figures.get("rtt_ms"), figures.get("neutral_rtt_ms")
    if own_ms is not None and neutral_ms is not None:
        yield say(
            "endpoints",
            "Answers took {own}, those of neutral servers {neutral}.",
            own=milliseconds(own_ms),
            neutral=milliseconds(neutral_ms),
        )
    if (low := figures.get("frozen_after_low")) is not None and (high := figures.get("frozen_after_high")) is not None:
        yield say(
            "endpoints",
            "The servers went silent for good after {low} to {high} packets, while neutral ones went on.",
            low=numeral(low),
            high=numeral(high),
        )
