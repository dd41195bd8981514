"""HTML and SVG as trees. Text is escaped when a tree is written out, so no sentence can become markup."""

from __future__ import annotations

from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | None


def element(name: str, /, *children: Child, **attributes: object) -> Element:
    """An element with its children: elements or text; None is left out. `class_` is "class", `_` in a name is "-"."""
    made = Element(name, {_attribute_name(key): f"{value}" for key, value in attributes.items() if value is not None})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child is not None and last is None:
            made.text = (made.text or "") + child
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + child
    return made


def with_code_marks(text: str) -> list[Child]:
    """A sentence whose `commands` become <code> elements."""
    return [element("code", part) if place % 2 else part for place, part in enumerate(text.split("`"))]


def _attribute_name(key: str) -> str:
    return {"class_": "class", "viewBox": "viewBox"}.get(key, key.replace("_", "-"))


def html_document(head: Element, body: Element, lang: str = "en", direction: str = "ltr") -> str:
    """The text of the whole page."""
    page = element("html", head, body, lang=lang, dir=direction)
    return "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"
