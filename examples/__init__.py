"""Flows to start from, with the modules they call."""
