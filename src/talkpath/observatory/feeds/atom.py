"""Writes an Atom document (RFC 4287)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
NOT_XML = {code: None for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)}


class AtomEntry(NamedTuple):
    """One entry. `name` gives the id: the same name, the same id, on any machine. `updated` as RFC 3339 has it."""

    name: str
    title: str
    updated: str
    text: str
    link: str = ""
    categories: Sequence[str] = ()


def atom_document(name: str, title: str, entries: Sequence[AtomEntry], empty: str, link: str = "") -> str:
    """The whole document, in the order of the entries. `empty`: when it was updated, where it has none."""
    root = ElementTree.Element("feed", xmlns=ATOM_NAMESPACE)
    _add_element(root, "title", title)
    _add_element(root, "id", _feed_id(name, "feed"))
    _add_element(root, "updated", max((entry.updated for entry in entries), default=empty))
    _add_element(_add_element(root, "author"), "name", "talkpath")
    if link:
        _add_element(root, "link").attrib.update(rel="self", href=link)
    for entry in entries:
        child = _add_element(root, "entry")
        _add_element(child, "title", entry.title)
        _add_element(child, "id", _feed_id(name, entry.name))
        _add_element(child, "updated", entry.updated)
        for category in entry.categories:
            _add_element(child, "category").set("term", category)
        if entry.link:
            _add_element(child, "link").attrib.update(rel="alternate", href=entry.link)
        _add_element(child, "content", entry.text).set("type", "text")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_element(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text.translate(NOT_XML) if text else text
    return child


def _feed_id(feed: str, name: str) -> str:
    return uuid5(NAMESPACE_URL, f"talkpath/{feed}/{name}").urn
