"""Writes the tables about an app's own servers and calls, from rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from statistics import median

from proof.accompanied_calls.drawing import OWN_TROUBLE
from proof.app_servers.long_messages import LONG_TROUBLES
from proof.app_servers.row import OwnRow, Study
from talkpath.verdict.statistics.proportion import Proportion

TROUBLE = {
    "none": "nothing amiss on one way alone",
    "way_back": "answers come back over ways of their own, which lose up to 10 %",
    "equal_ways": "the way to one server is split over several routers, some of which lose 10 to 100 %",
    "bundle": "the same, hidden in one router's bundle of links",
    "own_way": "one server has a way of its own, which loses 10 to 100 %",
    "by_address": "a next hop that is chosen by the destination and never answers loses 10 to 100 %",
    "app_routes": "the same, and behind it lie the app's servers and no others",
    "busy": "all of the app's servers are overloaded and drop 10 to 70 %",
    "one_down": "one of the app's servers is down",
    "all_down": "all of them are",
    "change": "the way of all changes in the middle",
}
HOSTS = {
    "none": "nothing",
    "one_down": "one of the app's hosts is down",
    "all_down": "all of them are",
    "neutral_down": "neutral hosts are",
    "busy": "the app's hosts answer half of the time",
    "picky": "they reset what does not begin as a browser's",
    "mute_to_one": "one of the app's hosts is silent to one of the two clients, and answers the other",
    "rationed": "they answer one unfinished handshake in 1 to 12 seconds, and are silent to the next",
    **LONG_TROUBLES,
}
SAID_OF_HOSTS = ("ok", "restricted", "outage", "long_hellos", "refused", "no_control", "vpn")
SAID = ("ok", "restricted", "routes", "other_destination", "few_answers", "path_changed", "silent_server")
NOTHING_COMES = ("corporate", "user_vpn")
"""Backgrounds over which no router answers a device's packets, or those of this network do not."""
PORTS_MOVE = ("nat_rebind",)
COUNTS_PACKETS = "udp.freeze"
KNOWS_CALLS = "media."
Key = Callable[[OwnRow], str]

OWN_PAGE_INTRO = """Questions to apps' own servers, and calls beside control traffic, in virtual time and by seed
(`python -m proof score --own`). SIMULATED. What runs are the engines and verdicts of `endpoints` and `listen`;
networks, routers, rules and trouble are the lab's. Brackets are exact 95 % intervals. How to play it again, and which
code played each study, is told at the end.
"""
ADDRESSES = """Ways to one to three servers of an app (Telegram, Signal, Meet) and to one to three neutral ones share a
trunk of three to six routers, then part. Routers answer without a limit, 500, 100, 50, 20, 10, 5 times a second, or
once, as Linux does; some are silent. Over both address families.

- **Nothing arrives**: {strays} packets other than greetings reached a server in all these runs, and no server was
  greeted more than {greetings} times in one.
- Half of the runs took at most {seconds:.0f} s and {kilobytes:.0f} kB, the longest {longest:.0f} s.
"""
RULED = """p from 30 to 95 %, freezes after 8 to 28 packets, blocks; two or three servers of the app, and neutral ones;
routers that answer at least six times a second. Right: the rule's id and what it is bound to, both. One that is bound
to addresses alone is never proven from one place, since a bad route looks the same: right is that it is told as what
fits.
"""


def own_page_lines(rows: Sequence[OwnRow], level: int = 2) -> Iterator[str]:
    """Return the lines of all tables that have rows; the headings' level is that of the first."""
    head = "#" * level
    yield from (f"\n{head} The apps' own servers and calls\n", OWN_PAGE_INTRO)
    yield from _address_lines(rows, f"{head}#")
    yield from _host_lines(rows, f"{head}#")
    yield from _call_lines(rows, f"{head}#")
    yield from _replay_lines(rows, f"{head}#")


def _rows_of_study(rows: Sequence[OwnRow], *studies: Study) -> list[OwnRow]:
    return [row for row in rows if row.study in studies]


# -- packets that expire on the way ------------------------------------------------------------------------------


