"""An app's TLS hosts asked with two ClientHellos over drawn networks: no false word, the right hello and binding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from talkpath.lab.own_addresses.hellos import HelloCase, draw_innocent, draw_restricted, play_hellos
from talkpath.verdict.model import Category

CASE = HelloCase(seed=1, app="telegram", background="clean", family=4, hosts=2)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("hello", ["browser", "openssl"])
@pytest.mark.parametrize(("towards", "bound"), [("", "shape"), (",app=telegram,to=app", "both")])
def test_the_hello_that_is_held_back_is_named(hello: str, towards: str, bound: str, family: int) -> None:
    found = play_hellos(replace(CASE, rule=f"tls.hello_drop,hello={hello}{towards}", family=family))
    assert (found.state, found.rule, found.direction) == ("restricted", "tls.hello_drop", "up")
    assert found.parameters == {"hello": Category(hello), "bound_to": Category(bound)}


def test_a_rule_about_another_apps_addresses_shows_nothing() -> None:
    assert play_hellos(replace(CASE, rule="tls.hello_drop,app=whatsapp,to=app")).state == "ok"


def test_an_overloaded_host_that_answers_now_one_and_now_the_other_accuses_nobody() -> None:
    for seed in range(40):
        found = play_hellos(replace(CASE, seed=seed, hosts=1, trouble="busy"))
        assert found.rule != "tls.hello_drop", seed


def test_drawn_networks_accuse_no_hello_falsely_and_name_the_right_one() -> None:
    assert not [n for n in range(25) if play_hellos(draw_innocent(n)).rule == "tls.hello_drop"]
    for drawn in map(draw_restricted, range(25)):
        found = play_hellos(drawn)
        if drawn.background != "user_vpn":
            assert found.parameters == {"hello": Category(drawn.hello), "bound_to": Category(drawn.bound)}, drawn
