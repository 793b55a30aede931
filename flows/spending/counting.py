"""Count what attempts have paid, in the transaction that writes how they ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Field, Model

from flows.spending.models import Charge, Payer, Spent, StepSpent
from flows.steps.charges import list_charges
from flows.store.dialect import placeholders, split_rows
from flows.store.rows import Claim

Json = Any
_CENT = Decimal("0.000001")
# Bounds of what is written, so that a false figure spoils no sum for everybody else.
MOST_COST = Decimal(100_000_000)
MOST_TOKENS = 10**12
MOST_IN_A_SUM = Decimal(9_999_999_999)
_KEY = ("token_id", "activation", "attempt", "fence", "connection", "late_of")
_COLUMNS = (
    *_KEY, "run_id", "flow", "version_id", "step", "cost", "input_tokens", "output_tokens", "at",
)  # fmt: skip
_ROOT = "(SELECT root_id FROM flows_run WHERE id = %s)"
_ADDED = ("cost", "input_tokens", "output_tokens", "calls")


@dataclass(frozen=True, slots=True)
class Payment:
    """What one attempt paid to one connection."""

    connection: str
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Bill:
    """The payments of one attempt, or of a call that it did not wait for; see ``Charge``."""

    claim: Claim
    flow: str
    payments: Sequence[Payment]
    at: datetime
    late_of: str = ""


@dataclass(slots=True)
class _Sum:
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0

    def as_row(self) -> tuple[Any, ...]:
        return (
            min(self.cost, MOST_IN_A_SUM),
            *(getattr(self, column) for column in _ADDED[1:]),
        )

    def add(self, charge: Charge) -> None:
        self.cost += charge.cost
        self.input_tokens += charge.input_tokens
        self.output_tokens += charge.output_tokens
        self.calls += 1


def read_payments(provenance: Mapping[str, Json] | None) -> tuple[Payment, ...]:
    """Return what a provenance says was paid to connections. Never raises.

    A step that asked several lists each under ``charges``, or under ``calls`` where all were made
    for one answer. A reused result costs nothing again.
    """
    if not provenance or "reused_from" in provenance:
        return ()
    found = list_charges(provenance)
    return _merge(_read(each) for each in found if each.get("provider") == "connection")


def _read(each: Mapping[str, Json]) -> Payment:
    return Payment(
        str(each.get("model", ""))[:80],
        _read_cost(each.get("cost")),
        _read_tokens(each.get("input_tokens")),
        _read_tokens(each.get("output_tokens")),
    )


def _read_cost(cost: Json) -> Decimal:
    # The comparison holds for no NaN either.
    if not isinstance(cost, int | float) or not cost > 0:
        return Decimal(0)
    return Decimal(str(min(cost, MOST_COST))).quantize(_CENT)


def _read_tokens(count: Json) -> int:
    return min(max(count, 0), MOST_TOKENS) if isinstance(count, int) else 0


def _merge(payments: Iterable[Payment]) -> tuple[Payment, ...]:
    by_name: dict[str, Payment] = {}
    for new in payments:
        old = by_name.get(new.connection, Payment(new.connection))
        by_name[new.connection] = Payment(
            new.connection,
            min(old.cost + new.cost, MOST_COST),
            min(old.input_tokens + new.input_tokens, MOST_TOKENS),
            min(old.output_tokens + new.output_tokens, MOST_TOKENS),
        )
    return tuple(by_name.values())


def count_bills(bills: Sequence[Bill]) -> None:
    """Write the payments, each once, and raise the sums. Call in the transaction of the attempts.

    They are written even where the worker had lost the step meanwhile: the server has been paid.
    Three statements for each fifty payments. Locks the sums, in one order.
    """
    charges = [charge for bill in bills for charge in _make_charges(bill)]
    for some in split_rows(charges):
        _raise_sums(_insert_new(some))


def _make_charges(bill: Bill) -> Iterable[Charge]:
    claim = bill.claim
    for payment in bill.payments:
        yield Charge(
            token_id=claim.token_id,
            activation=claim.activation,
            attempt=claim.attempt,
            fence=claim.fence,
            connection=payment.connection,
            late_of=bill.late_of,
            run_id=claim.run_id,
            flow=bill.flow,
            version_id=claim.version_id,
            step=claim.step,
            cost=payment.cost,
            input_tokens=payment.input_tokens,
            output_tokens=payment.output_tokens,
            at=bill.at,
        )


def _insert_new(charges: Sequence[Charge]) -> list[Charge]:
    """Write the charges that are not written yet, and return them."""
    row = f"({placeholders(_COLUMNS)}, COALESCE({_ROOT}, %s))"
    values: list[Any] = []
    for charge in charges:
        values += [_adapt(Charge, name, getattr(charge, name)) for name in _COLUMNS]
        values += [charge.run_id, charge.run_id]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO spending_charge ({", ".join(_COLUMNS)}, root_id)
            VALUES {", ".join([row] * len(charges))}
            ON CONFLICT DO NOTHING RETURNING {", ".join(_KEY)}""",
            values,
        )
        written = set(cursor.fetchall())
    return [charge for charge in charges if _identify(charge) in written]


