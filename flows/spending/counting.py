"""Count what attempts have paid, in the transaction that writes how they ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F

from flows.models import Run
from flows.spending.models import Charge, Payer, Spent
from flows.steps.charges import list_charges
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

    A step that asked several lists each under ``charges``, or under ``calls`` where all were made
    for one answer. A reused result costs nothing again.
    """
    if not provenance or "reused_from" in provenance:
        return ()
    found = list_charges(provenance)
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
    Three queries, and one for each sum. Locks the sums, in one order.
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
    sums: defaultdict[tuple[str, str, Any], _Sum] = defaultdict(_Sum)
    for charge in charges:
        day = charge.at.date()
        for payer, name in _payers(charge):
            sums[payer, name, day].add(charge)
    for key in sorted(sums):
        _raise_sum(key, sums[key])


def _payers(charge: Charge) -> Iterable[_Key]:
    yield Payer.CONNECTION.value, charge.connection
    yield Payer.FLOW.value, charge.flow
    yield Payer.ALL.value, ""


def _raise_sum(key: tuple[str, str, Any], more: _Sum) -> None:
    payer, name, day = key
    row = Spent.objects.filter(payer=payer, name=name, day=day)
    added = {
        column: F(column) + getattr(more, column)
        for column in ("cost", "input_tokens", "output_tokens", "calls")
    }
    if not row.update(**added):
        # Another process may make it at the same moment.
        Spent.objects.bulk_create([Spent(payer=payer, name=name, day=day)], ignore_conflicts=True)
        row.update(**added)
