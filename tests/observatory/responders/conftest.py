"""The tests here start test servers as tests/cli does, and make files of networks as tests/responder does."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
sys.path += [str(TESTS / "cli"), str(TESTS / "responder")]
