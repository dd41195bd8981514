"""Is the operator of a check's test server known? If not, the words admit that the server may be the cause."""

from __future__ import annotations

from talkpath.evidence.known_responders import known_operators
from talkpath.measure.facts import Facts


def has_known_server(facts: Facts) -> bool:
    """Is the server's key in the list that comes with talkpath, or the server the lab's own?

    A server can drop one app's packets itself, or lie in its report; nothing in a check tells that from a network that
    does so. Without a receipt the key is the word of whoever wrote the facts, who may name any server.
    """
    return facts.simulated or (facts.receipt is not None and facts.responder_key in known_operators())
