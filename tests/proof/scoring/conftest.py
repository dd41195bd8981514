"""Makes made_rows.py importable for the modules here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
