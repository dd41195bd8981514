"""Verify the bundles of a folder, judge them again, and print a line for each verdict.

python judge_bundles.py FOLDER

Exit code 4 where a bundle was changed after it was signed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import talkpath


def main(folder: Path) -> int:
    """Print the verdicts of each bundle; return the exit code."""
    changed = 0
    for file in sorted(folder.glob("*.talkpath")):
        try:
            bundle = talkpath.read_bundle(file)
        except talkpath.BundleError as error:
            print(f"{file.name}: {error}")
            changed += 1
            continue
        verification = talkpath.verify(bundle)
        signer = "signed by a test server" if verification.signed_by_server else "the device's own word"
        origin = "SIMULATED" if verification.simulated else signer
        for verdict in talkpath.judge(bundle).verdicts:
            mechanism = f" ({verdict.rule})" if verdict.rule else ""
            print(f"{file.name}: {verdict.app} {verdict.medium}: {verdict.state}{mechanism}, {origin}")
    return 4 if changed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
