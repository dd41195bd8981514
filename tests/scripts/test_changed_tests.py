"""`make test-changed`: a change reaches the tests that import it, however far away."""

from __future__ import annotations

import pytest

import changed_tests

pytestmark = pytest.mark.long


def test_a_leaf_reaches_its_own_tests_and_little_else() -> None:
    picked = changed_tests.tests_of_change({"src/talkpath/capture/scrubbing/pseudonym.py"})
    assert "tests/capture/scrubbing/test_pseudonym.py" in picked
    assert "tests/verdict/test_oracle.py" not in picked
    assert "tests/test_house.py" in picked


def test_what_everything_stands_on_reaches_nearly_all() -> None:
    every = changed_tests.tests_of_change({"pyproject.toml"})
    assert len(changed_tests.tests_of_change({"src/talkpath/errors.py"})) > 0.7 * len(every)


def test_a_factory_reaches_the_tests_that_use_it() -> None:
    picked = changed_tests.tests_of_change({"tests/factories/checks/boxed.py"})
    assert "tests/verdict/rules/test_udp_freeze.py" in picked
    assert "tests/wire/rtc/test_stun.py" not in picked


def test_a_page_reaches_the_tests_that_name_it() -> None:
    assert "tests/test_readme.py" in changed_tests.tests_of_change({"README.md"})
