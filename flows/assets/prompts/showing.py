"""What the page of a prompt shows of a content."""

from collections.abc import Iterator
from typing import Any

from flows.assets.examples import get_example_source
from flows.assets.kinds import Content, Piece
from flows.assets.prompts.content import get_samples, is_required
from flows.assets.prompts.filling import Prompt, split_placeholders, to_text
from flows.steps.prompts import VariablesRefused

Json = Any


def show(content: Content) -> dict[str, Any]:
    """Return the content in the form of its template, with the messages that the samples give."""
    parts = [{**part, "pieces": _mark(part["text"])} for part in content.get("parts", [])]
    return {
        "content": {**content, "parts": parts},
        "variables": list(_list_variables(content)),
        "examples": list(_list_examples(content)),
        **_fill(content),
    }


def _mark(text: str) -> list[Piece]:
    """Return the pieces of a text; the placeholders among them are ``new``."""
    return [Piece("new" if is_placeholder else "same", piece)
            for piece, is_placeholder in split_placeholders(text)]  # fmt: skip


def _list_variables(content: Content) -> Iterator[dict[str, Json]]:
    for name, variable in content.get("variables", {}).items():
        type_ = variable.get("type", "any")
        yield {
            "name": name,
            "title": variable.get("title", ""),
            "type": " or ".join(type_) if isinstance(type_, list) else type_,
            "required": is_required(variable),
            "sample": to_text(variable["sample"]) if "sample" in variable else "",
        }


def _list_examples(content: Content) -> Iterator[dict[str, Json]]:
    for example in content.get("examples", []):
        case = example.get("case")
        yield {
            "variables": [(name, to_text(value)) for name, value in example["variables"].items()],
            "answer": to_text(example["answer"]),
            "case": case,
            "url": get_example_source().address_of(case) if case else "",
        }


def _fill(content: Content) -> dict[str, Any]:
    """Return the messages that the samples give, or why there are none."""
    try:
        filled = Prompt("The prompt", content).fill(get_samples(content))
    except VariablesRefused as error:
        return {"unfilled": f"{error} Give it a sample to see the filled prompt."}
    except ValueError as error:
        return {"unfilled": str(error)}
    return {"messages": [{"role": each.role, "text": each.text} for each in filled.messages]}
