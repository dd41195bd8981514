"""Worker processes, which run beside the intake's process: `pool` starts them; they end with their parent."""
