"""Which sockets can be read and written: by `select`, and where descriptors are too high for it."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from talkpath.serving.supervisor import await_ready

SELECT_KNOWS = 1024  # descriptors: FD_SETSIZE


@contextmanager
def no_low_descriptors() -> Iterator[None]:
    """Take every descriptor that `select` knows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * SELECT_KNOWS:
        pytest.skip("this system lets no process open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SELECT_KNOWS), hard))
    try:
        with ExitStack() as taken:
            last = 0
            while last < SELECT_KNOWS - 1:
                last = os.open(os.devnull, os.O_RDONLY)
                taken.callback(os.close, last)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["low", "high"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets, one connected to the other, below and above what `select` knows."""
    with ExitStack() as stack:
        if request.param == "high":
            stack.enter_context(no_low_descriptors())
        near, far = (stack.enter_context(end) for end in socket.socketpair())
        assert (near.fileno() >= SELECT_KNOWS) == (request.param == "high")
        yield near, far


def test_sockets_are_told_apart(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    assert await_ready([near, far], [near], 5.0) == ([], [near])
    near.send(b"x")
    assert await_ready([near, far], [far], 5.0) == ([far], [far])
    assert await_ready([far.fileno()], (), 5.0) == ([far.fileno()], [])
    near.close()
    assert far.recv(9) == b"x"
    assert await_ready([far], (), 5.0) == ([far], [])


def test_it_waits_no_longer_than_it_was_told_to(pair: tuple[socket.socket, socket.socket]) -> None:
    began_s = time.monotonic()
    assert await_ready(pair, (), 0.01) == ([], [])
    assert time.monotonic() - began_s >= 0.01


def test_a_closed_socket_is_an_error() -> None:
    near, far = socket.socketpair()
    near.close()
    far.close()
    with pytest.raises(ValueError, match="file descriptor"):
        await_ready([near], (), 0.0)
