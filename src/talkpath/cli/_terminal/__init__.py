"""What all commands share at a terminal: where they print, in which language, their help and their exit codes."""
