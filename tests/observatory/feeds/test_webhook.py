"""Webhooks against a real HTTP server on loopback: signed, in order, tried again, to nobody else."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

import pytest
import standardwebhooks
from test_journal import AT, event

from factories.observatories.webhook_receiver import Receiver, webhook_server
from talkpath.errors import FileError, UsageError
from talkpath.observatory.feeds.journal import new_lines
from talkpath.observatory.feeds.webhook import (
    TRIES,
    Hook,
    HookProgress,
    deliver_news,
    load_hooks,
    post_event,
    read_progress,
    retry_waits,
    webhook_signature,
    write_progress,
)

NOTHING = HookProgress()
KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
NOW_S = 1_700_000_000.9
JOURNAL = new_lines([], [event(), event(network="AS2"), event(network="AS3", country="YY")], AT)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_server() as server:
        yield server


def run(hook: Hook, got: HookProgress = NOTHING, journal=JOURNAL, later=()):
    slept: list[float] = []
    return *deliver_news(hook, journal, got, post_event, slept.append, lambda: NOW_S, Random(1), later), slept


def numbers(receiver: Receiver) -> list[int]:
    return [json.loads(body)["number"] for _, _, body in receiver.got]


def test_all_lines_arrive_in_order_and_signed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[__name__], "NOW_S", time.time())  # the library refuses old timestamps
    got, outcome, slept = run(Hook(receiver.url, SECRET))
    assert (got, outcome.delivered, outcome.waiting, slept) == (HookProgress(3), 3, 0, [])
    assert numbers(receiver) == [1, 2, 3]
    for path, headers, body in receiver.got:
        assert path == "/hook?of=me"
        assert standardwebhooks.Webhook(SECRET).verify(body, headers)["number"] in (1, 2, 3)
    assert run(Hook(receiver.url, SECRET), got)[1].delivered == 0  # not twice


def test_the_operator_of_a_network_is_told_where_it_is_known_and_the_id_stays(receiver: Receiver):
    hook, names = Hook(receiver.url, SECRET), {JOURNAL[1].event.network: "Northline"}
    for operators in ({}, names):
        deliver_news(hook, JOURNAL, NOTHING, post_event, lambda _: None, lambda: NOW_S, Random(1), (), operators)
    told = [json.loads(body).get("operator") for _, _, body in receiver.got]
    assert told == [None, None, None, None, "Northline", None]
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3


def test_what_does_not_arrive_is_tried_again_and_later_lines_wait(receiver: Receiver):
    receiver.answers = [500, 429, 204]
    got, outcome, slept = run(Hook(receiver.url, SECRET))
    assert (got, outcome.waiting, numbers(receiver)) == (HookProgress(3), 0, [1, 1, 1, 2, 3])
    assert len(slept) == 2
    assert slept[0] < slept[1] * 2


def test_a_receiver_that_is_down_loses_nothing(receiver: Receiver):
    receiver.answers = [204, *[503] * TRIES]
    got, outcome, _ = run(Hook(receiver.url, SECRET))
    assert (got, outcome.delivered, outcome.waiting) == (HookProgress(3, (2, 3)), 1, 2)
    assert run(Hook(receiver.url, SECRET), got)[0] == HookProgress(3)
    assert numbers(receiver) == [1, *[2] * TRIES, 2, 3]


def test_nobody_there_is_a_value_and_no_exception():
    assert post_event("http://127.0.0.1:9/", {}, b"") == 0


def test_no_redirection_is_followed(receiver: Receiver):
    receiver.answers = [302] * TRIES
    got, outcome, _ = run(Hook(receiver.url, SECRET))
    assert (got, outcome.waiting) == (HookProgress(3, (1, 2, 3)), 3)
    assert {path for path, _, _ in receiver.got} == {"/hook?of=me"}


def test_a_receiver_gets_only_what_it_asked_for(receiver: Receiver):
    got, outcome, _ = run(Hook(receiver.url, SECRET, countries=("YY",)))
    assert (got, outcome.delivered, numbers(receiver)) == (HookProgress(3), 1, [3])


def test_a_line_that_waits_for_its_day_is_sent_then(receiver: Receiver):
    hook = Hook(receiver.url, SECRET)
    got, _, _ = run(hook, journal=[JOURNAL[0], JOURNAL[2]], later=[2])
    assert (got, numbers(receiver)) == (HookProgress(3, (2,)), [1, 3])
    assert run(hook, got)[0] == HookProgress(3)
    assert numbers(receiver) == [1, 3, 2]


def test_waits_grow_to_a_bound():
    found = list(retry_waits(Random(3)))
    assert len(found) == TRIES - 1
    assert all(0.5 * 2**at <= wait <= 2**at for at, wait in enumerate(found))


def test_a_signature_is_that_of_standard_webhooks():
    """The example of the specification, and what its own library signs."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    example = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
    assert webhook_signature(key, *example) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert webhook_signature(KEY, "msg_1", 7, b"{}") == standardwebhooks.Webhook(SECRET).sign(
        "msg_1", datetime.fromtimestamp(7, UTC), "{}"
    )


def test_a_second_try_has_the_same_id_and_another_time(receiver: Receiver):
    receiver.answers = [500, 204]
    clock = count(NOW_S)
    deliver_news(
        Hook(receiver.url, SECRET), JOURNAL[:1], NOTHING, post_event, lambda _: None, lambda: next(clock), Random(1)
    )
    (first, second) = [headers for _, headers, _ in receiver.got]
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) == int(first["webhook-timestamp"]) + 1


@pytest.mark.parametrize(
    ("url", "secret", "why"),
    [
        ("http://192.0.2.1/hook", SECRET, "for everybody to read"),
        ("ftp://host.example/", SECRET, "no URL of webhook 1"),
        ("https://user:word@host.example/", SECRET, "no URL of webhook 1"),
        ("https://host.example/", "short", "whsec_"),
        ("https://host.example/", SECRET.removeprefix("whsec_"), "whsec_"),
        ("https://host.example/", "whsec_AAAA", "24 to 64"),
        ("https://host.example/", "whsec_not base64!", "base64"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_whole(tmp_path: Path, url: str, secret: str, why: str):
    path = tmp_path / "hooks.toml"
    path.write_text(f'[[hook]]\nurl = "{url}"\nsecret = "{secret}"\n')
    with pytest.raises((FileError, UsageError), match=why) as caught:
        load_hooks(path)
    assert "host" not in str(caught.value).lower().replace("https://host/", "")


def test_a_file_is_read(tmp_path: Path):
    path = tmp_path / "hooks.toml"
    path.write_text(f'[[hook]]\nurl = "https://host.example/x"\nsecret = "{SECRET}"\napps = ["max"]\n')
    (hook,) = load_hooks(path)
    assert (hook.apps, "example" in hook.name) == (("max",), False)


def test_how_far_each_got_survives(tmp_path: Path):
    path = tmp_path / "got.json"
    assert read_progress(path) == {}
    write_progress(path, {"a": HookProgress(3, (2,))})
    assert read_progress(path) == {"a": HookProgress(3, (2,))}
    path.write_text("[")
    with pytest.raises(FileError, match="delete it"):
        read_progress(path)
