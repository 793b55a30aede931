"""Which models a step asks and in which order, as plain decisions; and that shadows change none."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.graph.model import Step
from flows.steps import models, shadows
from flows.steps.base import Result, StepFailure
from flows.steps.chat import Chat
from flows.steps.infer import ModelInfer
from flows.steps.models import Inference, InferenceRequest, Provenance
from flows.steps.routing import (
    Answer,
    Figures,
    RouteFailed,
    Routing,
    follow_route,
    list_shadows,
    plan_route,
)
from tests.unit.steps.contexts import context
from tests.waiting import until

NAMES = ["a", "b", "c", "d"]


def plan(model: str = "a", run_id: int = 1, **routing: Any) -> list[str]:
    figures = routing.pop("figures", {})
    return plan_route(
        model, Routing(**routing), run_id=run_id, step="ask",
        find_figures=lambda name: figures.get(name, Figures()),
    )  # fmt: skip


# --- The order ----------------------------------------------------------------------------------


def test_models_are_asked_in_the_order_in_which_they_are_listed() -> None:
    assert plan(then=["c", "b", "a", "c"]) == ["a", "c", "b"]


def test_the_cheapest_of_those_that_are_fast_enough_goes_first_and_slow_ones_last() -> None:
    figures = {
        "a": Figures(0.5, 90),
        "b": Figures(0.1, 900),
        "c": Figures(0.2, 100),
        "d": Figures(0.05, None),
    }
    routing: dict[str, Any] = {"then": ["b", "c", "d"], "order": "cheapest", "figures": figures}
    assert plan(**routing, within_ms=100) == ["c", "a", "d", "b"]
    assert plan(**routing) == ["d", "b", "c", "a"]


def test_a_model_of_unknown_price_goes_behind_those_whose_price_is_known() -> None:
    figures = {"b": Figures(2.0, 5)}
    assert plan(then=["b"], order="cheapest", figures=figures) == ["b", "a"]


@given(run_id=st.integers(0, 2**60), share=st.floats(0, 1))
def test_a_run_begins_with_the_same_model_each_time(run_id: int, share: float) -> None:
    first = plan(run_id=run_id, then=["c"], shares={"b": share})
    assert first == plan(run_id=run_id, then=["c"], shares={"b": share})
    assert first in (["b", "a", "c"], ["a", "c"])


def test_shares_are_those_of_many_runs() -> None:
    begun = Counter(plan(run_id=n, shares={"b": 0.1, "c": 0.3})[0] for n in range(10_000))
    assert begun["b"] == pytest.approx(1000, abs=100)
    assert begun["c"] == pytest.approx(3000, abs=150)
    assert plan(shares={"b": 1.0})[0] == "b"
    assert plan(shares={"b": 0.0}) == ["a"]


def test_a_shadow_is_no_model_of_the_route() -> None:
    assert list_shadows(Routing(shadow=["b", "c", "c"]), ["a", "b"]) == ["c"]


# --- Going along it -----------------------------------------------------------------------------

Outcome = float | None | str


def ask_by(ends: Mapping[str, Outcome]) -> Callable[[str], Answer[str]]:
    """Return a function by which each model answers with a confidence or fails with a kind."""

    def ask(name: str) -> Answer[str]:
        end = ends[name]
        if isinstance(end, str):
            raise StepFailure(f"{name} fails.", kind=end, retryable=end == "connection")
        return Answer(name, end)

    return ask


outcomes = st.one_of(st.none(), st.floats(0, 1), st.sampled_from(["connection", "contract"]))


@given(ends=st.dictionaries(st.sampled_from(NAMES), outcomes, min_size=1), limit=st.floats(0, 1))
def test_the_first_sure_answer_is_used_or_else_the_surest(
    ends: dict[str, Outcome], limit: float
) -> None:
    route = sorted(ends)
    answered = [name for name in route if not isinstance(ends[name], str)]
    sure = [name for name in answered if ends[name] is not None and ends[name] >= limit]  # type: ignore[operator]
    if not answered:
        with pytest.raises(RouteFailed) as caught:
            follow_route(route, ask_by(ends), unsure_below=limit)
        assert caught.value.retryable == ("connection" in ends.values())
        assert [each.ended for each in caught.value.tried] == ["failed"] * len(route)
        return
    routed = follow_route(route, ask_by(ends), unsure_below=limit)
    if sure:
        assert routed.value == sure[0]
        assert [each.model for each in routed.tried] == route[: route.index(sure[0]) + 1]
        assert routed.tried[-1].ended == "answered"
    else:
        surest = max(answered, key=lambda name: -1.0 if ends[name] is None else float(ends[name]))  # type: ignore[arg-type]
        assert routed.value == surest
        assert [each.model for each in routed.tried] == route


def test_without_a_bound_every_answer_is_sure() -> None:
    routed = follow_route(["a", "b"], ask_by({"a": None, "b": 1.0}), unsure_below=None)
    assert routed.value == "a"


def test_if_all_are_out_the_step_may_be_tried_again_after_the_soonest() -> None:
    waits = {"a": 9.0, "b": 4.0}

    def ask(name: str) -> Answer[str]:
        raise StepFailure("Out.", kind="connection", retry_after_seconds=waits[name])

    with pytest.raises(RouteFailed) as caught:
        follow_route(["a", "b"], ask, unsure_below=None)
    failure = caught.value
    assert (failure.kind, failure.retryable, failure.retry_after_seconds) == (
        "connection", True, 4.0,
    )  # fmt: skip
    assert failure.detail["route"][1] == {
        "model": "b", "ended": "failed", "kind": "connection", "confidence": None,
    }  # fmt: skip


def test_a_run_that_is_cancelled_asks_no_further_model() -> None:
    asked = []

    def ask(name: str) -> Answer[str]:
        asked.append(name)
        raise StepFailure("The run was cancelled.", kind="cancelled", retryable=False)

    with pytest.raises(StepFailure, match="cancelled"):
        follow_route(["a", "b"], ask, unsure_below=None)
    assert asked == ["a"]


# --- What is wrong with a config ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("routing", "code", "field"),
    [
        ({"then": ["b", "b"]}, "routing.twice", "with.routing.then[1]"),
        ({"then": ["a"]}, "routing.twice", "with.routing.then[0]"),
        ({"then": ["b"], "shadow": ["b"]}, "routing.twice", "with.routing.shadow[0]"),
        ({"shares": {"a": 0.5}}, "routing.twice", "with.routing.shares.a"),
        ({"shares": {"b": 0.7, "c": 0.4}}, "routing.shares", "with.routing.shares"),
        ({"shares": {"b": 1.5}}, "routing.shares", "with.routing.shares.b"),
        ({"unsure_below": 0.5}, "routing.unsure", "with.routing.unsure_below"),
        ({"order": "cheapest"}, "routing.order", "with.routing.order"),
        ({"then": ["b"], "within_ms": 9}, "routing.order", "with.routing.within_ms"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_a_remedy(
    routing: dict[str, Any], code: str, field: str
) -> None:
    step = Step(
        id="ask", type="model.infer", config={"model": "a", "input": {}, "routing": routing}
    )
    problem = ModelInfer().check(step)[0]
    assert (problem.code, problem.field) == (code, field)
    assert problem.remedy


@pytest.mark.parametrize(
    "routing",
    [
        {},
        {"then": ["b"], "shares": {"b": 0.5}},
        {"then": ["${ input.model }"], "shadow": ["${ input.model }"]},
        {"then": 3, "shares": [], "shadow": {"x": 1}},
        "nonsense",
        None,
    ],
)
def test_what_is_right_or_no_routing_at_all_has_no_problem_of_it(
    routing: Any, served: "Models"
) -> None:
    step = Step(
        id="ask", type="model.infer", config={"model": "a", "input": {}, "routing": routing}
    )
    assert list(ModelInfer().check(step)) == []
    ModelInfer().list_models(step.config)
    ModelInfer().optional_ports(step.config)


def test_a_language_model_that_gives_no_confidence_cannot_be_unsure() -> None:
    config = {"model": "a", "user": "?", "routing": {"then": ["b"], "unsure_below": 0.5}}
    [problem] = Chat().check(Step(id="ask", type="llm.chat", config=config))
    assert problem.code == "routing.unsure"
    config |= {"confidence": {"how": "probabilities"}}
    assert list(Chat().check(Step(id="ask", type="llm.chat", config=config))) == []


def test_every_model_of_a_routing_is_named_with_its_place() -> None:
    routing = {"then": ["b", "${ x }"], "shares": {"c": 0.1}, "shadow": ["d"]}
    for type_, serves in ((ModelInfer(), "model"), (Chat(), "language")):
        named = type_.list_models({"model": "a", "routing": routing})
        assert [tuple(each) for each in named] == [
            ("with.model", "a", serves),
            ("with.routing.then[0]", "b", serves),
            ("with.routing.shadow[0]", "d", serves),
            ("with.routing.shares.c", "c", serves),
        ]


# --- Shadows ------------------------------------------------------------------------------------


class Models:
    """A provider whose models each answer, fail or block as a test says."""

    name = "connection"

    def __init__(self) -> None:
        self.ends: dict[str, Any] = {}
        self.asked: list[InferenceRequest] = []
        self.released = threading.Event()

    def models(self) -> Mapping[str, str]:
        return dict.fromkeys(NAMES, "1")

    def infer(self, request: InferenceRequest) -> Inference:
        self.asked.append(request)
        end = self.ends[request.model]
        if end == "blocks":
            self.released.wait(10)
            end = 0.5
        if end == "breaks":
            raise ValueError("no failure that a provider may raise")
        if isinstance(end, str):
            raise StepFailure("No.", kind=end, retryable=False)
        made = Provenance(self.name, request.model, "1", cost=1.0, input_tokens=3, output_tokens=1)
        output = {"by": request.model} if end != -1 else {"number": float("nan")}
        return Inference(output, end if end != -1 else 0.5, [], made)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models()
    monkeypatch.setattr(models, "_PROVIDERS", {made.name: made})
    monkeypatch.setattr(models, "_LAST", {})
    return made


def run(routing: Mapping[str, Any], *, rehearse: bool = False) -> Result:
    config = ModelInfer.Config.model_validate({"model": "a", "input": {}, "routing": routing})
    type_ = ModelInfer()
    result = (type_.rehearse if rehearse else type_.run)(context(), config)
    assert isinstance(result, Result)
    return result


ends_of_shadows = st.one_of(
    st.none(), st.floats(0, 1), st.sampled_from(["contract", "breaks", "connection", -1])
)


@settings(max_examples=60, deadline=None)
@given(
    own=st.floats(0, 1),
    after=st.floats(0, 1),
    shadow_ends=st.lists(ends_of_shadows, min_size=1, max_size=2),
)
def test_a_shadow_never_changes_output_port_or_confidence(
    own: float, after: float, shadow_ends: list[Any]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        served = Models()
        patch.setattr(models, "_PROVIDERS", {served.name: served})
        patch.setattr(models, "_LAST", {})
        beside = NAMES[2 : 2 + len(shadow_ends)]
        served.ends = {"a": own, "b": after, **dict(zip(beside, shadow_ends, strict=True))}
        routing = {"then": ["b"], "unsure_below": 0.5}
        alone = run(routing)
        shadowed = run({**routing, "shadow": beside, "shadow_wait_ms": 5000})
    assert (shadowed.output, shadowed.port, shadowed.ports) == (
        alone.output, alone.port, alone.ports,
    )  # fmt: skip
    made, without = dict(shadowed.provenance or {}), alone.provenance or {}
    told = made.pop("shadow")
    assert [each["model"] for each in told] == beside
    assert made["charges"][: len(without["charges"])] == without["charges"]
    assert {**made, "charges": None} == {**without, "charges": None}


def test_a_shadow_that_is_late_is_dropped_and_its_cost_counted_when_it_comes(
    served: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []
    monkeypatch.setattr("flows.steps.routed.count_late", lambda *late: counted.append(late))
    served.ends = {"a": 0.9, "c": "blocks", "d": 0.3}
    result = run({"shadow": ["c", "d"], "shadow_wait_ms": 300})
    assert [
        (each["model"], each["ended"], each["kind"]) for each in result.provenance["shadow"]
    ] == [
        ("c", "dropped", "late"),
        ("d", "answered", None),
    ]
    assert [each["model"] for each in result.provenance["charges"]] == ["a", "d"]
    assert not counted
    served.released.set()
    until(lambda: counted, "the late shadow's cost")
    [(flow, charges, late_of)] = counted
    assert (flow, [each["model"] for each in charges], late_of) == ("loan", ["c"], "c")


def test_what_one_model_was_paid_is_told_where_the_next_one_breaks(served: Models) -> None:
    served.ends = {"a": 0.3, "b": "breaks"}
    result = run({"then": ["b"], "unsure_below": 0.5})
    assert [(each["model"], each["ended"]) for each in result.provenance["route"]] == [
        ("a", "unsure"),
        ("b", "failed"),
    ]
    assert [each["model"] for each in result.provenance["charges"]] == ["a"]


def test_no_more_shadows_are_asked_than_there_are_places(
    served: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "_places", threading.BoundedSemaphore(1))
    served.ends = {"a": 0.9, "c": "blocks", "d": 0.3}
    result = run({"shadow": ["c", "d"], "shadow_wait_ms": 0})
    assert [each["kind"] for each in result.provenance["shadow"]] == ["late", "busy"]
    served.released.set()
    until(lambda: shadows._places.acquire(blocking=False), "the end of the shadow")


def test_a_rehearsal_follows_the_route_without_shadows(served: Models) -> None:
    served.ends = {"a": "contract", "b": 0.4}
    result = run({"then": ["b"], "shadow": ["c"]}, rehearse=True)
    assert [each.model for each in served.asked] == ["a", "b"]
    assert "shadow" not in (result.provenance or {})


def test_each_model_of_a_route_is_asked_with_a_key_of_its_own(served: Models) -> None:
    served.ends = {"a": "contract", "b": 0.4}
    result = run({"then": ["b"]})
    assert [each.idempotency_key for each in served.asked] == ["run-12-5-2-a", "run-12-5-2-b"]
    assert all(each.routed for each in served.asked)
    assert result.provenance["model"] == "b"
    assert [each["ended"] for each in result.provenance["route"]] == ["failed", "answered"]


def test_what_a_failed_route_cost_is_told(served: Models) -> None:
    served.ends = {"a": "contract", "b": "connection"}
    with pytest.raises(StepFailure) as caught:
        run({"then": ["b"]})
    assert caught.value.provenance["charges"] == []
    assert [each["kind"] for each in caught.value.provenance["route"]] == ["contract", "connection"]
