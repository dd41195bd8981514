"""What others measured on one network, in sentences: a check in a browser shows them beside its own result.

Contract: exactly what the network's page shows under the rule of publication; nothing where that shows nothing.
"""

from __future__ import annotations

from talkpath.observatory.web.cell import StateCell
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.network import StreamView, network_page
from talkpath.report.words.amounts import numeral
from talkpath.report.words.language import say
from talkpath.report.words.sentences import app_name_of, medium_word, state_labels
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin

OWN = "webrtc"  # what browsers measure is no app's


def sentences_of_others(source: PageSource, site: Site, where: NetworkOrigin) -> list[str]:
    """One sentence for each app and medium, signs of restriction first."""
    if UNKNOWN_ORIGIN.network == where.network or UNKNOWN_ORIGIN.country == where.country:
        return []
    found = network_page(source, site, PageQuery({"country": where.country, "network": where.network}))
    shown = [stream for stream in found.streams if not stream.now.withheld] if found else []
    ordered = sorted(shown, key=lambda stream: (stream.now.state != "restricted", stream.app, stream.medium))
    return [_stream_sentence(stream, stream.now, simulated=source.simulated) for stream in ordered]


def _stream_sentence(stream: StreamView, now: StateCell, *, simulated: bool) -> str:
    app = say("others", "calls of browsers") if stream.app == OWN else app_name_of(stream.app)
    text = say(
        "others",
        "{app} ({medium}), {day}: {label}. Reports: {reports}, from at least {people} people.",
        app=app,
        medium=medium_word(stream.medium),
        day=now.day,
        label=state_labels()[now.state],  # type: ignore[index]
        reports=numeral(now.reports),
        people=numeral(now.contributors),
    )
    return f"SIMULATED. {text}" if simulated else text
