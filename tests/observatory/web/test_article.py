"""The article: what stands for each of its sentences, in the language of the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

from factories.observatories.memory_index import one_country
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.views.article import article_page
from talkpath.report.words.language import language, speaking


def test_what_stands_for_the_article_and_the_truth_are_told_in_the_language_of_the_page(tmp_path: Path):
    (tmp_path / "truth").mkdir()
    restricted = [{"day": "2025-08-14", "network": "AS1", "app": "whatsapp", "medium": "voice", "rule": "media.drop",
                   "coverage": 1.0}]  # fmt: skip
    audience = {"whatsapp": {"2025-08": 97e6}}
    truth = {"restricted": restricted, "audience": audience, "users": {"AS1": 1, "AS2": 1}, "days": ["2025-08-14"]}
    (tmp_path / "truth" / "truth.json").write_text(json.dumps(truth))
    rows = {}
    for code in ("en", "ru"):
        with speaking(language(code)):
            page = article_page(one_country(), Site(box=tmp_path), PageQuery({}))
        assert page is not None
        rows[code] = {row.id: row for row in page.rows}
    assert rows["en"]["S01"].truth[0] == "WhatsApp, voice: restricted on 1 of 2 networks"
    assert rows["ru"]["S01"].truth[0] == "WhatsApp, голос: ограничено в 1 из 2 сетей"
    assert rows["ru"]["S03"].truth == ("2025-08: WhatsApp пользуются 97,0 млн человек",)
    latin = [row.id for row in rows["ru"].values() if not re.search("[а-я]", " ".join([row.stands, *row.truth]))]
    assert latin == []
