"""Flows to start from, and the functions that they call."""
