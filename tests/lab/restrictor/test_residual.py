"""`residual` blocks the port that a call went to, for everybody's UDP there."""

from __future__ import annotations

from factories.networks.restricted_flows import Played, one_flow, what_passes


def test_after_a_call_its_port_is_dead_to_all_udp_and_other_ports_are_not() -> None:
    seen = Played("residual,for_s=60")
    seen.play({"before": one_flow("twin")}, port=1).play({"call": one_flow("whatsapp")}, port=2)
    seen.play({"behind": one_flow("twin")}, start_s=10.0, port=3)
    seen.play({"elsewhere": one_flow("twin")}, start_s=10.0, port=4, far_port=443)
    assert [seen.dropped(key) for key in ("before", "call", "behind", "elsewhere")] == [0, 1, 1, 0]


def test_it_ends_after_the_time_and_begins_anew_with_the_next_call() -> None:
    seen = Played("residual,for_s=60").play({"call": one_flow("whatsapp", 10)})
    seen.play({"later": one_flow("twin")}, start_s=70.0, port=1)
    seen.play({"again": one_flow("whatsapp", 10)}, start_s=80.0, port=2).play(
        {"behind": one_flow("twin")}, start_s=90.0, port=3
    )
    assert [seen.dropped(key) for key in ("later", "again", "behind")] == [0, 1, 1]


def test_only_the_apps_calls_begin_it() -> None:
    seen = Played("residual,app=whatsapp").play({"signal": one_flow("signal")})
    assert seen.dropped("signal") == 0
    seen.play({"whatsapp": one_flow("whatsapp")}, start_s=5.0, port=1).play(
        {"behind": one_flow("signal")}, start_s=9.0, port=2
    )
    assert [seen.dropped(key) for key in ("whatsapp", "behind")] == [1, 1]


def test_tcp_to_the_port_passes() -> None:
    assert what_passes("residual") == "udt"
