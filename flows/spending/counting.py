"""Count what attempts have paid, in the transaction that writes how they ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Manager

from flows.models import Run
from flows.spending.models import Charge, Payer, Spent, StepSpent
from flows.store.rows import Claim

Json = Any
_CENT = Decimal("0.000001")
_Key = tuple[str, str]  # payer, name


@dataclass(frozen=True, slots=True)
class Payment:
    """What one attempt paid to one connection."""

    connection: str
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Bill:
    """The payments of one attempt."""

    claim: Claim
    flow: str
    payments: Sequence[Payment]
    at: datetime


@dataclass(slots=True)
class _Sum:
    cost: Decimal = Decimal(0)
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0

    def add(self, charge: Charge) -> None:
        self.cost += charge.cost
        self.input_tokens += charge.input_tokens
        self.output_tokens += charge.output_tokens
        self.calls += 1


def read_payments(provenance: Mapping[str, Json] | None) -> tuple[Payment, ...]:
    """Return what a provenance says was paid to connections. Never raises.

    A step that asked several lists each under ``charges``. A reused result costs nothing again.
    """
    if not provenance or "reused_from" in provenance:
        return ()
    charges = provenance.get("charges")
    if isinstance(charges, Sequence) and not isinstance(charges, str):
        found = [each for each in charges if isinstance(each, Mapping)]
    else:
        found = [provenance]
    return _merge(_read(each) for each in found if each.get("provider") == "connection")


def _read(each: Mapping[str, Json]) -> Payment:
    cost, taken, given = each.get("cost"), each.get("input_tokens"), each.get("output_tokens")
    return Payment(
        str(each.get("model", ""))[:80],
        Decimal(str(cost)).quantize(_CENT) if isinstance(cost, int | float) else Decimal(0),
        taken if isinstance(taken, int) else 0,
        given if isinstance(given, int) else 0,
    )


def _merge(payments: Iterable[Payment]) -> tuple[Payment, ...]:
    by_name: dict[str, Payment] = {}
    for new in payments:
        old = by_name.get(new.connection, Payment(new.connection))
        by_name[new.connection] = Payment(
            new.connection,
            old.cost + new.cost,
            old.input_tokens + new.input_tokens,
            old.output_tokens + new.output_tokens,
        )
    return tuple(by_name.values())


def count_bills(bills: Sequence[Bill]) -> None:
    """Write the payments, each once, and raise the sums. Call in the transaction of the attempts.

    They are written even where the worker had lost the step meanwhile: the server has been paid.
    Three queries, and one for each sum, by payer and by step. Locks the sums, in one order.
    """
    if not bills:
        return
    charges = _list_new(bills)
    if not charges:
        return
    Charge.objects.bulk_create(charges)
    _raise_sums(charges)


def _list_new(bills: Sequence[Bill]) -> list[Charge]:
    """Return the charges that are not written yet."""
    roots = dict(
        Run.objects.filter(pk__in={bill.claim.run_id for bill in bills}).values_list(
            "pk", "root_id"
        )
    )
    charges = {
        _identify(charge): charge
        for bill in bills
        for charge in _make_charges(bill, roots.get(bill.claim.run_id) or bill.claim.run_id)
    }
    tokens = {bill.claim.token_id for bill in bills}
    fields = ("token_id", "activation", "attempt", "fence", "connection")
    known = set(Charge.objects.filter(token_id__in=tokens).values_list(*fields))
    return [charge for key, charge in charges.items() if key not in known]


def _identify(charge: Charge) -> tuple[int, int, int, int, str]:
    return (
        charge.token_id, charge.activation, charge.attempt, charge.fence, charge.connection,
    )  # fmt: skip


def _make_charges(bill: Bill, root_id: int) -> Iterable[Charge]:
    claim = bill.claim
    for payment in bill.payments:
        yield Charge(
            token_id=claim.token_id,
            activation=claim.activation,
            attempt=claim.attempt,
            fence=claim.fence,
            connection=payment.connection,
            run_id=claim.run_id,
            root_id=root_id,
            flow=bill.flow,
            version_id=claim.version_id,
            step=claim.step,
            cost=payment.cost,
            input_tokens=payment.input_tokens,
            output_tokens=payment.output_tokens,
            at=bill.at,
        )


def _raise_sums(charges: Sequence[Charge]) -> None:
    sums: defaultdict[tuple[str, str, date], _Sum] = defaultdict(_Sum)
    by_step: defaultdict[tuple[date, str, str, str], _Sum] = defaultdict(_Sum)
    for charge in charges:
        day = charge.at.astimezone(UTC).date()
        for payer, name in _payers(charge):
            sums[payer, name, day].add(charge)
        by_step[day, charge.flow, charge.step, charge.connection].add(charge)
    for payer, name, day in sorted(sums):
        _raise_sum(
            Spent.objects, {"payer": payer, "name": name, "day": day}, sums[payer, name, day]
        )
    for key in sorted(by_step):
        named = dict(zip(("day", "flow", "step", "connection"), key, strict=True))
        _raise_sum(StepSpent.objects, named, by_step[key])


def _payers(charge: Charge) -> Iterable[_Key]:
    yield Payer.CONNECTION.value, charge.connection
    yield Payer.FLOW.value, charge.flow
    yield Payer.ALL.value, ""


def _raise_sum(sums: Manager[Any], key: Mapping[str, Any], more: _Sum) -> None:
    row = sums.filter(**key)
    added = {
        column: F(column) + getattr(more, column)
        for column in ("cost", "input_tokens", "output_tokens", "calls")
    }
    if not row.update(**added):
        # Another process may make it at the same moment.
        sums.bulk_create([sums.model(**key)], ignore_conflicts=True)
        row.update(**added)
