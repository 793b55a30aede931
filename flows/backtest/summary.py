"""The summary of a backtest, to which each played part is added. Pure.

{
  "runs": 500, "noisy": 3,
  "kinds": {"flipped": 12, "rerouted": 4, "changed": 0, "same": 480, "unanswered": 4},
  "answers": {"recorded": 980, "asked": 16, "missing": 4, "stale": 0, "priced": 4, "price": 0.2},
  "matrix": {"approved": {"approved": 300, "declined": 12}},      baseline, then draft
  "lanes": {"draft": {"people_runs": 120, "people": 131, "seconds": 80.2, "cost": 0.0}, …},
  "first": {"route": 16},                                        first step that differs
  "steps": {"review": [120, 132]},                               visits: baseline, draft
  "exits": {"route.unsure": [120, 132]},
  "assumed": {"notify": 12}                                      draft runs, by step
}

Runs of the kind unanswered are in "runs", "kinds" and "answers" alone, as nobody knows what they
would come to. "price" is about what those "priced" of the missing answers would cost.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from flows.backtest.book import Tally
from flows.backtest.lanes import Lane
from flows.backtest.models import RunKind
from flows.backtest.playing import Replay

Json = Any
LANES = ("recorded", "baseline", "draft")


def make_empty_summary() -> dict[str, Json]:
    """Return the summary of a backtest that has played nothing yet."""
    figures = {"people_runs": 0, "people": 0, "seconds": 0.0, "cost": 0.0}
    return {
        "runs": 0,
        "noisy": 0,
        "kinds": dict.fromkeys(RunKind.values, 0),
        "answers": Tally().as_json(),
        "matrix": {},
        "lanes": {lane: dict(figures) for lane in LANES},
        "first": {},
        "steps": {},
        "exits": {},
        "assumed": {},
    }


def add_replays(summary: dict[str, Json], replays: Iterable[Replay]) -> dict[str, Json]:
    """Return ``summary`` (empty at first) with these replays added to it, in place."""
    found = summary or make_empty_summary()
    for replay in replays:
        _add(found, replay)
    return found


def _add(found: dict[str, Json], replay: Replay) -> None:
    found["runs"] += 1
    found["kinds"][replay.kind.value] += 1
    for name, count in replay.tally.as_json().items():
        found["answers"][name] += count
    if replay.kind is RunKind.UNANSWERED:
        return
    found["noisy"] += replay.is_noisy
    row = found["matrix"].setdefault(replay.baseline.verdict, {})
    row[replay.draft.verdict] = row.get(replay.draft.verdict, 0) + 1
    for name in LANES:
        _add_lane(found["lanes"][name], getattr(replay, name))
    if replay.first_step:
        found["first"][replay.first_step] = found["first"].get(replay.first_step, 0) + 1
    for index, lane in enumerate((replay.baseline, replay.draft)):
        _count(found["steps"], index, Counter(each.step for each in lane.path))
        _count(found["exits"], index, Counter(_list_exits(lane)))
    for step in replay.draft.assumed:
        found["assumed"][step] = found["assumed"].get(step, 0) + 1


def _add_lane(figures: dict[str, Json], lane: Lane) -> None:
    figures["people_runs"] += bool(lane.people)
    figures["people"] += lane.people
    figures["seconds"] += lane.seconds
    figures["cost"] += lane.cost


def _list_exits(lane: Lane) -> Iterable[str]:
    return (f"{each.step}.{port}" for each in lane.path for port in each.port.split(",") if port)


def _count(found: dict[str, list[int]], index: int, counts: Counter[str]) -> None:
    for name, count in counts.items():
        found.setdefault(name, [0, 0])[index] += count
