"""Linux's error queue is read from bytes in the layout of linux/errqueue.h.

tests/proof/test_netns_locating.py reads the kernel's own.
"""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.wire.ip.error_queue import RECEIVE, Note, error_queue_missing, hops_note, router_of


def note(family: int, origin: int, kind: int, code: int, router: str) -> Note:
    """A note as the kernel writes it."""
    if family == 4:
        offender = struct.pack("@HH4s8x", socket.AF_INET, 0, socket.inet_aton(router))
    else:
        offender = struct.pack("@HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, router), 0)
    return (*RECEIVE[family], struct.pack("=IBBBBII", 113, origin, kind, code, 0, 0, 0) + offender)


@pytest.mark.parametrize(
    ("family", "router", "kind"),
    [(4, "192.168.1.1", "home"), (4, "10.0.0.1", "home"), (4, "172.31.0.1", "home"), (4, "172.32.0.1", "public"),
     (4, "100.64.0.1", "provider"), (4, "100.128.0.1", "public"), (4, "203.0.113.9", "public"),
     (6, "fd00::1", "home"), (6, "fe80::1", "home"), (6, "2001:db8::1", "public")],
)  # fmt: skip
def test_the_kind_of_the_router(family: int, router: str, kind: str) -> None:
    exceeded = (2, 11, 0) if family == 4 else (3, 3, 0)
    assert router_of([note(family, *exceeded, router)]) == kind


@pytest.mark.parametrize("error", [(2, 3, 3), (2, 11, 1), (1, 11, 0), (3, 1, 4)])
def test_other_errors_are_none(error: tuple[int, int, int]) -> None:
    assert router_of([note(4, *error, "192.168.1.1")]) is None


@given(st.lists(st.tuples(st.sampled_from([0, 41]), st.sampled_from([2, 11, 25]), st.binary(max_size=64)), max_size=3))
def test_any_notes_give_a_kind_or_none(notes: list[Note]) -> None:
    assert router_of(notes) in (None, "home", "provider", "public")


def test_hops_are_said_as_an_int() -> None:
    assert hops_note(4, 3) == (socket.IPPROTO_IP, 2, struct.pack("@i", 3))
    assert hops_note(6, 64) == (socket.IPPROTO_IPV6, 52, struct.pack("@i", 64))


def test_elsewhere_than_on_linux_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.wire.ip.error_queue.IS_LINUX", False)
    assert "needs Linux" in error_queue_missing()
