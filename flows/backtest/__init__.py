"""Play a draft over recorded runs, without any effect, to see what would have come out."""