def _address_lines(rows: Sequence[OwnRow], head: str) -> Iterator[str]:
    every, innocent = _rows_of_study(rows, "innocent", "ruled", "poor"), _rows_of_study(rows, "innocent")
    clean, poor = _rows_of_study(rows, "ruled"), _rows_of_study(rows, "poor")
    if not every:
        return
    yield f"{head} `endpoints --tier 3`: {len(every)} networks\n"
    yield ADDRESSES.format(
        strays=sum(row.strays for row in every),
        greetings=max(row.most_greetings for row in every),
        seconds=median(row.seconds for row in every),
        kilobytes=median(row.size_bytes for row in every) / 1000,
        longest=max(row.seconds for row in every),
    )
    false = Proportion(sum(row.state == "restricted" for row in innocent), len(innocent))
    kinds = sorted({row.background for row in innocent})
    yield f'{head}# Without a rule: {_share_words(false)} say "signs of restriction", over {len(kinds)} backgrounds\n'
    yield from _said_table("on one way alone", TROUBLE, innocent, lambda row: row.trouble)
    yield from _said_table("background", {name: f"`{name}`" for name in kinds}, innocent, lambda row: row.background)
    yield f"{head}# With a rule, on a clean line: {_share_words(_right_share(clean))} right\n"
    yield RULED
    yield from _named_table(clean, "bound to", lambda row: row.bound)
    yield from _named_table(clean, "rule", lambda row: f"`{row.truth}`")
    yield from _named_table(
        clean, "answers a second", lambda row: f"{row.answers_per_s:g}" if row.answers_per_s else "no limit"
    )
    yield f"{head}# With a rule, on all seen backgrounds: {_share_words(_right_share(poor))} right\n"
    yield _where_it_can_be_told(poor)
    yield from _named_table(poor, "bound to", lambda row: row.bound)
    yield from _named_table(poor, "background", lambda row: f"`{row.background}`")
    yield from _place_lines([*clean, *poor])


def _where_it_can_be_told(rows: Sequence[OwnRow]) -> str:
    answered = [row for row in rows if row.background not in NOTHING_COMES]
    acting = [row for row in answered if row.background not in PORTS_MOVE or not _loses_sight(row)]
    return (
        "Behind a company's firewall (`corporate`) and through a VPN of the user's own (`user_vpn`) no router of this "
        f"network answers, and nothing can be told: without these {_share_words(_right_share(answered))}. Where an "
        "address translator changes ports (`nat_rebind`), a rule that counts a port's packets, or has recognised a "
        "call by its set-up, loses sight of it and hardly acts: without these as well "
        f"{_share_words(_right_share(acting))}.\n"
    )


def _loses_sight(row: OwnRow) -> bool:
    """Whether the rule acts on what it saw of a 5-tuple before, and not on whatever goes to an address."""
    return row.truth == COUNTS_PACKETS or (row.truth.startswith(KNOWS_CALLS) and row.bound != "address")


def _said_table(
    title: str, values: Mapping[str, str], rows: Sequence[OwnRow], key: Key, words: Sequence[str] = SAID
) -> Iterator[str]:
    yield f"| {title} | networks | {' | '.join(words)} |\n|---|---|{'---|' * len(words)}"
    for value, means in values.items():
        mine = [row for row in rows if key(row) == value]
        said = Counter(row.state if row.state != "insufficient" else row.why for row in mine)
        if mine:
            yield f"| {means} | {len(mine)} | {' | '.join(str(said[word]) for word in words)} |"
    yield ""


def _named_table(rows: Sequence[OwnRow], title: str, key: Key) -> Iterator[str]:
    yield f"| {title} | networks | right | another rule or binding | restricted, not bound | could not tell |"
    yield "|---|---|---|---|---|---|"
    for value in sorted(set(map(key, rows))):
        mine = [row for row in rows if key(row) == value]
        right = _right_share(mine).count
        unbound = sum(row.state == "restricted" and not row.said_bound for row in mine)
        wrong = sum(row.state == "restricted" and not row.right for row in mine) - unbound
        yield f"| {value} | {len(mine)} | {right} | {wrong} | {unbound} | {len(mine) - right - wrong - unbound} |"
    yield ""


def _place_lines(ruled: Sequence[OwnRow]) -> Iterator[str]:
    named, right = [row for row in ruled if row.rule], [row for row in ruled if row.right]
    up = sum(row.direction == "up" for row in named)
    held = sum(row.hop[0] <= row.at <= row.hop[1] for row in right)
    exact = sum(row.hop[0] == row.hop[1] for row in right)
    yield f"Direction: {up} of {len(named)} named rules act up, as all of these do."
    yield f"The router before which it acts is within what is said in {held} of {len(right)}."
    yield f"In {exact} of these one router is named.\n"


# -- TLS hosts asked with two ClientHellos, and by name ----------------------------------------------------------


def _host_lines(rows: Sequence[OwnRow], head: str) -> Iterator[str]:
    innocent = _rows_of_study(rows, "hello innocent")
    if not innocent:
        return
    false = Proportion(sum(row.state == "restricted" for row in innocent), len(innocent))
    yield f"{head} TLS hosts: {len(innocent)} networks without a rule\n"
    yield (
        f'{_share_words(false)} say "signs of restriction", over all backgrounds. An app whose hosts are down is '
        '"could not tell", with what that is consistent with (`outage`).\n'
    )
    yield from _said_table("what is amiss", HOSTS, innocent, lambda row: row.trouble, SAID_OF_HOSTS)
    ruled, named = _rows_of_study(rows, "hello ruled"), _rows_of_study(rows, "name ruled")
    if ruled:
        yield f"{head} `tls.hello_drop`: TLS hosts asked with two first messages\n"
        yield f"{_told_lines(ruled)} the right message and what the rule is bound to.\n"
        yield _where_hosts_suffice(ruled)
        yield from _named_table(ruled, "whose message, bound to", lambda row: row.bound)
        yield from _named_table(ruled, "hosts of the app, bound to", lambda row: f"{row.hosts}, {_bound_to(row)}")
        yield from _named_table(ruled, "background", lambda row: f"`{row.background}`")
    if named:
        yield f"{head} `signalling.block`: an app's name in TLS handshakes\n"
        lines = _told_lines(named)
        yield f"{lines} it and that it is bound to the name. In a third of these the app is down as well.\n"
        yield from _named_table(named, "the app's hosts", lambda row: HOSTS[row.trouble])
        yield from _named_table(named, "background", lambda row: f"`{row.background}`")


