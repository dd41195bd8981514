"""The first page: what goes on in a country, and how sure that is."""

from __future__ import annotations

from msgspec.structs import replace

from factories.observatories.memory_index import TODAY, one_country
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.views.now import now_page


def test_first_signs_are_not_counted_as_confirmed():
    """Whoever quotes the first sentence of the page learns that nothing of it is confirmed yet."""
    source = one_country()
    source.found = [replace(event, level="signal") for event in source.events("XX")]
    page = now_page(source, Site(today=lambda: TODAY), PageQuery({"country": "XX"}))
    assert page is not None
    assert {(row.app, row.hit, row.confirmed) for row in page.apps if row.hit} == {
        ("telegram", 9, 0),
        ("whatsapp", 11, 0),
    }
