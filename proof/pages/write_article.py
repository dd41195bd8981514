"""Writes docs/article.md from two countries in a box that were played before (`make article`).

    .venv/bin/python -m proof.pages.write_article build/article build/restored

The page is never edited by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

from talkpath.errors import TalkpathError
from talkpath.observatory.article.page import article_page

ARTICLE_PAGE = Path(__file__).resolve().parents[2] / "docs" / "article.md"


def main(folders: list[str]) -> None:
    """The folders of the scenarios article and restored."""
    if len(folders) != 2:
        sys.exit("Name two folders: of the scenario article, and of restored.")
    try:
        text = article_page(dict(zip(("article", "restored"), map(Path, folders), strict=True)))
    except TalkpathError as error:
        sys.exit(str(error))
    ARTICLE_PAGE.write_text(text, encoding="utf-8")
    sys.stderr.write(f"wrote {ARTICLE_PAGE}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
