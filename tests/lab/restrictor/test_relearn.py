"""`relearn` drops calls to a relay it has learned."""

from __future__ import annotations

from factories.networks.restricted_flows import Played, one_flow


def test_relearn_leaves_a_new_relay_alone_and_blocks_it_later_for_all():
    seen = Played("relearn,after_s=300").play({"first": one_flow("whatsapp"), "twin": one_flow("twin")})
    assert (seen.dropped("first"), seen.dropped("twin")) == (0, 0)
    seen.play({"soon": one_flow("whatsapp", seed=2)}, start_s=290)
    seen.play({"late": one_flow("signal", seed=3), "twin late": one_flow("twin", seed=4)}, start_s=301)
    seen.play({"elsewhere": one_flow("whatsapp", seed=5)}, start_s=302, far_port=443)
    assert (seen.dropped("soon"), seen.dropped("twin late"), seen.dropped("elsewhere")) == (0, 0, 0)
    assert seen.dropped("late", media=True) == 1
