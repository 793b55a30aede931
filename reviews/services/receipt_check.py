"""Say what of a decision is not as it was: its receipt, the case, what it was made from, files."""

from dataclasses import dataclass, field
from typing import Literal

from flows.services.sealed_check import list_changed_files, list_changed_outputs
from reviews.models import Case, Decision
from reviews.rules.documents import get_artifact_digest, list_files
from reviews.services import ledger_check
from reviews.services.shown_check import find_differences, get_made_from

MOST_BYTES = 20 * 1024 * 1024  # of a file, while somebody waits for the page


@dataclass(frozen=True, slots=True)
class Difference:
    """What was changed outside, past the application.

    ``name`` is the step or the title of the file; ``parts`` are the fields.
    """

    kind: Literal["receipt", "case", "step", "file"]
    name: str = ""
    parts: list[str] = field(default_factory=list)
    detail: str = ""

    @property
    def place(self) -> str:
        """What it is about, such as ``step fields``."""
        return f"{self.kind} {self.name}".strip()


def check_receipt(case: Case, decision: Decision) -> list[Difference]:
    """Return what is not as it was when the decision was made, none if all is. Ten queries.

    Files of more than 20 MB are left to the verification of the ledger.
    """
    receipt = [
        Difference("receipt", detail=detail) for detail in ledger_check.list_changes(decision)
    ]
    parts = find_differences(case, decision.receipt)
    return [*receipt, *_describe_case(parts), *_check_steps(case), *_check_files(decision)]


def _describe_case(parts: list[str]) -> list[Difference]:
    if not parts:
        return []
    detail = "Not what the case had when it opened, and no person\u2019s change is recorded."
    return [Difference("case", parts=parts, detail=detail)]


def _check_steps(case: Case) -> list[Difference]:
    found = list_changed_outputs(case.run_id, get_made_from(case))
    detail = "Not what the step had written."
    return [Difference("step", step, parts, detail) for step, parts in found.items()]


def _check_files(decision: Decision) -> list[Difference]:
    shown = decision.receipt["evidence"].get("shown") or {}
    titles = {
        digest: str(each.get("title") or "File")
        for each in list_files(shown)
        if (digest := get_artifact_digest(each.get("artifact")))
    }
    detail = "Not the file that was shown, or gone."
    changed = list_changed_files(titles, MOST_BYTES)
    return [Difference("file", titles[digest], detail=detail) for digest in changed]
