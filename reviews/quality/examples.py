"""Decided cases as examples for prompts: what the person saw, and what they made of it.

They come from the rows of a dataset, so that nothing is told here that an export would mask.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from flows.assets.examples import CaseExample, ExamplesRefused, WantedExamples
from reviews.quality.rows import filter_facts, make_row
from workbench.accounts.permissions import Principal, can

Json = Any


class DecidedCases:
    """The source of examples: committed decisions of people."""

    def list_examples(
        self, wanted: WantedExamples, principal: Principal | None
    ) -> Sequence[CaseExample]:
        """Return the newest decided cases of a flow: one query. Raises: ExamplesRefused.

        What a case showed stands in its run too: whoever may see that may take examples of it.
        """
        if principal is not None and not can(principal, "runs.view", flow=wanted.flow):
            raise ExamplesRefused(f"You may not see the runs of the flow {wanted.flow!r}.")
        filter_: dict[str, Json] = {
            "flow": wanted.flow,
            "queue": wanted.queue,
            "only_corrected": wanted.only_corrected,
            "leave_out": list(wanted.leave_out),
        }
        # A check repeats a case that is decided already.
        facts = filter_facts(filter_).filter(check_kind="").order_by("-pk")[: wanted.count]
        return [_to_example(make_row(fact, filter_)) for fact in facts]

    def address_of(self, case: int) -> str:
        return reverse("reviews:case", args=[case])


def _to_example(row: Mapping[str, Json]) -> CaseExample:
    corrected = dict(row["fields"])
    old = {each["field"]: each["old"] for each in row["overrides"]}
    answer = {**row["form"], **corrected, "outcome": row["outcome"]}
    return CaseExample(case=row["case"], shown={**corrected, **old}, answer=answer)
