"""The model: kinds of runs, and for each input how its run must end, whatever breaks on the way."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any
STEPS = "tests.chaos.storm.steps"
NEWER = "tests.chaos.storm.newer"
QUEUE, POLICY, REVIEWER = "storm", "storm", "storm-reviewer"
# A worker may be lost or stopped in any attempt; these retries are for what the sink does.
RETRY = {"max_attempts": 8, "initial_seconds": 0.2, "max_seconds": 1}
EVENT = "storm.happened"
LARGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Expected:
    """How a run must end.

    ``effects`` gives, for each label, the fewest and the most distinct idempotency keys under which
    the sink may have heard of it. ``error_kind`` is that of a failed run.
    """

    status: str = "completed"
    outcome: str = ""
    output: Json = None
    error_kind: str = ""
    effects: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A flow, the inputs it is given, and what the model says of an input.

    ``needs`` names what the harness must do for the run to end: ``event``, ``case``, ``cancel``,
    ``pause``. ``weight`` is its share of the starts.
    """

    name: str
    document: Mapping[str, Json]
    expect: Callable[[Json], Expected]
    weight: float = 1.0
    make: Callable[[random.Random], dict[str, Json]] = lambda _: {}
    needs: str = ""

    def input(self, chance: random.Random, key: str) -> dict[str, Json]:
        return {"key": key, **self.make(chance)}


def once(*labels: str) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(labels, (1, 1))


def call(function: str, **options: Json) -> dict[str, Json]:
    """Return a python step; ``options`` are its arguments."""
    module = NEWER if function == "stamp" else STEPS
    made: dict[str, Json] = {
        "type": "python",
        "with": {"function": f"{module}:{function}", "args": options},
    }
    return made


def effect(label: str, **options: Json) -> dict[str, Json]:
    return {**call("effect", run="${ input.key }", label=label, **options), "retry": RETRY}


def flow(edges: str, output: Json = None, **steps: Json) -> dict[str, Json]:
    """Return a document; ``edges`` is ``a -> b, b.port -> c``."""
    lines = [line.split("->") for line in edges.split(",")]
    named = [(source.strip(), target.strip()) for source, target in lines]
    return {
        "steps": steps,
        "edges": [f"{a if '.' in a else a + '.done'} -> {b}" for a, b in named],
        "output": output or {},
    }


def wait(seconds: Json) -> dict[str, Json]:
    return {"type": "wait", "with": {"seconds": seconds}}


def join(**options: Json) -> dict[str, Json]:
    return {"type": "join", "with": options}


def end(outcome: str) -> dict[str, Json]:
    return {"type": "end", "with": {"outcome": outcome}}


def transform(output: Json) -> dict[str, Json]:
    return {"type": "transform", "with": {"output": output}}


# --- In a row, by choice, in a loop -------------------------------------------------------

LINEAR = Kind(
    "linear",
    flow(
        "a -> b, b -> c, c -> d, d -> e",
        output={"sum": "${ steps.b.output.sum }"},
        a=effect("a"),
        b=transform({"sum": "${ input.n + 1 }"}),
        c=effect("c"),
        d=call("length", text="${ input.key }"),
        e=end("through"),
    ),
    lambda given: Expected("completed", "through", {"sum": given["n"] + 1}, effects=once("a", "c")),
    weight=5,
    make=lambda chance: {"n": chance.randrange(1000)},
)

CHOICE = Kind(
    "choice",
    flow(
        "route.low -> low, route.high -> high, low -> last, high -> last",
        route={
            "type": "branch",
            "with": {"cases": [{"port": "low", "when": "input.n < 500"}], "otherwise": "high"},
        },
        low=effect("low"),
        high=effect("high"),
        last=effect("last"),
    ),
    lambda given: Expected(effects=once("low" if given["n"] < 500 else "high", "last")),
    weight=3,
    make=lambda chance: {"n": chance.randrange(1000)},
)

LOOP = Kind(
    "loop",
    flow(
        "begin -> more, more.page -> turn, turn -> count, count -> more, count.limit -> last,"
        " more.done -> last",
        begin=effect("begin"),
        more={
            "type": "branch",
            "with": {
                "cases": [
                    {
                        "port": "page",
                        "when": "(has(steps.count) ? steps.count.output.n : 0) < input.times",
                    }
                ],
                "otherwise": "done",
            },
        },
        turn=effect("turn"),
        count={
            **transform({"n": "${ has(steps.count) ? steps.count.output.n + 1 : 1 }"}),
            "max_visits": 20,
        },
        last=effect("last"),
    ),
    lambda given: Expected(effects={"turn": (given["times"],) * 2, **once("begin", "last")}),
    weight=3,
    make=lambda chance: {"times": chance.randint(1, 5)},
)

# --- In parallel --------------------------------------------------------------------------

PARALLEL_STEPS = {name: effect(name) for name in ("x", "y", "z", "after")}
SPLIT = "begin -> x, begin -> y, begin -> z, x -> meet, y -> meet, z -> meet, meet -> after"

