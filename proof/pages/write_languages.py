"""Brings the catalogues in step with the code: new texts come in without a translation, dropped ones go.

    .venv/bin/python -m proof.pages.write_languages

Translations and headers stay as they are. tests/report/test_languages.py fails when a catalogue is not current, or
lacks a translation. A text that `say` is given by another name could be found by nobody: nothing is written then, since
its translations would go.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

from talkpath.lab.country.settings import read_country
from talkpath.lab.demo.script import read_script
from talkpath.observatory.article import box_rows
from talkpath.observatory.claims.rows import load_claims
from talkpath.observatory.reach.estimate import ASSUMPTIONS
from talkpath.report.words.errors import ERROR_SENTENCES

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "article.toml"
SOURCE = Path(__file__).resolve().parents[2] / "src" / "talkpath"
CATALOGUE_FOLDER = SOURCE / "report" / "languages"
TEXTS = {"say": 1, "count": 2}  # how many texts follow the context
LOOKED_UP = ("scene", "error", "assumption")  # contexts whose texts are data, and collected from there


def scene_texts() -> Iterator[str]:
    """What the demo's scenes.toml says in words."""
    script = read_script()
    for scene in script.scenes:
        yield from (scene.title, scene.story)
    yield from (script.own.title, script.own.story)
    yield script.order.words
    yield from (claim.words for claim in script.order.claims)


def claim_texts() -> Iterator[str]:
    """What claims say: of those that come with talkpath, and of the speakers of the article's made-up country."""
    for claim in load_claims():
        yield from filter(None, (claim.who, claim.statement, claim.note, claim.not_measurable))
    for said in read_country(SCENARIO).statements:
        yield from (said.who, said.says)


def box_texts() -> Iterator[str]:
    """What stands for the article's sentences in the made-up country, and what is true there."""
    for row in box_rows():
        yield from filter(None, (row.stands, row.truth))


def words_of(file: Path) -> list[ast.Call]:
    """The calls of `say` and `count` in it, if these are the language's own; in order."""
    tree = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    sources = [
        node for node in tree if isinstance(node, ast.ImportFrom) and node.module == "talkpath.report.words.language"
    ]
    own = {node.name for node in tree if isinstance(node, ast.FunctionDef)}
    names = TEXTS.keys() & ({alias.name for node in sources for alias in node.names} | own)
    calls = [node for node in tree if isinstance(node, ast.Call)]
    found = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in names]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


def code_texts(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(context, texts) of each `say` and `count`; `ValueError` for one whose text is not written out there."""
    for call in words_of(file):
        wanted = TEXTS[ast.unparse(call.func)] + 1
        parts = [each.value if isinstance(each, ast.Constant) else None for each in call.args[:wanted]]
        if None not in parts:
            yield str(parts[0]), tuple(map(str, parts[1:]))
        elif parts[0] not in LOOKED_UP:
            raise ValueError(
                f"{file}:{call.lineno}: write the text out in the call, or its translations would be lost."
            )


def template_texts(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same of a page's template (jinja2)."""
    for call in Environment().parse(file.read_text(encoding="utf-8")).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in TEXTS:
            said = call.args[: TEXTS[call.node.name] + 1]
            parts = [str(each.value) for each in said if isinstance(each, nodes.Const)]
            yield parts[0], tuple(parts[1:])


def catalogue_template() -> Catalog:
    """Every text, in the order of the files, without a translation."""
    found = Catalog()
    for file in sorted(SOURCE.rglob("*.py")):
        _add_text(found, file, code_texts(file))
    for file in sorted(SOURCE.rglob("templates/*.html")):
        _add_text(found, file, template_texts(file))
    for text in ERROR_SENTENCES:
        found.add(text, context="error", locations=[("report/words/errors.py", 0)])
    for text in ASSUMPTIONS:
        found.add(text, context="assumption", locations=[("observatory/reach/estimate.py", 0)])
    for text in scene_texts():
        found.add(text, context="scene", locations=[("lab/demo/scenes.toml", 0)])
    for text in claim_texts():
        found.add(text, context="claim", locations=[("observatory/data/claims", 0)])
    for text in box_texts():
        found.add(text, context="article box", locations=[("observatory/data/article_box.toml", 0)])
    return found


def _add_text(found: Catalog, file: Path, said: Iterator[tuple[str, tuple[str, ...]]]) -> None:
    name = file.relative_to(SOURCE).as_posix()
    for context, texts in said:
        found.add(texts if len(texts) > 1 else texts[0], context=context, locations=[(name, 0)])


def updated_catalogue(text: str, wanted: Catalog) -> str:
    """A catalogue's text with all messages of the template, and no others."""
    head, _, _ = text.partition("\n\n")
    catalogue = read_po(BytesIO(text.encode()))
    catalogue.update(wanted, no_fuzzy_matching=True)
    out = BytesIO()
    write_po(out, catalogue, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    return head + "\n\n" + out.getvalue().decode().strip() + "\n"


def main() -> None:
    """All catalogues."""
    wanted = catalogue_template()
    for file in sorted(CATALOGUE_FOLDER.glob("*.po")):
        file.write_text(updated_catalogue(file.read_text(encoding="utf-8"), wanted), encoding="utf-8")


if __name__ == "__main__":
    main()
