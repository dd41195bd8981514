"""Makes the capture reader of tests/apps and the writer beside these tests importable: neither imports `src`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.with_name("apps"))]
