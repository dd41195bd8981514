"""The report of `talkpath endpoints`: the plan before anything is sent, then what the apps' own servers answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.probe.name_contrast import NamePlan
from talkpath.probe.own_addresses.plan import OwnAddressPlan
from talkpath.report import own_address_report
from talkpath.report.check_text import explanation
from talkpath.report.told_verdict import ToldVerdict
from talkpath.report.words import sentences
from talkpath.report.words.amounts import megabytes, numeral
from talkpath.report.words.joined_sentences import is_of_routes
from talkpath.report.words.language import count, listed, say
from talkpath.report.words.mechanism import mechanism_name as mechanism
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.bases.tls_hellos import HELLO_STYLES
from talkpath.verdict.model import Category, Verdict

SCHEMA, PLAN_SCHEMA = "talkpath.endpoints/1", "talkpath.endpoints-plan/1"
NETWORKS_SCHEMA = "talkpath.endpoints-networks/1"
Step = Mapping[str, Any]  # of a plan: {"app", "id", "asks", "host", "port", "source", "date", "confidence"}


def endpoints_json(facts: EndpointFacts, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The object of `--json` (spec/tp-004)."""
    import msgspec

    told: dict[str, Any] = {
        "schema": SCHEMA,
        "started_at": facts.started_at,
        "apps": list(facts.apps),
        "tier": facts.tier,
        "verdicts": [msgspec.to_builtins(verdict) for verdict in verdicts],
        "exchanges": [msgspec.to_builtins(each) for each in facts.exchanges],
    }
    if facts.tier >= 2:
        told |= {
            "series": [msgspec.to_builtins(each) for each in facts.series],
            "paths": [msgspec.to_builtins(each) for each in facts.paths],
            "epochs": [msgspec.to_builtins(each) for each in facts.epochs],
            "limited": facts.limited,
        }
    return told


