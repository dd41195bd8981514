"""Finds connections to a proxy of the person's own: SOCKS 5 (RFC 1928) and HTTP CONNECT (RFC 9110 section 9.3.6).

A messenger with such a proxy sends its messages there, and packets of calls go directly. Proxies that look like TLS or
like random bytes, as those for MTProto do, cannot be told from other connections.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import Seconds
from talkpath.measure.call import ProxyKind
from talkpath.wire.pcap import Unread
from talkpath.wire.pcap.arrays import Bytes, Ints, Words, big32, is_among

SOCKS_VERSION, MAX_SOCKS_METHODS = 5, 16
SOCKS_REPLY_BYTES, SOCKS_REFUSED = 2, 0xFF
CONNECT_WORD, HTTP_WORD = (int.from_bytes(word, "big") for word in (b"CONN", b"HTTP"))
HTTP_TAKEN = int.from_bytes(b" 200", "big")  # after HTTP/1.1
BEFORE_CALL_S = 60.0
"""A proxy that carried something so long before the call, or during it, was in use."""
MOST_PROXIED, MOST_PROXIED_SECONDS = 1 << 12, 1 << 18


class Proxies:
    """Connections that were greeted as a proxy is, and of those that took it the seconds in which something came."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._greeted: dict[int, ProxyKind] = {}
        self._taken: dict[int, tuple[int, ProxyKind]] = {}
        self._seconds: dict[int, ProxyKind] = {}

    def feed(self, head: Bytes, size: Ints, keys: Words, sources: Words, time_s: Seconds) -> None:
        """Take segments by their first 12 bytes, the keys of their flows and the hashes of their sources."""
        first = head[:, 0]
        socks, word = first == SOCKS_VERSION, big32(head, 0)
        greetings = socks & (size == 2 + head[:, 1]) & (head[:, 1] > 0) & (head[:, 1] <= MAX_SOCKS_METHODS)
        for row in np.flatnonzero(greetings | (word == CONNECT_WORD)).tolist():
            self._greet(int(keys[row]), "socks" if first[row] == SOCKS_VERSION else "http")
        if not self._greeted and not self._taken:
            return
        replies = socks & (size == SOCKS_REPLY_BYTES) & (head[:, 1] != SOCKS_REFUSED)
        taken = replies | ((word == HTTP_WORD) & (big32(head, 8) == HTTP_TAKEN))
        for row in np.flatnonzero(taken).tolist():
            if kind := self._greeted.pop(int(keys[row]), ""):
                self._taken[int(keys[row])] = int(sources[row]), kind
        self._count(keys, sources, time_s)

    def kind_in_use(self, begin_s: float, end_s: float) -> ProxyKind:
        """The kind of proxy that something came from between BEFORE_CALL_S before and that end, "" for none."""
        return next(
            (kind for second, kind in self._seconds.items() if int(begin_s - BEFORE_CALL_S) <= second <= int(end_s)), ""
        )

    def _greet(self, key: int, kind: ProxyKind) -> None:
        if len(self._greeted) + len(self._taken) >= MOST_PROXIED:
            self._unread.note("connection to a proxy not followed: too many of them")
            return
        self._greeted[key] = kind

    def _count(self, keys: Words, sources: Words, time_s: Seconds) -> None:
        """Note in which seconds something came from a proxy."""
        if not self._taken:
            return
        for row in np.flatnonzero(is_among(keys, np.array(sorted(self._taken), np.uint64))).tolist():
            proxy, kind = self._taken[int(keys[row])]
            if int(sources[row]) == proxy and len(self._seconds) < MOST_PROXIED_SECONDS:
                self._seconds[int(time_s[row])] = kind
