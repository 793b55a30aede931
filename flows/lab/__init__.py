"""Set a cutoff by looking at real values rather than by guessing."""