def networks_json(runs: int, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The object of `judge --json` for several runs, each from another network (spec/tp-004)."""
    import msgspec

    return {"schema": NETWORKS_SCHEMA, "runs": runs, "verdicts": [msgspec.to_builtins(each) for each in verdicts]}


# -- before ------------------------------------------------------------------------------------------------------


def endpoint_plan_text(
    steps: Sequence[Step],
    most: int,
    own: OwnAddressPlan | None = None,
    *,
    most_hellos: int = 0,
    names: NamePlan | None = None,
) -> RenderableType:
    """The plan: which servers are asked what, how often at most, and what an observer of the line can see. `own`: what
    else goes to an app's own addresses; `most_hellos`: how often a server is sent the first TLS messages of two
    clients at most; `names`: which names are said to whom."""
    grid = Table(box=None, pad_edge=False)
    for title in (say("table", "app"), say("endpoints", "host"), say("endpoints", "is asked")):
        grid.add_column(title)
    for step in steps:
        app = sentences.app_name_of(step["app"]) if step["app"] else say("endpoints", "neutral")
        port = "" if step["asks"] == "dns" else f" {step['port']}"
        grid.add_row(app, f"{step['host']}{port}", request_in_words(step["asks"]))
    notes = [
        count(
            "endpoints",
            "Each is asked once, and again up to {most} times in all if it does not answer: {number} host.",
            "Each is asked once, and again up to {most} times in all if it does not answer: {number} hosts.",
            len(steps),
            most=most,
        ),
        *([_hello_note(most_hellos)] if any(step["asks"] in HELLO_STYLES for step in steps) else []),
        *(_names_note(names) if names else ()),
        *(own_address_report.plan_lines(own) if own else ()),
        say("endpoints", "Whoever watches this line sees these names and addresses, as when the app itself is used."),
        say("endpoints", "No account, no call, no message is involved, and no address that comes back is kept."),
    ]
    return Group(grid, "", *map(Text, notes))


def _hello_note(most: int) -> str:
    return say(
        "endpoints",
        "A server that answers the first TLS message of one client and not that of the other is sent both up to {most} "
        "times, and where a browser's dies, which is long, OpenSSL's at the same length beside it.",
        most=most,
    )


def _names_note(names: NamePlan) -> Iterator[str]:
    yield say(
        "endpoints",
        "Where a server completes no TLS handshake, neutral servers are sent the first TLS message with its name in "
        "it, and it with theirs. Names: {names}; neutral servers: {neutral}. At most {hellos} messages, {packets} "
        "packets, {amount} in all.",
        names=listed(names.names),
        neutral=listed(names.neutral),
        hellos=numeral(names.hellos),
        packets=numeral(names.packets),
        amount=megabytes(names.bytes),
    )
    yield say(
        "endpoints",
        "Whoever watches this line then sees the app's names in messages to servers that are not the app's. These "
        "answer anybody, with an alert or a certificate of their own.",
    )


def request_in_words(kind: str) -> str:
    """A kind of request in words."""
    return {
        "stun": say("endpoints", "one STUN greeting"),
        "stun-tcp": say("endpoints", "one STUN greeting over TCP"),
        "tcp": say("endpoints", "one TCP handshake"),
        "tls": say("endpoints", "one TLS handshake"),
        "tls.browser": say("endpoints", "the first TLS message of a browser"),
        "tls.openssl": say("endpoints", "the first TLS message of OpenSSL"),
        "dns": say("endpoints", "where a name is, of two name servers"),
        "resolver": say("endpoints", "where names are"),
    }[kind]


# -- after -------------------------------------------------------------------------------------------------------


def show_endpoints(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print a paragraph for each verdict."""
    for verdict in verdicts:
        console.print(explanation(told_endpoints(verdict), f"{sentences.STATE_MARKS[verdict.state]} "))
    if sentences.translation_note():
        console.print(Text(f"\n{sentences.translation_note()}", style="dim"))


def told_endpoints(verdict: Verdict) -> ToldVerdict:
    """A verdict on an app's own servers in words."""
    return ToldVerdict(verdict, endpoint_sentence(verdict), sentences.with_trouble(endpoint_lines(verdict), verdict))


def endpoint_sentence(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    if verdict.figures.get("networks"):
        return own_address_report.networks_sentence(verdict)
    if verdict.state == "restricted" and verdict.log10_e is not None:
        return own_address_report.own_address_sentence(verdict)
    name = sentences.app_name(verdict)
    if verdict.state == "ok":
        return _answer_and_limit(verdict, name)[0]
    if verdict.state == "insufficient":
        if verdict.reason is not None and verdict.reason.code == "outage":
            return _outage_sentence(verdict.alternatives[0] if verdict.alternatives else "", name)
        if is_of_routes(verdict):
            return own_address_report.route_sentence(verdict)
        return say(
            "endpoints",
            "Nothing can be said about {name}'s servers: {reason}.",
            name=name,
            reason=reason_clause(verdict.reason),
        )
    if verdict.rule == "tls.hello_drop":
        return _hello_sentence(verdict)
    return say(
        "endpoints",
        "TLS handshakes with the name of {name}'s servers in them do not complete from here, not even with neutral "
        "servers, which answer other names each time.",
        name=name,
    )


def _answer_and_limit(verdict: Verdict, name: str) -> tuple[str, str]:
    """What answered, and what that does not show. In tier 0 no server of the app is asked itself."""
    if verdict.figures.get("name_requests", 0.0) == verdict.figures.get("requests"):
        return (
            say("endpoints", "This network's name server knows where {name}'s servers are.", name=name),
            say("endpoints", "The servers themselves were not asked; --tier 1 asks them."),
        )
    return (
        say("endpoints", "{name}'s call servers answer from here.", name=name)
        if verdict.medium == "voice"
        else say("endpoints", "{name}'s servers answer from here.", name=name),
        say("endpoints", "That a server answers a greeting does not say that a call gets through."),
    )


def _outage_sentence(fitting: str, name: str) -> str:
    """What was seen, which an outage of the app would explain as well."""
    if fitting == "dns.remove":
        return say(
            "endpoints",
            "This network's name server does not know {name}'s servers, while another one does. It may still have an "
            "answer from an outage of the app, or be a filter of your own (an ad blocker, parental control).",
            name=name,
        )
    if fitting == "allowlist":
        return say(
            "endpoints",
            "Neither {name}'s servers nor neutral ones answer from here, while another app's do. The way to others may "
            "be down.",
            name=name,
        )
    return say(
        "endpoints",
        "{name}'s servers do not answer from here, while neutral ones do. From one place an outage of the app looks "
        "the same as a rule about its servers.",
        name=name,
    )


def _hello_sentence(verdict: Verdict) -> str:
    hello, bound = (verdict.parameters.get(key) for key in ("hello", "bound_to"))
    of_browser = isinstance(hello, Category) and hello.value == "browser"
    client = say("endpoints", "a browser") if of_browser else say("endpoints", "OpenSSL")
    name = sentences.app_name(verdict)
    if isinstance(bound, Category) and bound.value == "shape":
        return say(
            "endpoints",
            "TLS handshakes that begin as {client} begins them are not answered from here, by {name}'s servers nor by "
            "a neutral one; handshakes that begin otherwise are.",
            client=client,
            name=name,
        )
    return say(
        "endpoints",
        "TLS handshakes with {name}'s servers that begin as {client} begins them are not answered from here; those "
        "that begin otherwise are, and a neutral server answers both.",
        client=client,
        name=name,
    )


def endpoint_lines(verdict: Verdict) -> list[str]:
    """What was observed, and the limits of the verdict."""
    hosts, silent = (round(verdict.figures.get(key) or 0) for key in ("hosts", "hosts_silent"))
    of_way = list(own_address_report.own_address_lines(verdict))
    if verdict.state == "ok":
        notes = [_answer_and_limit(verdict, "")[1]]
    elif verdict.log10_e is not None or not silent:
        notes = []
    else:
        notes = [
            count(
                "endpoints",
                "{silent} of {number} way of asking failed, each time it was tried.",
                "{silent} of {number} ways of asking failed, each time they were tried.",
                hosts,
                silent=silent,
            )
        ]
    notes += of_way
    if verdict.state == "restricted":
        notes += _restriction_limits(verdict)
    elif verdict.alternatives:
        fitting = say("list", "; ").join(
            own_address_report.address_mechanisms().get(rule) or mechanism(rule) for rule in verdict.alternatives
        )
        notes += [
            *_neutral_answer_line(verdict),
            say("endpoints", "It would be consistent with this: {list}.", list=fitting),
        ]
    if verdict.confidence == "low":
        notes.append(say("endpoints", "It is not sure that these servers still answer anybody."))
    return notes


def _restriction_limits(verdict: Verdict) -> Iterator[str]:
    """How handshakes end that are held back, and what else would look the same."""
    ends, bound = (verdict.parameters.get(key) for key in ("ends", "bound_to"))
    if isinstance(ends, Category):
        yield {
            "reset": say("endpoints", "The connection is reset."),
            "silence": say("endpoints", "Nothing comes back."),
        }[ends.value]
    if verdict.log10_e is not None:  # a call's bytes against others, to the same address, before any server
        yield say("endpoints", "It is no proof of who does it or why. An outage of the app does not look like this.")
    elif isinstance(bound, Category) and bound.value == "both":
        yield say("endpoints", "It is no proof of who does it or why: servers that refuse such clients look the same.")
    else:
        yield say("endpoints", "It is no proof of who does it or why. An outage of the app does not look like this.")
        yield say("endpoints", "A filter on this device or in this house (antivirus, parental control) looks the same.")


def _neutral_answer_line(verdict: Verdict) -> Iterator[str]:
    names, passed = (verdict.figures.get(key) or 0.0 for key in ("names", "names_passed"))
    if names and passed == names:
        yield say("endpoints", "A neutral server answered its name: the name alone is not held back.")
