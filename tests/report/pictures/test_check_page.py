"""The HTML file: well formed, self-contained, escaped; what it shows is what the facts say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import ArmPlan, Epoch, Facts, Observation, Plan, Track
from talkpath.report.pictures import check_page
from talkpath.report.pictures.app_matrix import carrying_transports, matrix_rows
from talkpath.report.pictures.arrival_curve import SetUp, arrival_curves, setup_answers
from talkpath.report.pictures.chart import arrival_chart, chart_description
from talkpath.report.pictures.markup import element, html_document
from talkpath.report.words import sentences
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.model import Number, Reason, Verdict
from talkpath.wire.control.question import BASELINE, Question, RateContrast

ARM = Arm("telegram", "tgcalls", "voice")
SLOTS = 40
VOID = {"meta", "br", "link", "img"}


def observation(number: int, role: str, direction: str, arrived: range | list[int], **more: Any) -> Observation:
    return Observation(
        id=2 * number + (direction == "down"),
        flow=number,
        role=role,  # type: ignore[arg-type]
        direction=direction,  # type: ignore[arg-type]
        sent=pack_bitmap(range(SLOTS), SLOTS),
        arrived=pack_bitmap(arrived, SLOTS),
        twin_kind="random" if role == "twin" else None,
        **more,
    )


def epoch(call_up: range | list[int], twin_up: range | list[int], question: Question = BASELINE) -> Epoch:
    """Eight calls and eight twins of 40 packets in 0.8 s; down everything arrives."""
    track = Track(tuple(200.0 + 20.0 * slot for slot in range(SLOTS)), (100,) * SLOTS, ("media",) * SLOTS)
    flows = [
        observation(number, role, way, arrived if way == "up" else range(SLOTS), answered={"stun": role == "twin"})
        for number in range(16)
        for role, arrived in [("call", call_up) if number < 8 else ("twin", twin_up)]
        for way in ("up", "down")
    ]
    return Epoch(
        number=1,
        app=ARM.app,
        variant=ARM.variant,
        medium=ARM.medium,
        k=8,
        started_s=0.0,
        ended_s=1.0,
        cut_s=1.2,
        up=track,
        down=track,
        flows=tuple(flows),
        question=question,
    )


def facts(*epochs: Epoch) -> Facts:
    plan = Plan((ArmPlan(ARM.app, ARM.variant, ARM.medium),))
    return Facts(plan, epochs, simulated=True, started_at="2026-11-24T15:00:00Z", duration_s=3.0)


def verdict(state: str = "restricted", **more: Any) -> Verdict:
    return Verdict(ARM.app, ARM.variant, ARM.medium, state=state, **more)  # type: ignore[arg-type]


RESTRICTED = verdict(
    rule="media.drop", direction="up", parameters={"p": Number(0.5, 0.42, 0.58)}, log10_e=9.0, known_at_s=1.5
)


class Reader(HTMLParser):
    """Checks that every element is closed, and collects text, names and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def page(found: Verdict = RESTRICTED, transports: list[dict[str, Any]] | None = None) -> str:
    half = list(range(0, SLOTS, 2))
    return check_page.check_page(facts(epoch(half, range(SLOTS))), [found], {"transports": transports or []})


# -- the file ----------------------------------------------------------------------------------------------------


