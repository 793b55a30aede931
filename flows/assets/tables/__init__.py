"""Decision tables as assets: edited as a grid, tested by row, pinned by flows."""
