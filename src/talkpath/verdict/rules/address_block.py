"""`address.block` (M07, M11): the far end's address does not answer while others do."""

from __future__ import annotations

from talkpath.measure.facts import Facts
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.rule import Fit, Rule

MIN_TRIES = 3  # connections, each from another port: a single 5-tuple may fail by itself
MIN_FAILED_HOSTS = 2  # so many hosts of apps must fail before an allowlist explains it
MAX_BAD_LUCK = 1e-3  # the chance that all tries failed, given how often connections to other hosts fail


def explain(view: ArmView) -> Fit | None:
    """Fit if the responder is silent (it does not refuse), while the reference of the same minute and apps' hosts
    answered."""
    facts = view.facts
    if (
        not server_is_silent(facts)
        or facts.reach.reference != "connected"
        or only_listed_answer(facts)
        or _may_be_bad_luck(facts)
    ):
        return None
    return Fit(0.0, "both")


def _may_be_bad_luck(facts: Facts) -> bool:
    """Whether all tries may have failed by chance: connections to hosts that do answer fail as often, as when one of
    several paths is broken."""
    alive = {(exchange.app, exchange.host) for exchange in facts.exchanges if exchange.ok}
    tried = [exchange.ok for exchange in facts.exchanges if (exchange.app, exchange.host) in alive]
    return bool(tried) and (tried.count(False) / len(tried)) ** facts.reach.tcp_tries > MAX_BAD_LUCK


def server_is_silent(facts: Facts) -> bool:
    """Whether nothing came back at all. A refusal is an answer: it comes from the host itself."""
    return facts.reach.control == "timeout" and facts.reach.tcp_tries >= MIN_TRIES and not facts.reach.tcp_ok


def only_listed_answer(facts: Facts) -> bool:
    """Whether every host failed that an allowlist would not contain, neutral hosts apart."""
    others = [exchange.ok for exchange in facts.exchanges if not exchange.neutral]
    return len(others) >= MIN_FAILED_HOSTS and not any(others)


RULE = Rule(
    id="address.block",
    state="unreachable",
    mechanisms=("M07",),
    means="The far end's address does not answer by any transport, while another host does.",
    shown_by="Connections time out; a reference asked in the same minute answers, and so do hosts that are on no list.",
    explain=explain,
)
