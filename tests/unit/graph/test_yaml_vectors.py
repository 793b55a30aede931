"""What a value is in YAML; the canvas is held to the same vectors."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml

pytestmark = pytest.mark.unit
VECTORS = Path(__file__).parents[2] / "vectors" / "yaml" / "scalars.json"


@pytest.mark.parametrize(
    "vector", json.loads(VECTORS.read_text())["vectors"], ids=lambda v: v["text"] or "nothing"
)
def test_a_value_is_what_the_shared_vectors_say(vector: dict[str, Any]) -> None:
    text = f"a: {vector['text']}\n"
    if "refused" in vector:
        with pytest.raises(TextProblem) as refusal:
            read_yaml(text)
        assert refusal.value.code == vector["refused"]
    else:
        value = read_yaml(text)[0]["a"]
        assert (value, type(value)) == (vector["value"], type(vector["value"]))
