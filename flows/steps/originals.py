"""Where the originals of tokens are kept. The runtime, which encrypts them, registers as keeper."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from flows.guards.masking import Original, label_of


class OriginalKeeper(Protocol):
    """Keeps what a run's tokens stand for."""

    def keep(self, run_id: int, step: str, originals: Sequence[Original]) -> Mapping[Original, str]:
        """Return the token of each original: the one that it has in the run, or a new one."""


class NoKeeping:
    """Gives tokens that nobody can turn back, for tests, previews and backtests."""

    def keep(self, run_id: int, step: str, originals: Sequence[Original]) -> Mapping[Original, str]:
        counts: dict[str, int] = {}
        tokens = {}
        for each in originals:
            label = label_of(each.kind)
            counts[label] = counts.get(label, 0) + 1
            tokens[each] = f"[{label} {counts[label]} test]"
        return tokens


_keeper: OriginalKeeper = NoKeeping()


def register_original_keeper(keeper: OriginalKeeper) -> None:
    """Let originals be kept by ``keeper``."""
    global _keeper  # noqa: PLW0603 - one a process
    _keeper = keeper


def get_original_keeper() -> OriginalKeeper:
    return _keeper
