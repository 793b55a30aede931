"""Prompts, and a step type that fills one, as a step that asks a language model would."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from flows.assets.kinds import get_kind
from flows.assets.models import Asset, AssetVersion
from flows.assets.services import create_asset, publish_asset, save_draft
from flows.models import Flow, FlowVersion
from flows.services import create_flow, publish_version
from flows.steps.base import Result, RunningStep, StepConfig, StepContext
from flows.steps.prompts import get_prompt_source
from flows.steps.registry import all_step_types, register
from tests.factories.people import ACTOR

Json = Any
TRIAGE: Json = {
    "description": "Sorts letters to a bank.",
    "variables": {
        "letter": {"type": "string", "title": "Letter", "sample": "My card is lost."},
        "notes": {"type": "array", "title": "Notes", "required": False},
    },
    "parts": [
        {"role": "system", "text": "Sort letters to a bank. Answer with JSON."},
        {"role": "user", "text": "Letter:\n{letter}\nNotes: {notes}"},
    ],
    "examples": [{"variables": {"letter": "Where is my money?"}, "answer": {"topic": "payment"}}],
    "answer": {
        "type": "object",
        "required": ["topic"],
        "properties": {"topic": {"enum": ["card", "payment", "other"]}},
    },
    "parameters": {"temperature": 0},
    "tests": [
        {
            "name": "A lost card",
            "expect": [{"kind": "schema"}, {"kind": "equals", "value": {"topic": "card"}}],
            "recorded": {"answer": {"topic": "card"}},
        }
    ],
}
# What each call of the step was asked, in order.
asked: list[tuple[str, str]] = []

if "test.prompted" not in {type_.name for type_ in all_step_types()}:

    @register
    class Prompted(RunningStep):
        """Fills a prompt, and answers with its label and its last message."""

        name = "test.prompted"
        title = "Prompted"
        asks_model = True

        class Config(StepConfig):
            prompt: str
            variables: dict[str, Any] = {}

        def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
            name = config.get("prompt")
            return (f"prompt/{name}",) if isinstance(name, str) and name else ()

        def run(self, ctx: StepContext, config: Config) -> Result:
            pinned = ctx.pins.get(f"prompt/{config.prompt}")
            filled = get_prompt_source().fill(config.prompt, pinned, config.variables)
            asked.append((filled.label, filled.messages[-1].text))
            output = {"label": filled.label, "text": filled.messages[-1].text}
            return Result(output, provenance={"model": "test", "prompt": filled.label})


def make_prompt(name: str = "triage", *, publish: bool = True, **changes: Json) -> Asset:
    """Make a prompt, with version 1 released unless ``publish`` is False."""
    asset = create_asset(
        kind=get_kind("prompt"), name=name, title="Letter triage", content={**TRIAGE, **changes},
        actor=ACTOR, now=timezone.now(),
    )  # fmt: skip
    if publish:
        publish_prompt(asset, "First")
    asset.refresh_from_db()
    return asset


def change_prompt(asset: Asset, *, release: bool = True, **changes: Json) -> AssetVersion:
    """Publish a version of the prompt with these changes."""
    asset.refresh_from_db()
    content = {**asset.draft, **changes}
    asset = save_draft(
        asset_id=asset.pk, title=None, content=content, actor=ACTOR, now=timezone.now()
    )
    return publish_prompt(asset, "Changed", release=release)


def reword(asset: Asset, text: str) -> AssetVersion:
    """Publish and release a version whose user part is this text."""
    return change_prompt(asset, parts=[{"role": "user", "text": text}])


def publish_prompt(asset: Asset, note: str, *, release: bool = True) -> AssetVersion:
    return publish_asset(
        asset_id=asset.pk, revision=asset.draft_revision, note=note, author=None, actor=ACTOR,
        now=timezone.now(), release=release,
    )  # fmt: skip


def make_prompted_flow(name: str = "letters", prompt: str = "triage", **more: Json) -> Flow:
    """Make a flow whose step ``sort`` fills the prompt, with version 1 released."""
    from flows.graph.codec import parse

    variables = {"letter": "${ input.letter }", "notes": ["new"]}
    document = {
        "schema": "countersign/flow@1",
        "name": name,
        "title": "Letters",
        "steps": {
            "sort": {
                "type": "test.prompted", "with": {"prompt": prompt, "variables": variables}, **more,
            },
            "end": {"type": "end", "with": {"outcome": "${ steps.sort.output.label }"}},
        },
        "edges": ["sort.done -> end"],
    }  # fmt: skip
    flow = create_flow(
        name=name, title="Letters", document=parse(document), author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    publish_again(flow)
    flow.refresh_from_db()
    return flow


def publish_again(flow: Flow) -> FlowVersion:
    """Publish and release the flow's draft as it is."""
    flow.refresh_from_db()
    return publish_version(
        flow_id=flow.pk, note="As it is", author=None, actor=ACTOR, now=timezone.now(),
        revision=flow.draft_revision,
    )  # fmt: skip
