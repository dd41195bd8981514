"""Places a check on the network of this machine, to a test server that agreed to answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.api.check_result import Result
    from talkpath.conduct.request import CheckRequest
    from talkpath.measure.facts import Facts, Plan
    from talkpath.verdict.model import PlannedEpoch


class CheckProgress(NamedTuple):
    """How far a check is. `question` is what it measures now; the codes are those of spec/tp-001."""

    app: str
    medium: str
    question: str
    bytes_used: int
    bytes_planned: int


def check(
    link: str = "",
    *,
    directory: str = "",
    country: str = "",
    apps: Sequence[str] = (),
    video: bool = False,
    light: bool = False,
    deep: bool = False,
    transports: bool = False,
    family: Literal[0, 4, 6] = 0,
    other_hosts: bool = False,
    progress: Callable[[CheckProgress], None] | None = None,
) -> Result:
    """Compare calls shaped like those of messengers with control traffic, to the test server of an invite link.

    It blocks until the check has ended, about a minute. Without a link a server that answers is taken from the list of
    test servers at `directory` ("https://HOST/#KEY" or a file; the list that comes with talkpath where it is empty),
    one outside `country`, the person's own, as two letters. `apps` are ids such as "whatsapp" (all where it is empty),
    `video` adds video calls, `light` costs at most 4 MB but calls no app ok, `deep` watches each call for a minute,
    `transports` also tries TCP and TLS, `family` 4 or 6 uses that version of IP only. `other_hosts`: where the test
    server does not answer, hosts that operating systems ask whether they are online are asked once each. `progress` is
    called in this thread before each question.

    `UsageError` for a link or an app that does not exist, or where there is neither link nor list; `PeerError` where
    this test server refuses, or a list is refused. One that does not answer, or something else that does in its place,
    is a result: see `Result.measured` and `ended`.
    """
    from talkpath.api.check_result import Result
    from talkpath.conduct.other_family import check_families
    from talkpath.conduct.request import CheckRequest, Observer
    from talkpath.probe.invite_link import parse_invite_link
    from talkpath.probe.other_hosts import ask_beside_silence, needs_other_hosts, read_other_hosts
    from talkpath.wire.control.keys import Signer

    plan = make_check_plan(apps, video=video, light=light, deep=deep, transports=transports)

    def tell(facts: Facts, planned: PlannedEpoch) -> None:
        if progress is not None:
            used = facts.bytes_sent + facts.bytes_received
            progress(CheckProgress(planned.arm.app, planned.arm.medium, planned.question.kind, used, plan.budget_bytes))

    request = CheckRequest(plan=plan, family=family, country=country.upper())
    signer, other = Signer.fresh(), Signer.fresh()
    invitation = parse_invite_link(link or _listed_link(directory, request))
    keys = signer.public, other.public
    facts, over_other = check_families(request, invitation, keys, Observer(question_asked=tell))
    if other_hosts and needs_other_hosts(facts):
        facts = ask_beside_silence(facts, invitation, family, read_other_hosts(request.country))
    return Result.of(facts, signer, second=None if over_other is None else Result.of(over_other, other))


def _listed_link(directory: str, request: CheckRequest) -> str:
    from talkpath.api.listed_check import answering_links, find_list

    found = find_list(directory)
    if found is None:
        raise UsageError("There is no test server to check against: give an invite link, or a directory of servers.")
    return answering_links(found, request.country, request.family)[0]


def make_check_plan(
    apps: Sequence[str], *, video: bool = False, light: bool = False, deep: bool = False, transports: bool = False
) -> Plan:
    """The plan of a check with these options; `UsageError` for an app that does not exist."""
    from talkpath.experiment.plan import DEEP_S, choose_arms, make_plan

    media = ("voice", "video") if video else ("voice",)
    arms = choose_arms(apps, media, every=deep)
    return make_plan(arms, watch_s=DEEP_S if deep else 0.0, transports=transports, light=light)
