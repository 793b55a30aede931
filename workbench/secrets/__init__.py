"""Secrets: written by people, read by machines alone, never shown again.

Values are encrypted with AES-256-GCM under a key outside the database, bound to name and version.
"""