ALL = Kind(
    "all",
    flow(SPLIT, begin=effect("begin"), meet=join(), **PARALLEL_STEPS),
    lambda _: Expected(effects=once("begin", "x", "y", "z", "after")),
    weight=4,
)

COUNT = Kind(
    "count",
    flow(SPLIT, begin=effect("begin"), meet=join(mode="count", n=2), **PARALLEL_STEPS),
    lambda _: Expected(effects=once("begin", "x", "y", "z", "after")),
    weight=2,
)

ANY = Kind(
    "any",
    flow(
        "begin -> x, begin -> y, begin -> never, x -> meet, y -> meet, never -> meet, meet -> last",
        begin=effect("begin"),
        x=effect("x"),
        y=effect("y"),
        never=wait(86_400),
        meet=join(mode="any", cancel_others=True),
        last=effect("last"),
    ),
    lambda _: Expected(effects={**once("begin", "last"), "x": (0, 1), "y": (0, 1)}),
    weight=3,
)

# --- Failing ------------------------------------------------------------------------------

RETRIED = Kind(
    "retried",
    flow(
        "work -> last",
        work={
            **call("flaky", run="${ input.key }", label="work", fail_times="${ input.fail_times }"),
            "retry": RETRY,
        },
        last=effect("last"),
    ),
    lambda _: Expected(effects=once("work", "last")),
    weight=2,
    make=lambda chance: {"fail_times": chance.randint(0, 3)},
)

CAUGHT = Kind(
    "caught",
    flow(
        "work.error -> caught, work -> wrong",
        work=call("fatal"),
        caught=effect("caught"),
        wrong=effect("wrong"),
    ),
    lambda _: Expected(effects=once("caught")),
)

FAILED = Kind(
    "failed",
    flow("begin -> work, work -> wrong", begin=effect("a"), work=call("fatal"), wrong=effect("w")),
    lambda _: Expected("failed", error_kind="asked", effects=once("a")),
)

UNDONE = Kind(
    "undone",
    flow(
        "book -> pay, pay.error -> undo, undo -> told",
        book={**effect("book"), "compensate": "unbook"},
        unbook=effect("unbook"),
        pay=call("fatal"),
        undo={"type": "compensate"},
        told=effect("told"),
    ),
    lambda _: Expected(effects=once("book", "unbook", "told")),
)

POISON = Kind(
    "poison",
    flow("begin -> die, die -> wrong", begin=effect("a"), die=call("deadly"), wrong=effect("w")),
    lambda _: Expected("failed", error_kind="poison", effects=once("a")),
    weight=0.06,
)

POISON_CAUGHT = Kind(
    "poison-caught",
    flow("die.error -> caught, die -> w", die=call("deadly"), caught=effect("c"), w=effect("w")),
    lambda _: Expected(effects=once("c")),
    weight=0.03,
)

# --- Waiting ------------------------------------------------------------------------------

TIMED = Kind(
    "timed",
    flow(
        "a -> pause, pause -> b, b -> again, again -> c",
        a=effect("a"),
        pause=wait("${ input.seconds }"),
        b=effect("b"),
        again=wait(0.3),
        c=effect("c"),
    ),
    lambda _: Expected(effects=once("a", "b", "c")),
    weight=3,
    make=lambda chance: {"seconds": round(chance.uniform(0.1, 3), 2)},
)

HEARD = Kind(
    "heard",
    flow(
        "a -> hear, hear -> b",
        output={"heard": "${ steps.hear.output.payload.key }"},
        a=effect("a"),
        hear={
            "type": "event.wait",
            "with": {"event": EVENT, "key": "${ input.key }", "earlier_seconds": 86_400},
        },
        b=effect("b"),
    ),
    lambda given: Expected(output={"heard": given["key"]}, effects=once("a", "b")),
    weight=3,
    needs="event",
)

TOLD = Kind(
    "told",
    flow(
        "begin -> tell, begin -> hear, tell -> meet, hear -> meet, meet -> last",
        begin=effect("begin"),
        tell={"type": "event.emit", "with": {"event": "storm.told", "key": "${ input.key }"}},
        hear={
            "type": "event.wait",
            "with": {
                "event": "storm.told", "key": "${ input.key }", "earlier_seconds": 86_400,
            },
        },
        meet=join(),
        last=effect("last"),
    ),
    lambda _: Expected(effects=once("begin", "last")),
    weight=2,
)  # fmt: skip

CANCELLED = Kind(
    "cancelled",
    flow(
        "a -> never, never -> wrong",
        a=effect("a"),
        never={"type": "event.wait", "with": {"event": "storm.never", "key": "${ input.key }"}},
        wrong=effect("wrong"),
    ),
    lambda _: Expected("cancelled", error_kind="cancelled", effects={"a": (0, 1)}),
    needs="cancel",
)

PAUSED = Kind(
    "paused",
    flow("a -> b, b -> c, c -> d", **{name: effect(name) for name in "abcd"}),
    lambda _: Expected(effects=once("a", "b", "c", "d")),
    needs="pause",
)

