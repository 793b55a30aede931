"""Checkpoints for other engines: they ask for a decision by API and are called back with it.

Each is a run of one small flow (ask people, tell the caller), so that what holds for any run holds
for it: it survives a crash, can be watched, retried and audited.
"""
