"""The Merkle trees of RFC 9162, against a direct reading of its definition."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audit.merkle import inclusion_proof, merkle_root, node_hash, root_from_proof

LEAVES = [hashlib.sha256(bytes([0, i])).hexdigest() for i in range(70)]


def root_by_definition(leaves: list[str]) -> str:
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(root_by_definition(leaves[:k]), root_by_definition(leaves[k:]))


@pytest.mark.parametrize("size", range(1, 70))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert merkle_root(LEAVES[:size]) == root_by_definition(LEAVES[:size])


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle_root([]) == hashlib.sha256(b"").hexdigest()


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_every_leaf_proves_that_it_is_in_the_tree(case: tuple[int, int]) -> None:
    size, index = case
    path = inclusion_proof(LEAVES[:size], index)
    assert root_from_proof(LEAVES[index], path) == merkle_root(LEAVES[:size])
    other = LEAVES[(index + 1) % len(LEAVES)]
    assert root_from_proof(other, path) != merkle_root(LEAVES[:size])
