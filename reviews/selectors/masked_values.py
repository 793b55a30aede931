"""The tokens in what a case shows."""

import json

from flows.selectors.masked_values import find_codes
from reviews.models import Case


def list_case_codes(case: Case) -> set[str]:
    """Return the codes of the tokens in what a case shows. No query."""
    shown = json.dumps([case.shown, case.fields], ensure_ascii=False, default=str)
    return find_codes([case.title, case.summary, shown])
