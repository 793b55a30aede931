"""The pages of flows, runs and the machinery that drives them."""
