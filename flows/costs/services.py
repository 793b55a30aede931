"""Set and remove budgets, each with its ledger entry."""

from datetime import datetime

from django.db import transaction

from flows.costs.budgets import (
    DIGITS,
    BudgetKey,
    BudgetSettings,
    compute_digest,
    settings_of,
    write_to_row,
)
from flows.services.errors import ServiceError
from flows.spending.amounts import format_amount
from flows.spending.limits import describe_payer, known_budgets
from flows.spending.models import Budget
from workbench.accounts.actors import Actor
from workbench.audit.services import record


class BudgetUnknown(ServiceError):
    """There is no such budget."""


class BudgetInvalid(ServiceError):
    """The budget does not hold: ``field`` says where, ``problem`` what to write instead."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}", "Correct it, then save again.")


@transaction.atomic
def set_budget(*, key: BudgetKey, settings: BudgetSettings, actor: Actor, now: datetime) -> Budget:
    """Set a budget, or change it. Equal settings change and record nothing.

    Raises: BudgetInvalid.
    """
    row = _find_locked(key)
    if problem := _find_problem(key, settings, is_new=row is None):
        raise BudgetInvalid(*problem)
    before = settings_of(row) if row is not None else {}
    row = row or Budget(payer=key.payer, name=key.name, period=key.period, revision=0)
    write_to_row(row, settings)
    if before == settings_of(row):
        return row
    row.revision += 1
    row.changed_at, row.changed_by = now, actor.name[:150]
    row.save()
    # As the database keeps it.
    row.refresh_from_db()
    _record("budget.set", row, actor, now)
    return row


@transaction.atomic
def remove_budget(*, key: BudgetKey, actor: Actor, now: datetime) -> None:
    """Remove a budget, so that it stops nothing any more. Raises: BudgetUnknown."""
    row = _find_locked(key)
    if row is None:
        raise BudgetUnknown("There is no such budget.", "Look at the list.")
    _record("budget.removed", row, actor, now)
    row.delete()


def _find_locked(key: BudgetKey) -> Budget | None:
    rows = Budget.objects.select_for_update()
    return rows.filter(payer=key.payer, name=key.name, period=key.period).first()


def _find_problem(
    key: BudgetKey, settings: BudgetSettings, *, is_new: bool
) -> tuple[str, str] | None:
    """One that is there may be changed although its flow or connection is gone."""
    if is_new and (problem := key.find_problem()):
        return problem
    if not round(settings.amount, DIGITS) > 0:
        return "amount", f"Write an amount above 0, of {DIGITS} decimal places at most."
    return None


def _record(action: str, row: Budget, actor: Actor, now: datetime) -> None:
    record(
        action=action,
        subject=("budget", ".".join(BudgetKey.of(row).parts)),
        actor=actor,
        payload={
            "whose": describe_payer(row),
            "payer": row.payer,
            "name": row.name,
            "period": row.period,
            "amount": format_amount(row.amount),
            "warn_at": row.warn_at,
            "when_reached": row.when_reached,
            "revision": row.revision,
            "digest": compute_digest(row),
        },
        now=now,
    )
    known_budgets.forget()
    transaction.on_commit(known_budgets.forget)
