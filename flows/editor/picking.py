"""What a field of the inspector offers: the models that a flow may ask, and the prompts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from flows.assets.selectors import list_assets
from flows.connections.models import Connection
from flows.selectors.model_uses import StepModel, find_unusable_models
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.language import list_language_providers
from flows.steps.models import list_providers
from workbench.accounts.permissions import can

Json = Any


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a field offers. ``refused`` are there, but not for this flow. ``new_url`` makes one."""

    word: str
    options: Sequence[Option] = ()
    refused: Sequence[Option] = ()
    new_url: str = ""


@dataclass
class Picks:
    """The offers of one form, each made when a field first asks for it."""

    flow: str
    person: Any
    own: str = "model"
    _made: dict[str, Offer] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: str, person: Any, schema: Mapping[str, Json]) -> "Picks":
        """Return the offers for a step's form; ``own`` are those of its own field ``model``."""
        own = (schema.get("properties") or {}).get("model") or {}
        return cls(flow, person, own.get("picks", "model"))

    def get(self, name: str) -> Offer:
        name = self.own if name == "own" else name
        if name not in self._made:
            self._made[name] = _OFFERS[name](self)
        return self._made[name]


def _offer_prompts(picks: Picks) -> Offer:
    options = [Option(each.name, each.title) for each in list_assets("prompt") if each.released_id]
    url = reverse("flows:prompt-create") if can(picks.person, "prompts.edit") else ""
    return Offer("prompt", options, (), url)


def _offer_models(serves: str) -> Callable[[Picks], Offer]:
    def offer(picks: Picks) -> Offer:
        names = _list_served(serves)
        titles = dict(Connection.objects.filter(name__in=names).values_list("name", "title"))
        uses = [StepModel(name, "", name, serves) for name in names]
        refused = {problem.step for problem in find_unusable_models(picks.flow, uses)}
        options = [Option(name, titles.get(name, name)) for name in sorted(names)]
        url = reverse("flows:connection-kinds") if can(picks.person, "connections.manage") else ""
        return Offer(
            "model",
            [each for each in options if each.name not in refused],
            [each for each in options if each.name in refused],
            url,
        )

    return offer


def _list_served(serves: str) -> set[str]:
    """Return the names of all models, or of all language models. At most one query."""
    try:
        load_functions()
    except UnknownFunction:
        return set()
    if serves == "language":
        return {name for each in list_language_providers() for name in each.language_models()}
    return {name for each in list_providers() for name in each.models()}


_OFFERS: Mapping[str, Callable[[Picks], Offer]] = {
    "model": _offer_models("model"),
    "language": _offer_models("language"),
    "prompt": _offer_prompts,
}
