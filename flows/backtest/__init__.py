"""A draft played over recorded runs: what would have come out, without touching anything."""
