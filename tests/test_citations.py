"""Whatever code and pages cite exists: sections, files, anchors, modules. Only others' standards are not looked up."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/talkpath"
FOLDERS = ("src", "tests", "scripts", "bench", "docs", "spec", "scenarios", "deploy", "examples", ".ci")
KINDS = {".py", ".md", ".toml", ".js", ".html", ".css", ".service", ".yaml", ".po", ""}
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("_"))

STANDARD = re.compile(
    r"RFCs? ?\d+|draft-[a-z]|\bMS-[A-Z]+|\bW3C\b|\bITU|\bG\.107|Unicode|APPNOTE|IEEE|3GPP|\bdf-\d{3}"
    r"|\bIMC|SIGCOMM|CLDR",
    re.I,
)
"""A document that others keep and that everybody finds by this name."""
NOT_HERE = re.compile(r"\bDESIGN(?:\.md)?\b(?= section)|\bDESIGN\.md|\bHOUSE\.md|\bfacts(?:/|: )(?:[a-z]+-)+[a-z]+")
"""Documents that the repository does not hold."""
SECTION = re.compile(r"(?:(?P<page>[\w./-]+\.md),? )?\bsections? (?P<number>\d+(?:\.\d+)*)")
PAGE = re.compile(r"(?<![\w/.])((?:docs|spec)/[\w/.-]+\.md|(?:README|CONTRIBUTING|CHANGELOG|SECURITY)\.md)#([\w-]+)")
FILE = re.compile(
    r"(?<![\w/.:<-])((?:src|tests|scripts|bench|docs|spec|scenarios|deploy|examples)/[\w/.-]*\w\.(?:py|md|toml|js|css|json|service))"
    r"(?![\w*<{])"
)
INSIDE = re.compile(rf"(?<![\w/.:<-])((?:{'|'.join(ROOMS)})/[\w/.-]*\w\.(?:py|toml|js|css|json))(?![\w*<{{])")
LINK = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
SPEC = re.compile(r"\btp-(\d{3})\b")
MODULE = re.compile(rf"`(?!verdict\.json)((?:talkpath\.)?(?:{'|'.join(ROOMS)})(?:\.\w+)+)`")
PLACEHOLDERS = ("NAME", "WHAT_HOW")  # what a contributor puts a name in place of


def files() -> Iterator[Path]:
    """Every text file of the repository."""
    places = [*(ROOT / folder for folder in FOLDERS if (ROOT / folder).is_dir())]
    found = [path for place in places for path in place.rglob("*") if path.is_file() and path.suffix in KINDS]
    yield from (path for path in sorted(found) if "__pycache__" not in path.parts and path != Path(__file__))
    yield from sorted(path for path in ROOT.glob("*") if path.is_file() and path.suffix in KINDS | {".cff"})


@cache
def text_of(path: Path) -> str:
    """The text on one line, so that a citation may be broken over two lines of a comment."""
    raw = path.read_text(encoding="utf-8", errors="replace")
    return re.sub(r"\s*\n\s*(?:#+:? |\"|// |\* )?", " ", raw) if path.suffix != ".md" else re.sub(r"[ \n]+", " ", raw)


ALL = tuple(files())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 40) : match.end() + 20]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a link may name in a page: headings as GitHub makes them, and written anchors."""
    raw = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#{1,6} (.+)$", re.sub(r"```.*?```", "", raw, flags=re.S), re.M)
    made = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\([^)]*\)", "", one).lower()).strip() for one in headings]
    return frozenset([*(one.replace(" ", "-") for one in made), *re.findall(r'<a id="([^"]+)">', raw)])


def missing_files(path: Path) -> Iterator[str]:
    text = text_of(path)
    for pattern, place in ((FILE, ROOT), (INSIDE, PACKAGE)):
        for match in pattern.finditer(text):
            cited = match.group(1)
            places = (place / cited, path.parent / cited, ROOT / "tests" / cited)
            if not any(one.is_file() for one in places) and not any(word in cited for word in PLACEHOLDERS):
                yield f"{name(path)}: {cited}"


