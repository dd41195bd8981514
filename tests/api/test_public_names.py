"""`import talkpath` offers what it says, documented and typed, and loads it only when it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_type_hints

import pytest

import talkpath

NAMES = [name for name in talkpath.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(talkpath, name)
    documentation = inspect.getdoc(value)
    assert documentation
    assert documentation.partition("\n\n")[0].endswith((".", "?")), "it begins with a whole sentence"
    assert name in dir(talkpath)


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isfunction(getattr(talkpath, name))])
def test_a_public_function_is_typed_and_its_options_have_names(name: str) -> None:
    function = getattr(talkpath, name)
    parameters = inspect.signature(function).parameters
    assert all(parameter.annotation is not inspect.Parameter.empty for parameter in parameters.values())
    positional = [p for p in parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert len(positional) == 1, "one subject; options are given by name"
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty


def test_errors_have_one_root() -> None:
    errors = [getattr(talkpath, name) for name in NAMES if name.endswith("Error")]
    assert len(errors) == 6
    assert all(issubclass(error, talkpath.TalkpathError) for error in errors)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="measure_everything"):
        talkpath.measure_everything  # noqa: B018


def test_star_import_gives_all_of_it() -> None:
    code = "from talkpath import *\nimport talkpath\nassert set(talkpath.__all__) <= set(dir())"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_talkpath_loads_nothing_heavy() -> None:
    code = (
        "import sys, talkpath\n"
        "heavy = {'numpy', 'msgspec', 'cryptography', 'click', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_the_records_that_results_hold_are_public() -> None:
    """Whoever annotates a function of their own finds the types that results are made of."""
    (verdict,) = talkpath.simulate(apps=["webrtc"], seed=1).verdicts
    assert isinstance(verdict, talkpath.Verdict)
    recording = talkpath.Recording.__annotations__ | vars(talkpath.Recording)
    assert {"calls", "attempts", "streams", "verdicts"} <= set(recording)
    assert all(hasattr(talkpath, name) for name in ("Call", "Attempt", "Stream", "Facts", "Epoch", "Event", "Findings"))


def test_the_types_of_records_are_resolved() -> None:
    assert get_type_hints(talkpath.CheckProgress)["bytes_used"] is int