def _adapt(model: type[Model], column: str, value: Any) -> Any:
    """Return the value as the database keeps it: SQLite has neither times nor decimals."""
    field = model._meta.get_field(column)  # noqa: SLF001 - Django's documented interface
    assert isinstance(field, Field)
    return field.get_db_prep_save(value, connection)


def _identify(charge: Charge) -> tuple[Any, ...]:
    return tuple(getattr(charge, name) for name in _KEY)


# --- Sums -----------------------------------------------------------------------------


def _raise_sums(charges: Sequence[Charge]) -> None:
    sums: defaultdict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    by_step: defaultdict[tuple[Any, ...], _Sum] = defaultdict(_Sum)
    for charge in charges:
        day = charge.at.astimezone(UTC).date()
        for payer, name in _payers(charge):
            sums[payer, name, day].add(charge)
        by_step[day, charge.flow, charge.step, charge.connection].add(charge)
    _add_to(Spent, ("payer", "name", "day"), sums)
    _add_to(StepSpent, ("day", "flow", "step", "connection"), by_step)


def _payers(charge: Charge) -> Iterable[tuple[str, str]]:
    yield Payer.CONNECTION.value, charge.connection
    yield Payer.FLOW.value, charge.flow
    yield Payer.ALL.value, ""


def _add_to(model: type[Model], key: Sequence[str], sums: Mapping[tuple[Any, ...], _Sum]) -> None:
    """Add to the rows of a table of sums, or make them, in the order of their keys."""
    table = model._meta.db_table  # noqa: SLF001 - Django's documented interface
    columns = (*key, *_ADDED)
    rows = [
        [
            _adapt(model, name, value)
            for name, value in zip(columns, (*named, *sums[named].as_row()), strict=True)
        ]
        for named in sorted(sums)
    ]
    raised = ", ".join(f"{column} = {_add(table, column)}" for column in _ADDED)
    with connection.cursor() as cursor:
        for some in split_rows(rows):
            row = f"({placeholders(columns)})"
            cursor.execute(
                f"""INSERT INTO {table} ({", ".join(columns)})
                VALUES {", ".join([row] * len(some))}
                ON CONFLICT ({", ".join(key)}) DO UPDATE SET {raised}""",
                [value for each in some for value in each],
            )


def _add(table: str, column: str) -> str:
    """Return the sum of what stands and what comes; a cost grows no further than its column."""
    added = f"{table}.{column} + excluded.{column}"
    if column != "cost":
        return added
    return f"CASE WHEN {added} < {MOST_IN_A_SUM} THEN {added} ELSE {MOST_IN_A_SUM} END"
