"""Runs a host or the client as a program of its own.

python -m talkpath.lab.messenger serve PORT PEM [ADDRESS]   a host with that identity; prints "ready"
python -m talkpath.lab.messenger ask JSON                   `ExchangeRequest` in, a JSON list of `Exchange` out
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from talkpath.lab.messenger.client import ExchangeRequest, ask_all_rounds, serve_messenger


def main() -> None:
    """Does what the first argument says."""
    command, *rest = sys.argv[1:]
    if command == "serve":
        serve_messenger(int(rest[0]), Path(rest[1]), *rest[2:])
    else:
        exchanges = ask_all_rounds(msgspec.json.decode(rest[0], type=ExchangeRequest))
        sys.stdout.write(msgspec.json.encode(exchanges).decode() + "\n")


if __name__ == "__main__":
    main()
