"""What several means say together about one app, in one sentence each: a clause for each means, then what it fits.

No sentence goes beyond its basis: a test server is called a test server, an app's servers are spoken of only where they
were asked, a call only where the person made one. Where means disagree the sentence says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.grouping import grouped_by_key
from talkpath.report.words.language import listed, say
from talkpath.report.words.sentences import app_name_of, medium_word
from talkpath.verdict.bases.joined_means import CALL_MEDIA, HELD_BACK_WORDS, JoinedMedium, Means, MeansFinding
from talkpath.verdict.model import Category, Verdict


def means_titles() -> dict[Means, str]:
    """Each means as a heading."""
    return {
        "messages": say("joined", "its servers for messages"),
        "server": say("joined", "calls to a test server"),
        "addresses": say("joined", "its own call servers"),
        "call": say("joined", "your own call"),
    }


def own_servers_question(apps: Sequence[str]) -> str:
    """What the guided check offers."""
    return say(
        "joined",
        "That was a test server. Ask the servers of {names} as well? You see first who would be asked what",
        names=listed(map(app_name_of, apps)),
    )


def own_call_question(apps: Sequence[str]) -> str:
    """What is asked before a call of the person's own is watched."""
    return say(
        "joined",
        "Make a call yourself in {names} now, for half a minute? Its packets are counted on this device; what is said "
        "in it cannot be read",
        names=say("list", " or ").join(map(app_name_of, apps)),
    )


def own_call_plan() -> str:
    """What `--dry-run` says of the person's own call."""
    return say(
        "joined",
        "On a terminal you are asked first whether you want to make a call of your own; its packets are counted on "
        "this device.",
    )


def without_own_call() -> str:
    """That no call can be watched; why follows."""
    return say("joined", "A call of your own cannot be watched from here; the check goes on without it.")


def no_own_call(apps: Sequence[str]) -> str:
    """That the person's call was not seen."""
    return say(
        "joined",
        "No call of {names} was seen on this device, so there is nothing of it to compare.",
        names=say("list", " or ").join(map(app_name_of, apps)),
    )


def call_as_said(app: str) -> str:
    """That a call counts as one in the app in which the person was asked to call."""
    return say(
        "joined",
        "Nothing in this call's packets tells its app. It counts as one in {name}, as you said.",
        name=app_name_of(app),
    )


def proxy_question(app: str) -> str:
    """What is asked where messages that work would mislead."""
    return say("joined", "Is a proxy for messages set in {name} on this device?", name=app_name_of(app))


def proxy_as_said(app: str) -> str:
    """What follows from the person's own proxy."""
    return say(
        "joined",
        "Then messages of {name} that work show nothing of this: they go by way of the proxy, and calls mostly go "
        "directly.",
        name=app_name_of(app),
    )


def joined_sentences(joined: Sequence[JoinedMedium]) -> list[str]:
    """One sentence for each app; two where its voice and its video calls differ in what they say."""
    lines = []
    for app in dict.fromkeys(each.app for each in joined):
        own = [each for each in joined if each.app == app]
        lines += [_joined_sentence(group, own) for group in _alike_media(own)]
    return lines


def _alike_media(own: Sequence[JoinedMedium]) -> list[list[JoinedMedium]]:
    """Voice and video together where every means found the same; messages alone where no calls were looked at. A medium
    about which nothing else was found than about another has no sentence of its own."""
    calls = [each for each in own if each.medium in CALL_MEDIA]
    groups = grouped_by_key(
        (frozenset((found.means, found.finding) for found in each.findings), each) for each in calls or own
    )
    return [group for found, group in groups.items() if not any(found < other for other in groups)]


