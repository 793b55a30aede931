"""What is wrong with a connection's settings, by field."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from flows.connections.adapters.contract import find_adapter, list_adapters
from flows.connections.models import ANY_FLOW
from flows.connections.selectors import find_taker
from flows.connections.settings import ConnectionSettings
from flows.graph.problems import join_names
from flows.steps.contracts import explain_schema_fault
from flows.steps.destinations import find_fault
from workbench.http.addresses import RESERVED, is_reserved
from workbench.secrets.services import list_usable
from workbench.secrets.uses import connection_use
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date

Json = Any
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}\Z")
FLOW_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")


def find_problems(name: str, settings: ConnectionSettings) -> dict[str, str]:
    """Return what is wrong by field, dotted within groups. At most one query."""
    return dict(
        (
            *_check_name(name),
            *_check_kind(settings),
            *_check_address(settings),
            *_check_secret(name, settings.secret_name),
            *_check_flows(settings.flows),
            *_check_contracts(settings),
            *_check_card(settings),
        )
    )


def describe_options_faults(error: ValidationError) -> Iterator[tuple[tuple[Json, ...], str]]:
    """Yield the path and the words of each fault that pydantic found."""
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        text = each["msg"].removeprefix("Value error, ")
        yield tuple(each["loc"]), f"{text[:1].upper()}{text[1:]}."


def _check_name(name: str) -> Iterator[tuple[str, str]]:
    if not NAME.match(name):
        yield "name", "Use at most 80 small letters, digits, - and _; begin with a letter or digit."
    elif is_reserved("flows:connection-detail", name):
        yield "name", RESERVED
    elif taker := find_taker(name):
        yield "name", f"A model of {taker} has this name: steps could not tell them apart."


def _check_kind(settings: ConnectionSettings) -> Iterator[tuple[str, str]]:
    adapter = find_adapter(settings.kind)
    if adapter is None:
        known = join_names(each.kind for each in list_adapters())
        yield "kind", f"There is no kind {settings.kind!r}. Use {known}."
        return
    try:
        adapter.Options.model_validate(settings.options)
    except ValidationError as error:
        for path, message in describe_options_faults(error):
            yield ".".join(map(str, ("options", *path))), message


def _check_address(settings: ConnectionSettings) -> Iterator[tuple[str, str]]:
    """One that is off may be kept as it is, such as in an installation without that server."""
    if "?" in settings.address or "#" in settings.address:
        yield (
            "address",
            "Leave out what follows ? or #: keys belong into a secret, the rest into the options.",
        )
    elif settings.enabled and (fault := find_fault(settings.address)) is not None:
        yield "address", str(fault)


def _check_secret(name: str, secret: str) -> Iterator[tuple[str, str]]:
    if secret and secret not in list_usable([secret], use=connection_use(name)):
        remedy = f"Set it first, with `{connection_use(name)}` among its uses."
        yield "secret_name", f"There is no secret {secret} that this connection may use. {remedy}"


def _check_flows(flows: list[str]) -> Iterator[tuple[str, str]]:
    unfit = [each for each in flows if each != ANY_FLOW and not FLOW_NAME.match(each)]
    if unfit:
        yield "flows", f"{unfit[0]!r} is no name of a flow. Write names, or * for every flow."


def _check_contracts(settings: ConnectionSettings) -> Iterator[tuple[str, str]]:
    schemas = {"input_schema": settings.input_schema, "output_schema": settings.output_schema}
    for field, schema in schemas.items():
        if fault := explain_schema_fault(schema):
            yield field, fault


def _check_card(settings: ConnectionSettings) -> Iterator[tuple[str, str]]:
    if settings.card.review_on:
        try:
            read_date(settings.card.review_on)
        except ValueRefused as error:
            yield "card.review_on", str(error)