def test_the_file_is_well_formed_and_loads_nothing() -> None:
    read = Reader(page())
    assert not read.names & {"script", "link", "img", "iframe", "object", "video", "audio"}
    assert not [value for name, value in read.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in page()
    assert "@import" not in page()
    assert ("lang", "en") in read.attributes
    assert ("name", "viewport") in read.attributes


@pytest.mark.parametrize("code", language_codes()[1:])
def test_a_page_is_in_one_language_alone(code: str) -> None:
    untold = verdict("insufficient", reason=Reason("budget"))
    transports = [{"app": "telegram", "medium": "voice", "transport": "tls/443", "carries": True}]
    with speaking(language(code)):
        pages = [page(untold), page(transports=transports), page(verdict("unreachable"))]
    for read in map(Reader, pages):
        assert {("lang", code), ("dir", language(code).direction)} <= set(read.attributes)
        names = {"Telegram", "TLS", "UTC", "talkpath", "deep", "app"}
        assert set(re.findall("[A-Za-z]{2,}", read.text)) <= names


def test_commands_in_a_sentence_stand_out() -> None:
    written = check_page.check_page(facts(), [verdict("insufficient", reason=Reason("budget"))], {"transports": []})
    assert "<code>--deep</code>" in written
    assert "`" not in Reader(written).text


def test_dark_print_and_phone_are_provided_for() -> None:
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 34rem"):
        assert rule in page()


def test_what_comes_from_the_lab_says_so() -> None:
    assert "SIMULATED" in Reader(page()).text
    real = check_page.html_page("Title", [], simulated=False)
    assert "SIMULATED" not in real


def test_text_cannot_become_markup() -> None:
    written = html_document(element("head"), element("body", element("p", "<script>x</script> & more", title='"<b>"')))
    assert "<script>" not in written
    assert Reader(written).text.strip() == "<script>x</script> & more"


def test_every_label_that_is_told_stands_with_its_mark_and_what_it_never_means() -> None:
    for state, label in sentences.state_labels().items():
        text = Reader(page(verdict(state))).text
        assert f"{sentences.STATE_MARKS[state]}\N{NO-BREAK SPACE}{label}" in text
        assert text.partition("it never means")[2].count(label) == 1
        others = [each for each in sentences.state_labels().values() if each != label]
        assert not any(each in text.partition("it never means")[2] for each in others)  # nothing to explain of those


@pytest.mark.parametrize("state", list(sentences.STATE_MARKS))
def test_any_state_makes_a_page(state: str) -> None:
    reason = Reason("canary") if state == "insufficient" else None
    text = Reader(page(verdict(state, reason=reason))).text
    assert sentences.state_labels()[state] in text


def test_a_check_without_facts_makes_a_page() -> None:
    nothing = facts()
    written = check_page.check_page(nothing, [verdict("unreachable")], {"transports": []})
    assert "svg" not in Reader(written).names


def test_messages_are_not_tested_by_a_real_check() -> None:
    text = Reader(page()).text
    assert "Not tested: messages, video." in text
    assert "not tested" not in text.partition("In words")[0]  # a column of it in each row


def test_the_pictures_stand_in_the_order_of_the_table_and_say_what_they_leave_out() -> None:
    first, second = epoch(range(SLOTS), range(SLOTS)), replace(epoch(range(SLOTS), range(SLOTS)), app="signal")
    verdicts = [replace(verdict("ok"), app="signal"), verdict("ok")]  # in the order of the check
    written = check_page.check_page(facts(first, second), verdicts, {"transports": []})
    charts = Reader(written).text.partition("Not tested")[2].partition("In words")[0]
    assert charts.index("Telegram, voice") < charts.index("Signal, voice")
    assert "Calls that last through the check are not drawn." in charts


def test_a_result_without_a_sign_has_no_moment_at_which_it_was_known() -> None:
    assert "known after" in Reader(page()).text
    assert "known after" not in Reader(page(verdict("ok"))).text


def test_mechanism_interval_time_and_transports_are_in_the_table() -> None:
    transports = [
        {"app": "telegram", "medium": "voice", "transport": "udp/443", "carries": False},
        {"app": "telegram", "medium": "voice", "transport": "tls/443", "carries": True},
        {"app": "signal", "medium": "voice", "transport": "tcp/8443", "carries": True},
    ]
    text = Reader(page(transports=transports)).text
    space = "\N{NO-BREAK SPACE}"
    assert "about 50% (42% to 58%)" in text
    assert f"known after 1.5{space}s" in text
    assert "still carried by TLS 443" in text
    assert "8443" not in text


# -- the table ---------------------------------------------------------------------------------------------------


def test_what_still_carries_a_call() -> None:
    tried = [{"app": "telegram", "medium": "voice", "transport": f"udp/{port}", "carries": False} for port in (1, 2)]
    assert carrying_transports(RESTRICTED, []) == ""
    assert carrying_transports(RESTRICTED, tried) == "none of 2 tried"


def test_rows_are_apps_and_cells_media() -> None:
    text = Verdict("telegram", "", "text", "ok", basis="signalling")
    other = Verdict("signal", "ringrtc", "video", "ok")
    matrix = matrix_rows([RESTRICTED, other, text])
    assert [(row.name, sorted(row.cells)) for row in matrix] == [("Telegram", ["text", "voice"]), ("Signal", ["video"])]


# -- the picture -------------------------------------------------------------------------------------------------


def test_a_curve_is_the_share_that_arrived() -> None:
    up, down = arrival_curves([epoch(list(range(0, SLOTS, 2)), range(SLOTS))], ARM)
    assert (up.call_sent, up.call_arrived, up.twin_sent, up.twin_arrived) == (320, 160, 320, 320)
    assert up.gap == pytest.approx(0.5)
    assert set(down.call) == {1.0}
    assert up.at_s[0] == pytest.approx(0.2 + up.bin_s / 2, abs=1e-3)
    assert up.bin_s == pytest.approx(0.78 / 11)
    assert all(0.3 < share < 0.7 for share in up.call[:-1] if share is not None)


def test_a_freeze_falls_to_nothing() -> None:
    up, _ = arrival_curves([epoch(range(20), range(SLOTS))], ARM)
    assert up.call[0] == 1.0
    assert up.call[-1] == 0.0
    assert set(up.twin) == {1.0}


def test_other_questions_and_the_canary_are_left_out() -> None:
    plain = epoch(range(SLOTS), range(SLOTS))
    assert arrival_curves([epoch([], range(SLOTS), question=RateContrast(0.5))], ARM) == []
    last = [replace(flow, canary=True) for flow in plain.flows[-2:]]
    up, _ = arrival_curves([replace(plain, flows=(*plain.flows[:-2], *last))], ARM)
    assert (up.call_sent, up.twin_sent) == (320, 280)


def test_set_up_is_counted_in_flows() -> None:
    found = setup_answers([epoch([], range(SLOTS))], ARM)
    assert (found.calls, found.calls_answered, found.twins, found.twins_answered) == (8, 0, 8, 8)


def test_the_picture_says_in_words_what_it_shows() -> None:
    up, _ = arrival_curves([epoch([], range(SLOTS))], ARM)
    drawn = arrival_chart(up, SetUp(8, 8, 8, 8), "restricted", "Telegram, voice")
    assert drawn.get("role") == "img"
    assert drawn.findtext("title") == "Telegram, voice, sent by you"
    assert drawn.findtext("desc") == "Packets that arrived: calls 0%, control traffic 100%."
    kinds = {path.get("class") for path in drawn.iter("path")}
    assert {"twin", "call restricted", "bar twin", "bar restricted"} <= kinds


def test_a_call_that_is_never_set_up_is_told_by_its_set_up() -> None:
    up, _ = arrival_curves([epoch(range(SLOTS), range(SLOTS))], ARM)
    assert chart_description(up, SetUp(8, 0, 8, 8)) == "Set-ups answered: calls 0 of 8, control traffic 8 of 8."


def test_every_point_lies_in_the_picture() -> None:
    up, _ = arrival_curves([epoch(list(range(0, SLOTS, 3)), range(SLOTS))], ARM)
    for path in arrival_chart(up, SetUp(8, 4, 8, 8), "ok", "x").iter("path"):
        for x, y in re.findall(r"(\d+(?:\.\d+)?) (\d+(?:\.\d+)?)", path.get("d", "")):
            assert 0 <= float(x) <= 200
            assert 0 <= float(y) <= 104
