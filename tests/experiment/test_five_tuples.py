"""Which local port and which port of the test server each flow of a check has."""

from hypothesis import given
from hypothesis import strategies as st

from talkpath.experiment.five_tuples import five_tuples, numbers_for


@given(st.integers(1, 128), st.integers(1, 20))
def test_each_5_tuple_is_there_once_and_quiet_calls_have_their_own(locals_: int, count: int):
    ports = tuple(range(3000, 3000 + count))
    every = five_tuples(locals_, ports)
    assert sorted(every) == [(local, port) for local in range(locals_) for port in ports]
    others, quiet = (numbers_for(locals_, count, quiet=quiet) for quiet in (False, True))
    assert [*others, *quiet] == list(range(len(every)))


def test_the_flows_of_an_epoch_go_to_all_ports_and_the_quiet_calls_of_an_arm_to_two_at_most():
    ports = tuple(range(3000, 3016))
    every = five_tuples(67, ports)
    for first in numbers_for(67, 16, quiet=False)[:-16]:  # rows end within some epochs
        assert len({port for _, port in every[first : first + 16]}) >= 12
    for first in numbers_for(67, 16, quiet=True)[:-7]:
        assert len({port for _, port in every[first : first + 7]}) <= 2
