"""Policies as a kind of asset, and what is attached to the points where they decide."""
