"""Who shares a call, and how what it took is shared out."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.graph.model import Step
from flows.steps.base import Json
from flows.steps.infer import ModelInfer
from flows.steps.models import (
    Inference,
    InferenceRequest,
    InputRefused,
    LocalProvider,
    Reason,
    make_batch_key,
    share_out,
)


@given(total=st.floats(0, 1e6).map(lambda each: round(each, 6)), size=st.integers(1, 1000))
def test_shares_of_an_amount_add_up_and_differ_by_a_digit_at_most(total: float, size: int) -> None:
    shares = [each for each in share_out(total, size) if each is not None]
    assert len(shares) == size
    assert sum(shares) == pytest.approx(total, abs=1e-5)
    assert max(shares) - min(shares) <= 2.1e-6


@given(total=st.integers(0, 10**9), size=st.integers(1, 1000))
def test_shares_of_a_count_are_whole_and_add_up(total: int, size: int) -> None:
    shares = share_out(total, size)
    assert sum(each for each in shares if each is not None) == total
    assert all(isinstance(each, int) for each in shares)


def test_what_is_not_known_is_not_shared() -> None:
    assert share_out(None, 3) == [None, None, None]


def test_the_key_of_a_call_is_that_of_its_inputs_in_any_order() -> None:
    one, two = (InferenceRequest("m", 1, idempotency_key=key) for key in ("run-1", "run-2"))
    assert make_batch_key([one, two]) == make_batch_key([two, one])
    assert make_batch_key([one]) != make_batch_key([one, two])


class Doubler:
    """A model of this process that takes many inputs at once."""

    name, version, digest = "doubler", "1", "d"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(
        self, values: Mapping[str, Json]
    ) -> tuple[Mapping[str, Json], float, Sequence[Reason]]:
        [answer] = self.predict_many([values])
        return answer

    def predict_many(
        self, many: Sequence[Mapping[str, Json]]
    ) -> list[tuple[Mapping[str, Json], float, Sequence[Reason]]]:
        self.calls.append(len(many))
        return [({"twice": 2 * each["n"]}, 0.5, ()) for each in many]


def test_a_model_of_this_process_is_asked_for_many_at_once() -> None:
    local, model = LocalProvider(), Doubler()
    local.register(model)
    assert local.takes_many("doubler")
    assert not local.takes_many("another")
    given_: list[Json] = [{"n": 1}, "no object", {"n": 3}]
    asked = [InferenceRequest("doubler", each, idempotency_key=f"{each}") for each in given_]
    first, second, third = local.infer_many(asked)
    assert isinstance(first, Inference)
    assert isinstance(third, Inference)
    assert [first.output, third.output] == [{"twice": 2}, {"twice": 6}]
    assert isinstance(second, InputRefused)
    assert model.calls == [2]
    assert isinstance(local.infer_many([asked[1]])[0], InputRefused)


def test_a_step_may_both_choose_among_models_and_batch() -> None:
    config = {"model": "a", "input": {}, "batch": {"most": 8}, "routing": {"then": ["b"]}}
    assert not ModelInfer().check(Step(id="ask", type="model.infer", config=config))
