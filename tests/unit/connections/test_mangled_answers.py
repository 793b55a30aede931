"""Whatever a server answers, an adapter reads a reply that can be kept, or says AnswerUnfit."""

import copy
import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.connections.adapters.contract import AnswerUnfit, ModelReply
from flows.steps.models import InferenceRequest
from tests.models.asking import make_endpoint
from tests.models.recordings import Recording, list_recordings
from workbench.values.checking import check_value

Json = Any
RECORDINGS = list_recordings()


def nest(levels: int, inner: Json) -> Json:
    for _ in range(levels):
        inner = [inner]
    return inner


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "0.5", "1", "", "\ud800", "\x00", 1e308, 2**60, -1, 0.5])
)
anything = (
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
        ),
        max_leaves=12,
    )
    | st.integers(90, 10_000).map(lambda levels: nest(levels, 0.5))
    | st.fixed_dictionaries({"error": st.just("the model is not loaded")})
)


def list_places(value: Json) -> list[tuple[Json, Any]]:
    """Return each place in the value, as the container and the key in it."""
    found: list[tuple[Json, Any]] = []
    waiting = [value]
    while waiting:
        current = waiting.pop()
        keys = list(current) if isinstance(current, dict) else range(len(current))
        for key in keys:
            found.append((current, key))
            if isinstance(current[key], dict | list):
                waiting.append(current[key])
    return found


@st.composite
def mangled(draw: st.DrawFn, body: Json) -> Json:
    """Draw the body with up to three places changed, taken out or doubled; or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(anything)
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        places = list_places(body)
        if not places:
            break
        container, key = places[draw(st.integers(0, len(places) - 1))]
        how = draw(st.sampled_from(["change", "take out", "double"]))
        if how == "change":
            container[key] = draw(anything)
        elif how == "take out":
            del container[key]
        elif isinstance(container, list):
            container.append(container[key])
    return body


def requests_of(recording: Recording) -> list[InferenceRequest]:
    return [InferenceRequest("scorecard", each) for each in recording.inputs]


def check_reply(reply: ModelReply) -> None:
    check_value(dict(reply.output))
    assert reply.confidence is None or 0 <= reply.confidence <= 1
    assert isinstance(reply.version, str)
    assert isinstance(reply.request_id, str)
    assert all(math.isfinite(each.contribution) for each in reply.reasons)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
@given(data=st.data())
def test_a_mangled_answer_is_read_or_unfit(recording: Recording, data: st.DataObject) -> None:
    adapter, endpoint = make_endpoint(recording.kind, "http://127.0.0.1", recording.options)
    body = data.draw(mangled(json.loads(recording.singles[0].text)))
    try:
        reply = adapter.read(endpoint, requests_of(recording)[0], body)
    except AnswerUnfit:
        pass
    else:
        check_reply(reply)


@pytest.mark.parametrize(
    "recording", [each for each in RECORDINGS if each.batch], ids=lambda each: each.name
)
@given(data=st.data())
def test_a_mangled_answer_to_a_batch_is_read_or_unfit(
    recording: Recording, data: st.DataObject
) -> None:
    adapter: Any
    adapter, endpoint = make_endpoint(recording.kind, "http://127.0.0.1", recording.options)
    asked = requests_of(recording)
    assert recording.batch is not None
    body = data.draw(mangled(json.loads(recording.batch.text)))
    try:
        replies: Sequence[ModelReply] = adapter.read_batch(endpoint, asked, body)
    except AnswerUnfit:
        pass
    else:
        assert len(replies) == len(asked)
        for each in replies:
            check_reply(each)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("<html>", ""),
        ([], ""),
        (None, ""),
        (nest(10_000, 1), ".".join(["0"] * 100)),
        ({"error": "no such model"}, "error"),
        ({"score": math.nan}, "score"),
    ],
    ids=["text", "list", "empty", "10,000 levels", "an error", "NaN"],
)
def test_what_no_server_may_answer_is_unfit(recording: Recording, body: Json, field: str) -> None:
    adapter, endpoint = make_endpoint(recording.kind, "http://127.0.0.1", recording.options)
    with pytest.raises(AnswerUnfit) as unfit:
        adapter.read(endpoint, requests_of(recording)[0], body)
    assert unfit.value.field == field