def _joined_sentence(group: Sequence[JoinedMedium], own: Sequence[JoinedMedium]) -> str:
    joined, name = group[0], app_name_of(group[0].app)
    clauses = [finding_clause(found, name) for found in joined.findings]
    text = next((each for each in own if each.medium == "text"), None)
    if text is not None and text is not joined:
        clauses += [finding_clause(found, name) for found in text.findings]
    told = say("joined", "; ").join(words for words in clauses if words)
    parts = [capitalised(told) + say("joined", "."), joined_conclusion(joined, name)]
    parts.append(_would_look_the_same(joined, name))
    if len(_alike_media(own)) > 1:
        media = listed(medium_word(each.medium) for each in group)
        parts[0] = say("joined", "{name}, {media}: {clauses}", name=name, media=media, clauses=parts[0])
    return " ".join(part for part in parts if part)


def finding_clause(found: MeansFinding, name: str) -> str:
    """What one means found, without what it could be."""
    return {"server": _server_clause, "addresses": _address_clause, "call": _call_clause, "messages": _messages_clause}[
        found.means
    ](found, name)


def _server_clause(found: MeansFinding, name: str) -> str:
    return {
        "well": say("joined", "calls shaped like {name}'s reach a test server", name=name),
        "held": say("joined", "calls shaped like {name}'s are held back on the way to a test server", name=name),
        "likely": say("joined", "calls shaped like {name}'s may be held back on the way to a test server", name=name),
        "closed": say("joined", "no kind of call reaches a test server"),
        "poor": say("joined", "the line to a test server is too poor for calls just now"),
        "silent": say("joined", "the test server did not answer"),
        "unknown": say("joined", "nothing could be told from calls to a test server"),
    }[found.finding]


def _address_clause(found: MeansFinding, name: str) -> str:
    if found.finding == "held":
        return _held_there(found.verdict, name)
    if is_of_routes(found.verdict):
        return say("joined", "packets to {name}'s own call servers are lost on the way, whatever they carry", name=name)
    return {
        "well": say("joined", "{name}'s own call servers answer a greeting", name=name),
        "likely": say("joined", "{name}'s own call servers may not be reached from here", name=name),
        "closed": say("joined", "only chosen servers answer from here"),
        "poor": say("joined", "neutral servers answer no better than {name}'s own call servers", name=name),
        "silent": say("joined", "no server answered at all"),
        "unknown": say("joined", "whether {name}'s own call servers are reached could not be told", name=name),
    }[found.finding]


def _held_there(verdict: Verdict, name: str) -> str:
    """What becomes of a call's packets to the app's own servers, or wherever they go."""
    bound = verdict.parameters.get("bound_to")
    if isinstance(bound, Category) and bound.value == "shape":
        return say("joined", "packets of calls like {name}'s are held back on the way, wherever they go", name=name)
    return say("joined", "packets of calls to {name}'s own call servers are held back, others get there", name=name)


def _call_clause(found: MeansFinding, name: str) -> str:
    return {
        "well": say("joined", "what came to you in your own {name} call was well", name=name),
        "held": say(
            "joined",
            "your own {name} calls failed, while control traffic to another server did not at the same moments",
            name=name,
        ),
        "likely": say(
            "joined",
            "your own {name} call failed, while the line carried the same traffic to another server",
            name=name,
        ),
        "closed": say("joined", "your own {name} call and control traffic beside it both failed", name=name),
        "poor": say(
            "joined", "your own {name} call was poor, and so was control traffic at the same moments", name=name
        ),
        "silent": say("joined", "no packets of a {name} call of your own were seen", name=name),
        "unknown": say("joined", "nothing could be told from your own {name} call", name=name),
    }[found.finding]


def _messages_clause(found: MeansFinding, name: str) -> str:
    if found.finding == "held" and found.verdict.rule == "tls.hello_drop":
        return say(
            "joined", "{name}'s servers for messages are reached by one kind of client, not by another", name=name
        )
    if found.finding == "held" and found.verdict.rule == "signalling.block":
        return say("joined", "TLS handshakes with the names of {name}'s servers are held back on the way", name=name)
    return {
        "well": say("joined", "{name}'s servers for messages answer", name=name),
        "held": say("joined", "{name}'s servers for messages do not answer", name=name),
        "likely": say("joined", "{name}'s servers for messages may not be reached from here", name=name),
        "closed": say("joined", "only chosen servers answer from here"),
        "poor": say("joined", "{name}'s servers for messages answer as badly as others", name=name),
        "silent": say("joined", "no server answered at all"),
        "unknown": say("joined", "whether {name}'s servers for messages are reached could not be told", name=name),
    }[found.finding]


