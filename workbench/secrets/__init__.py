"""Secrets: people write them, only steps read them, nobody is shown them again.

Values are encrypted with AES-256-GCM, bound to name and version, by a key outside the database.
"""
