"""A contender whose processes run: what all of them can be asked to do."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.conversation import ProcessFailed, Speaker, ask_all

# In a burst, so many threads decide at once.
DECIDERS = 8
FOLLOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The processes of a contender that answer requests, by what they do.

    ``starters`` share the flows of W1 and the runs that wait; ``deciders`` decide; ``witnesses``
    know when the step after a decision began.
    """

    starters: Sequence[Speaker]
    deciders: Sequence[Speaker] = ()
    witnesses: Sequence[Speaker] = ()

    def linear(self, runs: int) -> float:
        """Run flows of ten trivial steps. Return steps a second, from first start to last end."""
        shares = [{"runs": share} for share in _split(runs, len(self.starters))]
        answers = ask_all(self.starters, "linear", shares)
        seconds = max(a["ended"] for a in answers) - min(a["began"] for a in answers)
        return float(sum(a["steps"] for a in answers) / seconds)

    def decide(self, count: int, pace_seconds: float) -> tuple[list[float], float]:
        """Start runs that wait, decide each, and see when its next step began.

        A pace of 0 decides all at once. Returns the seconds from each decision's commit until its
        next step began, and the runs resumed a second, from the first decision to the last such
        step.
        """
        shares = [{"count": share} for share in _split(count, len(self.starters))]
        waiting = ask_all(self.starters, "pause", shares)
        if len(self.deciders) == 1:
            waiting = [[id_ for ids in waiting for id_ in ids]]
        # Two deciders at half the pace make as many decisions a second as one.
        how = {"pace_seconds": pace_seconds * len(self.deciders), "threads": DECIDERS}
        decided = _merge(ask_all(self.deciders, "decide", [{"ids": ids, **how} for ids in waiting]))
        began = self._wait_for_next_steps(len(decided))
        waits = [began[id_] - committed for id_, (_, committed) in decided.items()]
        seconds = max(began.values()) - min(taken_up for taken_up, _ in decided.values())
        return waits, count / seconds

    def _wait_for_next_steps(self, count: int) -> dict[str, float]:
        """Return when the step after each decision began. Each witness tells what is new to it."""
        began: dict[str, float] = {}
        deadline = time.monotonic() + FOLLOW_SECONDS
        while len(began) < count:
            began |= _merge(ask_all(self.witnesses, "stamps", [{}] * len(self.witnesses)))
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"Only {len(began)} of {count} decisions had a next step in time."
                )
            time.sleep(0.05)
        return began


def _split(count: int, parts: int) -> list[int]:
    return [count // parts + (n < count % parts) for n in range(parts)]


def _merge(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for answer in answers for key, value in answer.items()}
