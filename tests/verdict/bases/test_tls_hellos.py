"""Which ClientHello is held back, and towards whom: a host must answer the other one, and neutral hosts decide."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.verdict.model import Category, Reason, Verdict

SILENT = "generic_timeout_error"
BROWSER, OPENSSL, PADDED, TLS = "tls.browser", "tls.openssl", "tls.padded", "tls"


def asked(kind: str, answered: str, app: str = "telegram") -> list[Exchange]:
    """One exchange a round: "y" was answered."""
    return [
        Exchange(
            app=app,
            host="web" if app else "n",
            neutral=not app,
            at_s=10.0 * number,
            ok=answer == "y",
            failure="" if answer == "y" else SILENT,
            took_s=0.1,
            kind=kind,
            round=number,
            named=True,
        )
        for number, answer in enumerate(answered, 1)
    ]


def said(*exchanges: list[Exchange]) -> tuple[str, str | None, object, object]:
    (found,) = judge_endpoints([each for part in exchanges for each in part])
    return found.state, found.rule, found.parameters.get("hello"), found.parameters.get("bound_to")


def at(host: str, *exchanges: list[Exchange]) -> list[Exchange]:
    """The same, asked of another host."""
    return [replace(each, host=host) for part in exchanges for each in part]


FINE = asked(TLS, "y"), asked(TLS, "y", "")
NEVER, EACH = "nnnnnn", "yyyyyy"


@pytest.mark.parametrize(
    ("own", "neutral", "bound"), [((NEVER, EACH), (EACH, EACH), "both"), ((NEVER, EACH), (NEVER, EACH), "shape")]
)
def test_a_hello_that_a_living_host_never_answers_is_held_back(
    own: tuple[str, str], neutral: tuple[str, str], bound: str
) -> None:
    hellos = asked(BROWSER, own[0]), asked(OPENSSL, own[1]), asked(PADDED, "yyyyy")
    beside = asked(BROWSER, neutral[0], ""), asked(OPENSSL, neutral[1], "")
    found = said(*FINE, *hellos, at("web2", *hellos), *beside)
    assert found == ("restricted", "tls.hello_drop", Category("browser"), Category(bound))


@pytest.mark.parametrize("second", [("yyyyyy", EACH, ""), (NEVER, EACH, "nnnnn"), (NEVER, EACH, "")])
def test_one_host_that_is_silent_to_one_client_may_mean_to(second: tuple[str, str, str]) -> None:
    """Neutral hosts answer both, and another host of the app does not show the same beyond doubt."""
    hellos = asked(BROWSER, NEVER), asked(OPENSSL, EACH), asked(PADDED, "yyyyy")
    beside = asked(BROWSER, EACH, ""), asked(OPENSSL, EACH, "")
    other = asked(BROWSER, second[0]), asked(OPENSSL, second[1]), asked(PADDED, second[2])
    for hosts in (hellos, (*hellos, at("web2", *other))):
        (found,) = judge_endpoints([each for part in (*FINE, *hosts, *beside) for each in part])
        assert (found.state, found.reason) == ("insufficient", Reason("refused"))
        assert found.alternatives == ("tls.hello_drop",)


@pytest.mark.parametrize(("app", "host"), [("telegram", "web"), ("", "n")])
def test_a_host_whose_certificate_is_never_accepted_counts_in_no_contrast(app: str, host: str) -> None:
    """What answers in its place may be a filter."""
    hellos = asked(BROWSER, NEVER), asked(OPENSSL, EACH), asked(PADDED, "yyyyy")
    beside = asked(BROWSER, NEVER, ""), asked(OPENSSL, EACH, "")
    assert said(*FINE, *hellos, *beside)[0] == "restricted"
    shaken = {key: asked(TLS, "y", key) for key in ("telegram", "")}
    shaken[app] = [replace(each, ok=False, failure="ssl_invalid_certificate") for each in asked(TLS, "nnn", app)]
    assert {each.host for each in shaken[app]} == {host}
    assert said(*shaken.values(), *hellos, *beside)[1] is None


def test_a_held_back_hello_explains_why_handshakes_of_that_kind_do_not_complete() -> None:
    handshakes = asked(TLS, "nnn"), asked(TLS, "yyy", "")
    hellos, beside = (asked(OPENSSL, NEVER), asked(BROWSER, EACH)), (asked(OPENSSL, EACH, ""), asked(BROWSER, EACH, ""))
    assert said(*handshakes, *hellos, at("web2", *hellos), *beside)[1:3] == ("tls.hello_drop", Category("openssl"))


@pytest.mark.parametrize(
    ("own", "neutral"),
    [
        (("nnnnn", "yyyyy"), (EACH, EACH)),  # not often enough
        (("nnnnny", EACH), (EACH, EACH)),
        ((NEVER, "y"), (EACH, EACH)),  # the other was answered, but perhaps now and then
        ((NEVER, "yyynyy"), (EACH, EACH)),
        ((NEVER, NEVER), (EACH, EACH)),  # the host may be down
        ((NEVER, EACH), ("yyynyy", EACH)),  # the line
        ((NEVER, EACH), (NEVER, NEVER)),
        ((NEVER, EACH), ("", "")),
    ],
)
def test_anything_else_names_no_hello(own: tuple[str, str], neutral: tuple[str, str]) -> None:
    hellos = asked(BROWSER, own[0]), asked(OPENSSL, own[1]), asked(PADDED, "yyyyy")
    beside = asked(BROWSER, neutral[0], ""), asked(OPENSSL, neutral[1], "")
    assert said(*FINE, *hellos, *beside)[:2] == ("ok", None)


def diverged(padded: str, handshakes: str = "y") -> Verdict:
    """What is said where a browser's hello dies and OpenSSL's is answered, everywhere."""
    hellos = asked(BROWSER, NEVER), asked(OPENSSL, EACH), asked(PADDED, padded)
    beside = asked(BROWSER, NEVER, ""), asked(OPENSSL, EACH, ""), asked(TLS, "y" * len(handshakes), "")
    every = [each for part in (asked(TLS, handshakes), *hellos, *beside) for each in part]
    (found,) = judge_endpoints(every)
    return found


def test_where_an_equally_long_hello_dies_too_it_is_its_length_and_nothing_is_restricted() -> None:
    for handshakes in ("y", "nnn"):
        found = diverged("nnnnn", handshakes)
        assert (found.state, found.reason, found.rule) == ("insufficient", Reason("long_hellos"), None)
        assert found.alternatives == ()
        assert found.decided_at_s is None


@pytest.mark.parametrize("padded", ["", "yyyy", "nnnn", "ynyyy", "nnnny"])
def test_a_browser_s_hello_is_longer_and_without_a_control_of_its_length_nothing_is_restricted(padded: str) -> None:
    found = diverged(padded)
    assert (found.state, found.reason) == ("insufficient", Reason("no_control"))
    assert found.alternatives == ("tls.hello_drop",)
    assert diverged(padded, "nnn").reason == Reason("outage")  # which says more


def test_one_host_s_doubt_hides_no_other_host_s_rule() -> None:
    hellos = asked(BROWSER, NEVER), asked(OPENSSL, EACH)
    beside = asked(BROWSER, NEVER, ""), asked(OPENSSL, EACH, "")
    two = at("web2", *hellos, asked(PADDED, "yyyyy"))
    assert said(*FINE, *hellos, asked(PADDED, "nnnnn"), two, *beside)[:2] == ("restricted", "tls.hello_drop")


@pytest.mark.parametrize("kind", [BROWSER, OPENSSL])
def test_a_server_that_hangs_up_on_one_client_may_mean_to(kind: str) -> None:
    other = OPENSSL if kind == BROWSER else BROWSER
    hung_up = [replace(each, failure="eof_error") for each in asked(kind, NEVER)]
    hellos = [*hung_up, *asked(other, EACH), *asked(PADDED, "yyyyy" if kind == BROWSER else "")]
    alone = [*asked(kind, EACH, ""), *asked(other, EACH, "")]
    (found,) = judge_endpoints([*asked(TLS, "y"), *asked(TLS, "y", ""), *hellos, *alone])
    assert (found.state, found.reason) == ("insufficient", Reason("refused"))
    assert found.alternatives == ("tls.hello_drop",)
    everybody = [*asked(kind, NEVER, ""), *asked(other, EACH, "")]
    (found,) = judge_endpoints([*asked(TLS, "y"), *asked(TLS, "y", ""), *hellos, *everybody])
    assert (found.state, found.parameters["bound_to"]) == ("restricted", Category("shape"))


def test_openssl_s_hello_is_the_shorter_one_and_needs_no_control() -> None:
    hellos = asked(OPENSSL, NEVER), asked(BROWSER, EACH)
    assert said(*FINE, *hellos, asked(OPENSSL, NEVER, ""), asked(BROWSER, EACH, ""))[0] == "restricted"
