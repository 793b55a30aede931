"""The secrets that a document reads, and which of them its flow may not use."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from flows.graph.model import Document
from flows.graph.problems import Problem, error
from flows.graph.view import View, walk_texts
from flows.steps.catalogue import catalogue
from workbench.secrets.services import list_usable
from workbench.secrets.uses import flow_use

Json = Any
WORD = "secrets"


class SecretUse(NamedTuple):
    """A secret that a step reads, and the field in which it does."""

    step: str
    field: str
    secret: str


def list_secret_uses(document: Document) -> list[SecretUse]:
    """Return each reading of a secret in the document. No queries."""
    if not _names_secrets(document):
        return []
    return [
        SecretUse(used.step, used.field, secret)
        for used in View(document, catalogue()).uses
        for secret in sorted(used.expression.secrets)
    ]


def find_unusable_secrets(flow: str, uses: Collection[SecretUse]) -> Iterator[Problem]:
    """Yield an error for each secret that is unknown or not for this flow: one query, if any.

    Both read alike: who may edit one flow learns nothing of the secrets of others.
    """
    usable = list_usable({use.secret for use in uses}, use=flow_use(flow)) if uses else frozenset()
    for use in uses:
        if use.secret not in usable:
            yield error(
                "secret.unusable",
                use.step,
                use.field,
                f"There is no secret {use.secret} that this flow may use.",
                f"An administrator can set it, with `{flow_use(flow)}` among its `uses`.",
            )


def _names_secrets(document: Document) -> bool:
    """Return whether any text could read a secret: compiling all to find none would cost."""
    parts: list[Mapping[str, Json] | Json] = [step.config for step in document.steps.values()]
    return any(WORD in text for part in (*parts, document.output) for _, text in walk_texts(part))
