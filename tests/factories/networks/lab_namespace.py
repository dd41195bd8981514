"""The fixture by which tests call a function of their own inside a fresh network namespace."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talkpath.lab.drivers import namespace

InLab = Callable[..., Any]

ROOT = Path(__file__).parents[3]
IMPORTED = [str(ROOT / "tests"), str(ROOT)]  # where the factories and `proof` are
_CALL = """
import importlib, json, sys
module, name, arguments = json.loads(sys.argv[1])
print(json.dumps(getattr(importlib.import_module(module), name)(*arguments)))
"""


@pytest.fixture(scope="session")
def in_lab() -> InLab:
    """`in_lab(function, *arguments)`: the result of a test module's function, called in a fresh namespace.

    Arguments and result go as JSON. The function's module can be imported there, and in every process that
    it starts, by its plain name.
    """
    if reason := namespace.why_unavailable():
        pytest.skip(reason)

    def call(function: Callable[..., Any], *arguments: object, timeout_s: float = 60.0) -> Any:
        file = Path(inspect.getfile(function))
        path = filter(None, [os.environ.get("PYTHONPATH")])
        what = json.dumps([file.stem, function.__name__, arguments])
        done = subprocess.run(
            namespace.namespace_command([sys.executable, "-W", "error", "-c", _CALL, what]),
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(file.parent), *IMPORTED, *path])},
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert not done.stderr, done.stderr.decode()
        return json.loads(done.stdout)

    return call
