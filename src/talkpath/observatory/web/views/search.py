"""The page of a search: countries, networks by number or operator, apps, and claims that a text names."""

from __future__ import annotations

from msgspec import Struct

from talkpath.apps import apps
from talkpath.observatory.claims.rows import current_claims
from talkpath.observatory.web.labels import app_name, country_names
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.claims import ClaimSummary, claim_summaries
from talkpath.observatory.web.views.events import names_network

MAX_RESULTS = 30  # rows of a kind
MIN_QUERY_LENGTH = 2
CALL_WORDS = frozenset(
    (
        *("call", "calls", "voice", "video", "blocked"),
        *("звонок", "звонка", "звонки", "звонков"),
        *("تماس", "تماس‌ها", "تماس‌های"),
        *("مكالمة", "مكالمات", "المكالمات"),
    )
)
"""Words that most who ask add to a name, as in "whatsapp calls": everything here is about calls."""


class FoundNetwork(Struct, frozen=True):
    """A network, and its operator's name where that is known."""

    country: str
    network: str
    operator: str = ""


class SearchPage(Struct, frozen=True):
    """The whole page. `more`: there are more networks than these. `names_known`: names of operators can be searched."""

    text: str
    countries: tuple[str, ...] = ()
    networks: tuple[FoundNetwork, ...] = ()
    apps: tuple[str, ...] = ()
    claims: tuple[ClaimSummary, ...] = ()
    more: bool = False
    names_known: bool = False
    schema: str = "talkpath.page.search/1"

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not (self.countries or self.networks or self.apps or self.claims)


def search_page(source: PageSource, site: Site, asked: PageQuery) -> SearchPage:
    """The page; there always is one. A text of one letter finds nothing but a country or a number."""
    text = asked.get("q").strip()[:100]
    known = site.operators() is not None
    if len(text) < MIN_QUERY_LENGTH:
        return SearchPage(text, names_known=known)
    networks = [
        FoundNetwork(country, network, site.operator(network))
        for country, network in source.networks()
        if names_network(text, network, site.operator(network))
    ]
    return SearchPage(
        text=text,
        countries=tuple(code for code in source.findings.countries if _names_country(text, code)),
        networks=tuple(networks[:MAX_RESULTS]),
        apps=tuple(code for code in apps() if _text_matcher(text, code, app_name(code))),
        claims=_claims_found(source, site, text),
        more=len(networks) > MAX_RESULTS,
        names_known=known,
    )


def _names_country(text: str, code: str) -> bool:
    return text.casefold() == code.casefold() or _text_matcher(text, *country_names(code))


def _claims_found(source: PageSource, site: Site, text: str) -> tuple[ClaimSummary, ...]:
    summaries = claim_summaries(source, site.publication, current_claims(source.claims))
    return tuple(one for one in summaries if _text_matcher(text, one.id, one.who, one.statement))[:MAX_RESULTS]


def _text_matcher(text: str, *names: str) -> bool:
    """Whether a name holds the text, or every word of it that tells anything."""
    words = [word for word in text.casefold().split() if word not in CALL_WORDS]
    known = [name.casefold() for name in names]
    return any(text.casefold() in name or (words and all(word in name for word in words)) for name in known)
