"""Checkpoints for other engines: they ask for a decision by API and are called back with it.

Each is a run of one small flow (ask people, tell the caller). So it survives a crash and can be
watched, retried and audited as any run.
"""
