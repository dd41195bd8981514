"""Write one CSV row for each call in a folder of recordings.

python calls_to_csv.py FOLDER > calls.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import talkpath

COLUMNS = ["file", "app", "start_s", "duration_s", "loss_received_pct", "voice_quality", "consistent_with"]


def main(folder: Path) -> None:
    """Write the rows to standard output; what is no recording is named on standard error."""
    rows = csv.DictWriter(sys.stdout, COLUMNS)
    rows.writeheader()
    for file in sorted(folder.rglob("*.pcap*")):
        try:
            recording = talkpath.read_capture(file)
        except talkpath.FileError as error:  # no capture, or it cannot be read: say so, and go on
            print(error, file=sys.stderr)
            continue
        for call, verdict in zip(recording.calls, recording.verdicts, strict=True):
            rows.writerow(
                {
                    "file": recording.name,
                    "app": call.app,
                    "start_s": round(call.start_s, 1),
                    "duration_s": round(call.duration_s, 1),
                    "loss_received_pct": verdict.figures.get("loss_down_pct"),
                    "voice_quality": verdict.figures.get("mos_down"),
                    "consistent_with": " ".join(verdict.alternatives),
                }
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
