"""Measures how many checks one far end can run at once, with real Chromiums at one server that has priority over them.

    python scripts/browser_load.py 4 voice      four pages at once
    python scripts/browser_load.py 3 video

Prints one JSON object: the server's lateness for each page (99th percentile, ms; 5 voids delay, 50 everything), and the
share of a core that its process used. On a small machine the pages themselves are late, which says nothing about the
server. Needs what scripts/browser_cases.py needs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from browser_cases import NEAR, WEB, be_prompt, certificate_options, respond_arguments
from browser_near import NAME
from talkpath.lab.drivers import namespace, netns
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.lab.scenario import Scenario

FAR = "talkpath.browser.far_end.far_end_process"
LONGEST_S = 400
BEHIND = ["nice", "-n", "20"]
# The far end, where that is allowed: browsers take no core from it, as on a machine of its own.
FIRST = ["chrt", "--fifo", "1"] if os.geteuid() == 0 else []
APART_S = 1.0


def used_s() -> float:
    """CPU seconds of this run's far ends so far."""
    parents, used = dict[int, int](), dict[int, float]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            if FAR in folder.joinpath("cmdline").read_text():
                used[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return sum(seconds for process, seconds in used.items() if os.getpid() in ancestors_of_process(process, parents))


def ancestors_of_process(process: int, parents: dict[int, int]) -> set[int]:
    """The processes that a process descends from."""
    found: set[int] = set()
    while (process := parents.get(process, 0)) and process not in found:
        found.add(process)
    return found


def play_pages(pages: int, media: str) -> dict[str, Any]:
    """All pages at once, each started APART_S after the one before."""
    network = Scenario.parse("clean", ()).network()
    with TemporaryDirectory() as scratch, netns.netns_lab(network) as lab:
        far = [*FIRST, sys.executable, *respond_arguments(scratch), *certificate_options(scratch)]
        lab.start(RESPONDER.name, far).line("link")
        before_s, began_s, running = used_s(), time.monotonic(), []
        for number in range(pages):
            near = [*BEHIND, sys.executable, str(NEAR), f"https://{NAME}:{WEB}", f"{scratch}/{number}.json", media]
            running.append(lab.start(LAB_PROBE.name, near))
            time.sleep(APART_S)
        codes = [each.finish(LONGEST_S).exit_code for each in running]
        told = [json.loads(file.read_text())["result"] for file in sorted(Path(scratch).glob("*.json"))]
        span_s, cpu_s = time.monotonic() - began_s, used_s() - before_s
        lab.stop()
    verdicts = [[verdict["state"] for verdict in each.get("json", {}).get("verdicts", [])] for each in told]
    return {
        "pages": pages,
        "media": media,
        "failed": sum(map(bool, codes)),
        "span_s": span_s,
        "cores": cpu_s / span_s,
        "server_late_ms": [each.get("server_late_ms") for each in told],
        "states": verdicts,
    }


def main() -> None:
    """Play it."""
    be_prompt()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(NEAR.parent), os.environ.get("PYTHONPATH"))))
    namespace.enter_namespace()
    sys.stdout.write(json.dumps(play_pages(int(sys.argv[1]), sys.argv[2])) + "\n")


if __name__ == "__main__":
    main()
