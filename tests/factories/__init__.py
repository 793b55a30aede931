"""Functions that make what a test needs, one module for each domain."""
