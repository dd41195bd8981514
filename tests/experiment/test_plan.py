"""Which calls a check places: apps named by their id or as people write them."""

from __future__ import annotations

import pytest

from talkpath.apps import app_id, apps
from talkpath.errors import UsageError
from talkpath.experiment.plan import choose_arms


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("whatsapp", "whatsapp"),
        ("WhatsApp", "whatsapp"),
        ("WHATSAPP", "whatsapp"),
        ("Google Meet", "meet"),
        (" signal ", "signal"),
        ("Telegram/tgcalls", "telegram/tgcalls"),
        ("Telegram/TGCALLS", "telegram/tgcalls"),
        ("carrier-pigeon", "carrier-pigeon"),
        ("", ""),
    ],
)
def test_an_app_may_be_named_as_people_write_it(name: str, known: str) -> None:
    assert app_id(name) == known


def test_no_two_apps_share_a_name() -> None:
    names = [word.casefold() for app in apps().values() for word in {app.name.casefold(), app.id}]
    assert len(names) == len(set(names))


def test_names_and_ids_choose_the_same_arms() -> None:
    assert choose_arms(["WhatsApp", "Telegram/tgcalls"]) == choose_arms(["whatsapp", "telegram/tgcalls"])
    assert {arm.app for arm in choose_arms(["Google Meet"])} == {"meet"}


def test_voice_comes_before_video() -> None:
    media = [arm.medium for arm in choose_arms(media=["video", "voice"])]
    assert media == ["voice"] * media.count("voice") + ["video"] * media.count("video")
    assert set(media) == {"voice", "video"}


@pytest.mark.parametrize("name", ["carrier-pigeon", "telegram/pigeon", ""])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=r"No app is called .*whatsapp"):
        choose_arms([name])