DECIDED = Kind(
    "decided",
    flow(
        "a -> review, review.approved -> yes, review.rejected -> no",
        output={"outcome": "${ steps.review.output.outcome }"},
        a=effect("a"),
        review={
            "type": "review.case",
            "with": {
                "queue": QUEUE, "sla": POLICY, "title": "${ input.key }",
                "allow": ["approved", "rejected"],
            },
        },
        yes=effect("yes"),
        no=effect("no"),
    ),
    lambda given: Expected(
        output={"outcome": given["decide"]},
        effects=once("a", "yes" if given["decide"] == "approved" else "no"),
    ),
    weight=1.5,
    make=lambda chance: {"decide": chance.choice(["approved", "rejected"])},
    needs="case",
)  # fmt: skip

# --- Calling other flows ------------------------------------------------------------------

CHILD = Kind(
    "child",
    flow(
        "a -> b",
        output={"twice": "${ steps.b.output.twice }"},
        a=effect("${ input.label }"),
        b=transform({"twice": "${ input.n * 2 }"}),
    ),
    lambda given: Expected(output={"twice": given["n"] * 2}),
    weight=0,
)

CALLING = Kind(
    "calling",
    flow(
        "sub -> last",
        output={"twice": "${ steps.sub.output.output.twice }"},
        sub={
            "type": "subflow",
            "with": {
                "flow": "child",
                "input": {"key": "${ input.key }", "label": "child", "n": "${ input.n }"},
            },
        },
        last=effect("last"),
    ),
    lambda given: Expected(output={"twice": given["n"] * 2}, effects=once("child", "last")),
    weight=2,
    make=lambda chance: {"n": chance.randrange(1000)},
)

EACH = Kind(
    "each",
    flow(
        "each -> last",
        output={"items": "${ steps.each.output.items.map(item, item.twice) }"},
        each={
            "type": "for_each",
            "with": {
                "flow": "child",
                "items": "${ input.items }",
                "concurrency": 2,
                "input": {"key": "${ input.key }", "label": "child", "n": "${ item }"},
            },
        },
        last=effect("last"),
    ),
    lambda given: Expected(
        output={"items": [n * 2 for n in given["items"]]},
        effects={"child": (len(given["items"]),) * 2, **once("last")},
    ),
    weight=1,
    make=lambda chance: {"items": [chance.randrange(100) for _ in range(chance.randint(1, 5))]},
)

# --- Large, limited, by HTTP, newer -------------------------------------------------------

LARGE = Kind(
    "large",
    flow(
        "make -> measure, measure -> last",
        output={"size": "${ steps.measure.output }"},
        make=call("large", size="${ input.size }"),
        measure=call("length", text="${ steps.make.output }"),
        last=effect("last"),
    ),
    lambda given: Expected(output={"size": given["size"]}, effects=once("last")),
    weight=0.2,
    make=lambda chance: {"size": LARGE_BYTES + chance.randrange(1000)},
)

LIMITED = Kind(
    "limited",
    flow(
        "a -> b",
        a={**effect("a"), "limit": {"key": "storm", "concurrency": 4}},
        b=effect("b"),
    ),
    lambda _: Expected(effects=once("a", "b")),
)


def requesting(sink: str) -> Kind:
    """Return the kind whose effect is made by ``http.request``; ``sink`` is host and port."""
    request = {
        "url": f"http://{sink}/effect",
        "method": "POST",
        "body": {"run": "${ input.key }", "label": "a"},
    }
    steps = {"a": {"type": "http.request", "with": request, "retry": RETRY}, "b": effect("b")}
    return Kind("requesting", flow("a -> b", **steps), lambda _: Expected(effects=once("a", "b")))


NEW_FUNCTION = Kind(
    "new-function",
    flow(
        "a -> b, b -> c",
        a=effect("a"),
        b={**call("stamp", run="${ input.key }", label="b"), "retry": RETRY},
        c=effect("c"),
    ),
    lambda _: Expected(effects=once("a", "b", "c")),
)

NEW_TYPE = Kind(
    "new-type",
    flow(
        "a -> b",
        a={
            "type": "storm.newer",
            "with": {"run": "${ input.key }", "label": "a"},
            "retry": RETRY,
        },
        b=effect("b"),
    ),
    lambda _: Expected(effects=once("a", "b")),
    weight=0.3,
)


def kinds(sink: str) -> Sequence[Kind]:
    """Return every kind; a called flow stands before those that call it."""
    return (
        CHILD, LINEAR, CHOICE, LOOP, ALL, COUNT, ANY, RETRIED, CAUGHT, FAILED, UNDONE, POISON,
        POISON_CAUGHT, TIMED, HEARD, TOLD, CANCELLED, PAUSED, DECIDED, CALLING, EACH, LARGE,
        LIMITED, requesting(sink), NEW_FUNCTION, NEW_TYPE,
    )  # fmt: skip
