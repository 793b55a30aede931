"""Merkle trees of RFC 9162, section 2.1. Pure. Hashes are lower-case hex."""

import hashlib
from collections.abc import Sequence


def node_hash(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def merkle_root(leaves: Sequence[str]) -> str:
    """Return the root over leaf hashes that already carry their 0x00 prefix."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = list(leaves)
    while len(level) > 1:
        # Pairing from the left and carrying an odd last node up gives the RFC's tree, whose left
        # side is the largest power of two.
        level = [_pair(level, i) for i in range(0, len(level), 2)]
    return level[0]


def inclusion_proof(leaves: Sequence[str], index: int) -> list[tuple[str, str]]:
    """Return the path from a leaf to the root as ("left" | "right", sibling's hash) steps."""
    path: list[tuple[str, str]] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(("left" if sibling < index else "right", level[sibling]))
        level = [_pair(level, i) for i in range(0, len(level), 2)]
        index //= 2
    return path


def root_from_proof(leaf: str, path: Sequence[tuple[str, str]]) -> str:
    """Return the root that a leaf and its path lead to."""
    for side, sibling in path:
        leaf = node_hash(sibling, leaf) if side == "left" else node_hash(leaf, sibling)
    return leaf


def _pair(level: list[str], i: int) -> str:
    return node_hash(level[i], level[i + 1]) if i + 1 < len(level) else level[i]
