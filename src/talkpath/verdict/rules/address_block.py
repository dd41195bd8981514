"""`address.block` (M07, M11): one address does not answer while others do."""

from __future__ import annotations

from talkpath.measure.facts import Facts
from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.rules.rule import Fit, Rule

TRIES = 3  # connections, each from another port: one 5-tuple may be unlucky (DESIGN section 5: three repeats)
REFUSALS = 2  # hosts of apps that failed before only a list of hosts explains it
BY_CHANCE = 1e-3  # that all tries failed, on a line on which connections to others fail so often


def explain(view: View) -> Fit | None:
    """The responder is silent (not refusing), the reference of the same minute answered, and so did hosts of apps."""
    facts = view.facts
    if not silent(facts) or facts.reach.reference != "connected" or only_listed(facts) or _unlucky(facts):
        return None
    return Fit(0.0, "both")


def _unlucky(facts: Facts) -> bool:
    """Do so many connections fail to others that answer now and then, as where one of several paths is broken, that
    all of ours may have by chance?"""
    alive = {(exchange.app, exchange.host) for exchange in facts.exchanges if exchange.ok}
    tried = [exchange.ok for exchange in facts.exchanges if (exchange.app, exchange.host) in alive]
    return bool(tried) and (tried.count(False) / len(tried)) ** facts.reach.tcp_tries > BY_CHANCE


def silent(facts: Facts) -> bool:
    """Nothing came back at all: a refusal is an answer, and comes from the host itself."""
    return facts.reach.control == "timeout" and facts.reach.tcp_tries >= TRIES and not facts.reach.tcp_ok


def only_listed(facts: Facts) -> bool:
    """Did every host that nobody put on a list fail, the neutral ones apart?"""
    others = [exchange.ok for exchange in facts.exchanges if not exchange.neutral]
    return len(others) >= REFUSALS and not any(others)


RULE = Rule(
    "address.block",
    "unreachable",
    ("M07",),
    "The far end's address does not answer by any transport, while another host does.",
    "Connections time out; a reference asked in the same minute answers, and so do hosts that are on no list.",
    explain,
)
