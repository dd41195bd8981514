"""Worker processes, which run beside the intake's process: `pool`, and `parent_exit` (they end with their parent)."""
