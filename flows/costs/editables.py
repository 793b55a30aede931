"""A budget as something that people edit and save whole."""

from flows.costs.budgets import compute_digest
from flows.spending.models import Budget
from workbench.http.revisions import Change, Editable

BUDGET = Editable(
    Budget.objects,
    "the budget",
    ("payer", "name", "period"),
    compute_digest,
    lambda row: Change(row.changed_by, row.changed_at),
)
