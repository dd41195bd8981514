"""From events to the journal, the feed and a receiver, as one run of the command does it, and the next."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_journal import event

from factories.observatories.webhook_receiver import Receiver, webhook_server
from talkpath.errors import FileError
from talkpath.observatory.feeds.journal import read_journal
from talkpath.observatory.feeds.publish import ATOM_NAMESPACE, publish_events
from talkpath.observatory.publication import Publication


@pytest.fixture
def receiver():
    with webhook_server() as server:
        yield server


def hooks(folder: Path, receiver: Receiver) -> Path:
    path = folder / "hooks.toml"
    path.write_text(f'[[hook]]\nurl = "{receiver.url}"\nsecret = "whsec_{"A" * 32}"\n')
    return path


def test_what_is_new_is_told_everywhere_and_only_once(tmp_path: Path, receiver: Receiver):
    journal, feed, named = tmp_path / "events.jsonl", tmp_path / "events.atom", hooks(tmp_path, receiver)
    events = [event(), event(network="AS2", contributors=1)]
    said = publish_events(events, journal, Publication(), feed, named)
    assert said == "2 new lines in events.jsonl; 1 of 2 may be published. 1 deliveries."
    assert [json.loads(body)["event"]["network"] for _, _, body in receiver.got] == ["AS1"]
    assert len(ElementTree.parse(feed).getroot().findall(f"{{{ATOM_NAMESPACE}}}entry")) == 1
    again = publish_events(events, journal, Publication(), feed, named)
    assert again == "0 new lines in events.jsonl; 1 of 2 may be published. 0 deliveries."
    publish_events([], journal, Publication(), feed, named)
    assert [told.event.kind for told in read_journal(journal)] == ["began", "began", "withdrawn", "withdrawn"]
    assert [json.loads(body)["event"]["kind"] for _, _, body in receiver.got] == ["began", "withdrawn"]


def test_nothing_is_told_where_the_hooks_make_no_sense(tmp_path: Path):
    (tmp_path / "hooks.toml").write_text("[[hook]]\n")
    with pytest.raises(FileError):
        publish_events([event()], tmp_path / "events.jsonl", Publication(), None, tmp_path / "hooks.toml")
    assert read_journal(tmp_path / "events.jsonl") == []