def missing_anchors(path: Path) -> Iterator[str]:
    text = text_of(path)
    for match in PAGE.finditer(text):
        page = ROOT / match.group(1)
        if page.is_file() and match.group(2) not in anchors(page):
            yield f"{name(path)}: {match.group(0)}"
    if path.suffix == ".md":
        for target, anchor in LINK.findall(text):
            page = path.parent / target if target else path
            if page.suffix == ".md" and page.is_file() and anchor not in anchors(page):
                yield f"{name(path)}: {target}#{anchor}"


def missing_sections(path: Path) -> Iterator[str]:
    """A section of our own page must be a heading there; any other needs a standard that the file names before it."""
    text = text_of(path)
    for match in SECTION.finditer(text):
        page, number = match.group("page"), match.group("number")
        if page:
            place = next((one for one in (ROOT / page, path.parent / page) if one.is_file()), None)
            if place is None or not re.search(rf"^#+ {re.escape(number)}\b", place.read_text("utf-8"), re.M):
                yield f"{name(path)}: {page} section {number}"
        elif not STANDARD.search(text[: match.end() + 40]):
            yield f"{name(path)}: …{around(text, match)}…"


def unknown_documents(path: Path) -> Iterator[str]:
    text = text_of(path)
    for match in NOT_HERE.finditer(text):
        yield f"{name(path)}: …{around(text, match)}…"
    held = {page.name[3:6] for page in (ROOT / "spec").glob("tp-*")}
    for number in set(SPEC.findall(text)) - held:
        yield f"{name(path)}: tp-{number}"


def found(dotted: str) -> bool:
    """Is it a module of the package, or something in one?"""
    parts = dotted.removeprefix("talkpath.").split(".")
    for cut in range(len(parts), 0, -1):
        module = PACKAGE.joinpath(*parts[:cut])
        if module.is_dir() or module.with_suffix(".py").is_file():
            thing: object = importlib.import_module("talkpath." + ".".join(parts[:cut])) if cut < len(parts) else None
            for part in parts[cut:]:
                if not hasattr(thing, part) and part not in getattr(thing, "__annotations__", {}):
                    return False
                thing = getattr(thing, part, None)
            return True
    return False


def missing_modules(path: Path) -> Iterator[str]:
    for dotted in set(MODULE.findall(text_of(path))):
        if not found(dotted):
            yield f"{name(path)}: `{dotted}`"


@pytest.mark.parametrize("look", [missing_files, missing_anchors, missing_sections, unknown_documents, missing_modules])
def test_what_is_cited_exists(look) -> None:
    assert [one for path in ALL for one in look(path)] == []


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (missing_files, "see docs/nowhere.md for more"),
        (missing_files, "as in verdict/nowhere.py"),
        (missing_anchors, "see docs/design.md#9-nowhere"),
        (missing_anchors, "[words](docs/glossary.md#nowhere)"),
        (missing_sections, "as docs/design.md section 9 says"),
        (missing_sections, "the formula of section 3"),
        (unknown_documents, "the table of DESIGN section 5"),
        (unknown_documents, "(facts: probe-stats section 1)"),
        (unknown_documents, "told by tp-099"),
        (missing_modules, "see `verdict.nowhere.at_all`"),
        (missing_modules, "see `evidence.bundle.nothing`"),
    ],
)
def test_what_is_not_there_is_found(look, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "invented.md"
    monkeypatch.setattr(Path, "read_text", _reading(page, text))
    text_of.cache_clear()
    assert list(look(page))
    text_of.cache_clear()


def _reading(page: Path, text: str):
    real = Path.read_text
    return lambda self, *arguments, **more: text if self == page else real(self, *arguments, **more)


def test_what_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "invented.md"
    text = "docs/design.md section 3, docs/glossary.md#twin, RFC 8489 section 5, tp-003, `evidence.bundle.read_bundle`"
    monkeypatch.setattr(Path, "read_text", _reading(page, text))
    text_of.cache_clear()
    looks = (missing_files, missing_anchors, missing_sections, unknown_documents, missing_modules)
    assert [one for look in looks for one in look(page)] == []
    text_of.cache_clear()
