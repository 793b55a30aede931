"""Draw runs and cases at random but repeatably. Pure: a key is drawn always, or never."""

import hashlib

WHOLE = 2**64


def is_drawn(percent: float, *key: object) -> bool:
    """Return whether the key is among ``percent`` of all keys.

    The draw is a hash of the key, so it can be repeated and proved later, no process can draw
    twice with different results, and raising the share keeps what was drawn before.
    """
    return compute_place(*key) < percent / 100 * WHOLE


def compute_place(*key: object) -> int:
    """Return a number below 2**64 that is spread evenly over keys."""
    text = "\0".join(str(part) for part in key)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
