"""What a browser's check is told of its network: what the network's page shows, in words, and no more."""

from __future__ import annotations

from factories.observatories import memory_index
from talkpath.observatory.publication import Publication
from talkpath.observatory.web.site import Site
from talkpath.observatory.web.views.network import sentences_of_others
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin

HERE = NetworkOrigin("AS64496", "XX")


def said(where: NetworkOrigin = HERE, least: int = 5, simulated: bool = False) -> list[str]:
    site = Site(Publication(min_contributors=least), today=lambda: memory_index.TODAY)
    return sentences_of_others(memory_index.one_country(simulated=simulated), site, where)


def test_each_app_is_told_with_its_day_and_how_many():
    told = said()
    assert told[0] == "Telegram (video), 2025-08-30: Signs of restriction. Reports: 4, from at least 7 people."
    assert any(sentence.startswith("Signal (voice)") for sentence in told)


def test_what_few_people_measured_is_withheld():
    assert said(NetworkOrigin(memory_index.FEW, "XX")) == []
    assert said(least=8) == []


def test_nothing_is_known_of_an_unknown_network():
    assert said(UNKNOWN_ORIGIN) == []
    assert said(NetworkOrigin("AS64500", "XY")) == []


def test_made_up_numbers_say_so():
    assert all(sentence.startswith("SIMULATED. ") for sentence in said(simulated=True))
