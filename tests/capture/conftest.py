"""Makes the makers of captures, here and beside the tests of the reader, importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.with_name("wire"))]
