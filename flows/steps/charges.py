"""What a provenance says was paid, call by call, in the form that is counted."""

from collections.abc import Callable, Mapping, Sequence

from flows.steps.base import Json
from flows.steps.models import LOCAL

# What is counted of a call, and for which connection.
CHARGED = ("provider", "model", "cost", "input_tokens", "output_tokens")


def make_charge(made: Mapping[str, Json]) -> dict[str, Json]:
    """Return what the provenance of one call says it cost, and whom it was paid to."""
    return {name: made.get(name) for name in CHARGED}


def list_charges(made: Mapping[str, Json] | None) -> list[dict[str, Json]]:
    """Return the charges of a step's provenance: those that it lists, else the one that it is."""
    if not made:
        return []
    for listed in (made.get("charges"), made.get("calls")):
        if isinstance(listed, Sequence) and not isinstance(listed, str):
            return [make_charge(each) for each in listed if isinstance(each, Mapping)]
    # What this process computes is paid to nobody.
    is_paid = made.get("provider") not in {None, LOCAL.name}
    return [make_charge(made)] if is_paid else []


# --- What is paid after the step has gone on ------------------------------------------------

LateCounter = Callable[[str, Sequence[Mapping[str, Json]], str], None]
_late_counters: list[LateCounter] = []


def register_late_counter(counter: LateCounter) -> None:
    """Have the counter told of calls that a step did not wait for: flow, charges, which call."""
    _late_counters.append(counter)


def count_late(flow: str, charges: Sequence[Mapping[str, Json]], late_of: str) -> None:
    for counter in _late_counters:
        counter(flow, charges, late_of)
