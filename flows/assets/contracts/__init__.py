"""Contracts of step outputs as a kind of asset."""
