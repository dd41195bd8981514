"""What a verdict on a browser's own calls means for calls, in one short sentence, and what it does not mean.

Whose network an address belongs to, as the page names it, and whether that network rents out servers.

The list of such networks is short and holds well-known ones only: a network that is missing there may be one, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.responder.geoip import UNKNOWN_ORIGIN, GeoDatabase
from talkpath.verdict.model import Verdict

Effect = Literal["works", "stutters", "late", "silent", "mute", "breaks_off", "never_starts", "unknown"]
"""How calls fare."""

BREAKS_OFF = ("media.freeze", "udp.freeze")
STUTTERS = ("media.drop", "media.police", "media.size_drop", "media.unknown")
SILENT_SHARE = 0.5  # of all packets: above this loss a listener makes out hardly a word
MUTE_SHARE = 0.995  # that is, 100 of 100 packets
HEARD_BY_ONE: tuple[Effect, ...] = ("stutters", "late", "silent", "mute")
"""Effects that one of the two people notices, where packets are held back in one direction alone."""
ADVISES = ("insufficient", "unreachable")
"""States whose last line is a piece of advice, and the line before it says what the verdict does not mean."""


def calls_effect(verdict: Verdict) -> Effect:
    """How calls fare that are like those that were measured."""
    match verdict.state:
        case "ok":
            return "works"
        case "closed":
            return "never_starts"
        case "impaired":
            return _loses_much(verdict.figures)
        case "restricted":
            return _restriction_words(verdict)
        case _:
            return "unknown"


def _restriction_words(verdict: Verdict) -> Effect:
    """Where several rules fit, the effect that they all have; how much was lost, where they differ."""
    effects = {_effect_of(rule, verdict.figures) for rule in verdict.alternatives or (verdict.rule,)}
    return effects.pop() if len(effects) == 1 else _loses_much(verdict.figures)


def _effect_of(rule: str | None, figures: Mapping[str, float | None]) -> Effect:
    if rule in BREAKS_OFF:
        return "breaks_off"
    if rule == "media.delay":
        return "late"
    return _loses_much(figures) if rule is None or rule in STUTTERS else "never_starts"


def _loses_much(figures: Mapping[str, float | None]) -> Effect:
    most = max(figures.get(f"calls_lost_{direction}") or 0.0 for direction in ("up", "down"))
    return "mute" if most >= MUTE_SHARE else "silent" if most > SILENT_SHARE else "stutters"


def calls_meaning(verdict: Verdict) -> str:
    """What the verdict means for calls, and for whom of the two where it is for one alone."""
    effect = calls_effect(verdict)
    voice, video = {
        "works": (
            say("means", "Voice between this browser and a test server works; no app was tested."),
            say("means", "Video between this browser and a test server works; no app was tested."),
        ),
        "stutters": (say("means", "Voice stutters."), say("means", "Video stutters.")),
        "late": (say("means", "Voice comes late."), say("means", "Video comes late.")),
        "silent": (
            say("means", "Calls start, but hardly anything is heard."),
            say("means", "Video calls start, but hardly anything is seen."),
        ),
        "mute": (
            say("means", "Calls start, but nothing is heard."),
            say("means", "Video calls start, but nothing is seen."),
        ),
        "breaks_off": (
            say("means", "Calls start and then break off."),
            say("means", "Video calls start and then break off."),
        ),
        "never_starts": (say("means", "Calls do not start."), say("means", "Video calls do not start.")),
        "unknown": (
            say("means", "Whether calls work here is not known yet."),
            say("means", "Whether video calls work here is not known yet."),
        ),
    }[effect]
    noticed = {
        "up": say("means", "The other person notices it, since it is what you send."),
        "down": say("means", "You notice it, since it is what is sent to you."),
    }.get(verdict.direction or "", "")
    return f"{video if verdict.medium == 'video' else voice} {noticed if effect in HEARD_BY_ONE else ''}".strip()


def what_it_is_not(verdict: Verdict, check: CheckContext) -> str:
    """What the verdict does not mean."""
    _, certainty, limits = sentences.verdict_lines(verdict, check)
    return certainty if verdict.state in ADVISES else limits.removesuffix(next_step(verdict, check)).strip()


def next_step(verdict: Verdict, check: CheckContext) -> str:
    """What to do next where the check could not tell, or the line was too poor; "" otherwise."""
    if verdict.state == "impaired":  # the end of its last line (report/words/certainty.py)
        return say("impaired", "Try again nearer to the router, or at another hour.")
    return sentences.verdict_lines(verdict, check)[2] if verdict.state in ADVISES else ""


HOSTING_NETWORKS = frozenset(
    {
        "AS8075",  # Microsoft Azure
        "AS9009",  # M247
        "AS12876",  # Scaleway
        "AS13335",  # Cloudflare
        "AS14061",  # DigitalOcean
        "AS14618",  # Amazon
        "AS16276",  # OVH
        "AS16509",  # Amazon
        "AS20473",  # Vultr
        "AS24940",  # Hetzner
        "AS31898",  # Oracle
        "AS36351",  # IBM Cloud
        "AS39351",  # 31173 Services
        "AS45102",  # Alibaba Cloud
        "AS51167",  # Contabo
        "AS60068",  # Datacamp
        "AS60781",  # LeaseWeb
        "AS63949",  # Akamai (Linode)
        "AS132203",  # Tencent Cloud
        "AS136787",  # PacketHub
        "AS212238",  # Datacamp
        "AS213230",  # Hetzner
        "AS396982",  # Google Cloud
    }
)
"""Networks that rent out servers, where a VPN's exit is likelier than a reader."""


def network_operator(geo: GeoDatabase, address: str) -> dict[str, object] | None:
    """The network of an address: its AS number, its holder's name and whether it rents out servers; None where the
    number is not known."""
    network = geo.find(address).network
    if network == UNKNOWN_ORIGIN.network:
        return None
    return {"network": network, "name": geo.operator_name(address), "hosting": network in HOSTING_NETWORKS}