def _where_hosts_suffice(ruled: Sequence[OwnRow]) -> str:
    told = [row for row in ruled if row.background != "user_vpn" and (row.hosts > 1 or _bound_to(row) != "both")]
    return (
        "Where the rule is about the app alone and that has one host, the host may mean to, and nothing is said: "
        f"without these as well {_share_words(_right_share(told))}.\n"
    )


def _bound_to(row: OwnRow) -> str:
    return row.bound.rpartition(", ")[2]


def _told_lines(ruled: Sequence[OwnRow]) -> str:
    told = [row for row in ruled if row.background != "user_vpn"]
    return f"{_share_words(_right_share(ruled))} (without `user_vpn` {_share_words(_right_share(told))}) name"


# -- calls beside control traffic --------------------------------------------------------------------------------


def _call_lines(rows: Sequence[OwnRow], head: str) -> Iterator[str]:
    innocent, ruled = _rows_of_study(rows, "calls innocent"), _rows_of_study(rows, "calls ruled")
    if not innocent or not ruled:
        return
    threes = Proportion(sum(row.state == "restricted" for row in innocent), len(innocent))
    well = [row for row in innocent if row.trouble not in OWN_TROUBLE]
    told = Proportion(sum(row.fitting for row in well), _sum_words(well))
    yield f"{head} `listen`: calls beside control traffic, three of an app at a time\n"
    yield (
        f"Without a rule {_share_words(threes)} threes prove one, and {_share_words(told)} calls of apps whose "
        f"servers are well are said to fit one, over {len({row.background for row in innocent})} backgrounds. Where "
        f"the app's own relays are not well ({', '.join(OWN_TROUBLE)}) a call may fit one: the same sentence names "
        "that as well.\n"
    )
    yield "| story | calls | fit a rule | threes that prove one |\n|---|---|---|---|"
    for story in sorted({row.trouble for row in innocent}):
        mine = [row for row in innocent if row.trouble == story]
        proven = sum(row.state == "restricted" for row in mine)
        yield f"| {story} | {_sum_words(mine)} | {sum(row.fitting for row in mine)} | {proven} of {len(mine)} |"
    yield "\nWith a rule that is bound to the app's own addresses, on a clean line:\n"
    yield "| rule | calls | the right one is named first | another | threes that prove one |\n|---|---|---|---|---|"
    for rule in sorted({row.truth for row in ruled}):
        mine = [row for row in ruled if row.truth == rule]
        first, fitting = sum(row.first for row in mine), sum(row.fitting for row in mine)
        proven = sum(row.state == "restricted" for row in mine)
        yield f"| `{rule}` | {_sum_words(mine)} | {first} | {fitting - first} | {proven} of {len(mine)} |"
    yield ""


# -- how to play them again --------------------------------------------------------------------------------------


def _replay_lines(rows: Sequence[OwnRow], head: str) -> Iterator[str]:
    """Say how these rows are played again, and which code played each study."""
    if not rows:
        return
    yield f"{head} Play it again\n"
    yield from (f"    python -m proof score {options}" for options in _replay_options(rows))
    yield "    python -m proof score --own-page docs/own-address-rates.md\n"
    yield (
        "Cases are drawn by seed: the same code says the same of each, and its digest is that of the row. Rows that "
        "are there are not played again. The last command writes the page, of each study from the rows of the code "
        "that played it last.\n"
    )
    yield "| study | rows | digest of the code |\n|---|---|---|"
    played = Counter((row.study, row.code) for row in rows)
    yield from (f"| {study} | {times} | `{code}` |" for (study, code), times in played.items())
    yield ""


def _replay_options(rows: Sequence[OwnRow]) -> Iterator[str]:
    """The options that play all studies as far as they were played alike, then those that play one further."""
    seeds = {row.seed for row in rows}
    whole = next(number for number in count() if number not in seeds)
    if whole:
        yield f"--own {whole}"
    further = Counter(row.study for row in rows)
    for study in dict.fromkeys(row.study for row in rows if row.seed >= whole):
        yield f'--own {further[study]} --study "{study}"'


def _sum_words(rows: Sequence[OwnRow]) -> int:
    return sum(row.calls for row in rows)


def _right_share(rows: Sequence[OwnRow]) -> Proportion:
    return Proportion(sum(row.right for row in rows), len(rows))


def _share_words(found: Proportion) -> str:
    return f"{found.count} of {found.total} ({100 * found.low:.2f} to {100 * found.high:.2f} %)"