def joined_conclusion(joined: JoinedMedium, name: str) -> str:
    """What the findings fit together; "" where one means alone could tell, which says it all."""
    several = len(joined.findings) > 1
    if joined.conclusion == "both" and any(found.finding == "likely" for found in joined.findings):
        return say("joined", "Both are consistent with one restriction of {name}'s calls.", name=name)
    return {
        "well": say("joined", "No means that was used found a sign of restriction.") if several else "",
        "alone": say("joined", "No other means could tell, so there is nothing to compare it with.") if several else "",
        "addresses": say(
            "joined",
            "The means disagree, and that is telling: this is consistent with a rule about {name}'s addresses, which "
            "calls to a test server cannot show.",
            name=name,
        ),
        "shape": say(
            "joined",
            "The means disagree, and that is telling: a greeting is no call, so this is consistent with a rule about "
            "what calls look like.",
        ),
        "both": say("joined", "Both are signs of one restriction of {name}'s calls.", name=name),
        "server": say(
            "joined",
            "The means disagree: what holds calls back may be on the way to this test server, or it may be off again.",
        ),
        "calls_there": say(
            "joined",
            "The means disagree, and that is telling: this is consistent with a rule about calls to {name}'s own "
            "addresses.",
            name=name,
        ),
        "elsewhere": say(
            "joined",
            "The means disagree: this is consistent with a rule about what calls look like that does not act on the "
            "way to this test server.",
        ),
        "greetings": say(
            "joined",
            "The means disagree: a call got through although the servers that were asked are not reached; others may "
            "have carried it.",
        ),
        "closed": say("joined", "This is not about {name}: all calls are closed here.", name=name),
        "poor": say("joined", "The line itself explains it; nothing here is a sign of a rule."),
        "unknown": say("joined", "So nothing can be said about it."),
    }[joined.conclusion]


def _would_look_the_same(joined: JoinedMedium, name: str) -> str:
    """What else looks the same as what was found; "" where nothing does."""
    if joined.conclusion != "both" and any(is_of_routes(found.verdict) for found in joined.findings):
        return say("joined", "A bad stretch of the way to its servers would look the same.")
    if _may_be_an_outage(joined) and _is_of_calls_alone(joined):
        return say(
            "joined",
            "An outage of {name}, or trouble at its servers or at the other person's end, would look the same.",
            name=name,
        )
    if _may_be_an_outage(joined):
        return say("joined", "An outage of {name}, or trouble at its servers, would look the same.", name=name)
    if _is_of_calls_alone(joined):
        return say("joined", "Trouble at the other person's end would look the same.")
    return ""


def is_of_routes(verdict: Verdict) -> bool:
    """Whether all that goes to the app's own servers is lost on the way, which a bad route would explain."""
    return verdict.reason is not None and verdict.reason.code == "routes"


def _is_of_calls_alone(joined: JoinedMedium) -> bool:
    """Whether nothing but calls of the person's own was held back: these have another end, about which nothing is
    known."""
    held = [found.means for found in joined.findings if found.finding in HELD_BACK_WORDS]
    return bool(held) and all(means == "call" for means in held)


def _may_be_an_outage(joined: JoinedMedium) -> bool:
    """Whether only the app's own servers seem amiss, and nothing is proven of them."""
    words = {found.finding for found in joined.findings}
    is_there = joined.conclusion in ("alone", "addresses", "calls_there", "both")
    return is_there and "likely" in words and "held" not in words


def capitalised(text: str) -> str:
    """Return the text with its first letter large."""
    return text[:1].upper() + text[1:]
