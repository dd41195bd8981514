"""What searches pages for others: the description of each, its languages, and what it is told of all of them."""

from __future__ import annotations

import html
import re
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from factories.observatories.memory_index import BEGAN
from talkpath.report.words.language import language_codes


@pytest.mark.parametrize("path", ["now", "events", f"event/{BEGAN}", "search?q=as64496"])
def test_a_page_is_described_and_names_each_language_by_its_whole_address(served: str, path: str):
    with urlopen(f"{served}/ru/{path}") as answer:
        page = answer.read().decode()
    (described,) = re.findall(r'<meta name="description" content="([^"]+)">', page)
    assert len(described) > 40
    whole = re.findall(r'<link rel="alternate" hreflang="\w+" href="([^"]+)">', page)
    assert [html.unescape(each) for each in whole] == [f"{served}/{code}/{path}" for code in language_codes()]


def test_nothing_is_kept_from_it(served: str):
    with pytest.raises(HTTPError) as answer, urlopen(f"{served}/robots.txt"):
        pass
    with answer.value:
        assert answer.value.code == 404
