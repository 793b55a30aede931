"""Try a draft on the canvas: play it in memory, pin outputs, decide at checkpoints, keep tests."""
