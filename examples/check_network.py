"""Place a check, keep its evidence, and report to a monitoring system by the exit code.

python check_network.py LINK [APP...]

Exit code 0 no sign of restriction, 1 signs of restriction, 3 not known.
"""

from __future__ import annotations

import sys

import talkpath

EVIDENCE = "check.talkpath"


def show(progress: talkpath.CheckProgress) -> None:
    """Say on standard error how far the check is."""
    print(f"{progress.app} {progress.medium}: {progress.question}, {progress.bytes_used:,} bytes", file=sys.stderr)


def main(link: str, apps: list[str]) -> int:
    """Check, print the result, keep the bundle; return the exit code."""
    try:
        result = talkpath.check(link, apps=apps, progress=show)
    except talkpath.TalkpathError as error:  # a link that is wrong, or a server that refuses
        print(error, file=sys.stderr)
        return 3
    print(result.text())
    result.save(EVIDENCE)
    states = {verdict.state for verdict in result.verdicts}
    if "restricted" in states:
        return 1
    return 0 if states == {"ok"} else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
