"""Try a draft on the canvas: play it in memory, pin outputs, answer checkpoints, keep a test."""
