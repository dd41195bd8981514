"""Listens on an interface with `talkpath.listen` and the link that is given, for so many seconds; prints JSON: whether
it showed the call while that went on, and what each recording says."""

from __future__ import annotations

import json
import sys
from typing import Any

import talkpath


def main(link: str, seconds: float) -> None:
    moments: list[dict[str, Any]] = []

    def look(moment: dict[str, Any]) -> None:
        if not moments:
            print("listening", flush=True)  # noqa: T201
        moments.append(moment)

    found = [one.record for one in talkpath.listen(interface="eth0", link=link, seconds=seconds, progress=look)]
    shown = any(call["running"] for moment in moments for call in moment["calls"])
    print(json.dumps({"shown": shown, "recordings": found}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
