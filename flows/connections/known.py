"""This process's copy of the connections, at most a second old.

A step that asks a model costs no query to find its connection, and the event loop, where no query
may be made, can tell the destination of a step.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import DatabaseError
from pydantic import ValidationError

from flows.connections.adapters.contract import Adapter, AnswerUnfit, Options, find_adapter
from flows.connections.models import Connection
from flows.steps.base import CodeMissing, StepFailure
from flows.steps.contracts import Contract
from flows.steps.models import InputRefused
from workbench.dispatch.patience import retry_while_away
from workbench.secrets.services import SecretUnknown, SecretUnreadable, read_secrets
from workbench.secrets.uses import connection_use

logger = logging.getLogger(__name__)
KEPT_SECONDS = 1.0
Json = Any


@dataclass
class KnownConnection:
    """A connection, with what is read of its row once for each revision."""

    row: Connection
    _secret: str = field(default="", repr=False)
    _secret_read_at: float = float("-inf")

    def read_secret(self) -> str:
        """Return the connection's secret, "" if it has none: two queries, at most once a second.

        Raises: StepFailure of kind ``secret``.
        """
        if not self.row.secret_name:
            return ""
        now = time.monotonic()
        if now - self._secret_read_at > KEPT_SECONDS:
            self._secret = retry_while_away(_read_secret, self.row)
            self._secret_read_at = now
        return self._secret

    @cached_property
    def adapter(self) -> Adapter:
        """Raises: CodeMissing, where this process has no such kind."""
        found = find_adapter(self.row.kind)
        if found is None:
            raise CodeMissing(
                f"The connection {self.row.name} is of the kind {self.row.kind}, which this "
                "process does not have. Install the package that offers it."
            )
        return found

    @property
    def serves_models(self) -> bool:
        """Whether `model.infer` can ask it."""
        return hasattr(find_adapter(self.row.kind), "make_call")

    @property
    def serves_language(self) -> bool:
        """Whether `llm.chat` and agents can ask it."""
        return hasattr(find_adapter(self.row.kind), "make_chat_call")

    @cached_property
    def options(self) -> Options:
        """Raises: StepFailure, where the adapter has learnt other options since they were saved."""
        try:
            return self.adapter.Options.model_validate(self.row.options)
        except ValidationError as error:
            raise StepFailure(
                f"The options of the connection {self.row.name} no longer fit its kind: {error}. "
                "Save it again.",
                kind="config",
                retryable=False,
            ) from error

    @property
    def version(self) -> str:
        """The version that the model card states, which people keep."""
        return str(self.row.card.get("version") or "")

    def check_input(self, value: Json) -> None:
        """Raises: InputRefused, naming field and value."""
        fault = self._input_contract.find_fault(value)
        if fault is not None:
            raise InputRefused(fault.field, fault.message)

    def check_output(self, value: Json) -> None:
        """Raises: AnswerUnfit, naming field and value."""
        fault = self._output_contract.find_fault(value)
        if fault is not None:
            raise AnswerUnfit(fault.field, fault.message)

    @cached_property
    def _input_contract(self) -> Contract:
        return Contract(self.row.input_schema)

    @cached_property
    def _output_contract(self) -> Contract:
        return Contract(self.row.output_schema)


class KnownConnections:
    """The copy. In a thread it is read again when it is old; on the event loop it is as it is."""

    def __init__(self) -> None:
        self._found: Mapping[str, KnownConnection] = {}
        self._read_at = float("-inf")
        self._has_read = False
        self._changes = 0
        self._lock = threading.Lock()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._read_at > KEPT_SECONDS

    def refresh(self) -> None:
        """Read the rows again if the copy is old. Without a database the old copy stays.

        Others wait meanwhile. Raises: DatabaseError, where there is no old copy.
        """
        with self._lock:
            if not self.is_stale:
                return
            began, changes = time.monotonic(), self._changes
            try:
                rows = list(Connection.objects.order_by("name"))
            except DatabaseError:
                if not self._has_read:
                    raise
                logger.warning("The connections could not be read", exc_info=True)
            else:
                self._found = {row.name: self._keep(row) for row in rows}
                self._has_read = True
            # Whoever has changed a row while they were read has them read again.
            if self._changes == changes:
                self._read_at = began

    def forget(self) -> None:
        """Read the rows again at the next use, because this process has changed one."""
        self._changes += 1
        self._read_at = float("-inf")

    def find(self, name: str) -> KnownConnection | None:
        """Return a connection, enabled or not."""
        return self.all().get(name)

    def all(self) -> Mapping[str, KnownConnection]:
        """Return every connection by name, enabled or not; none where there is no database."""
        if self.is_stale and not _is_on_event_loop():
            try:
                self.refresh()
            except DatabaseError:
                logger.warning("The connections could not be read", exc_info=True)
        return self._found

    def _keep(self, row: Connection) -> KnownConnection:
        """Return what is known of the row already, if it has not changed since."""
        known = self._found.get(row.name)
        is_same = known is not None and _identify(known.row) == _identify(row)
        return known if known is not None and is_same else KnownConnection(row)


def _read_secret(row: Connection) -> str:
    """Raises: StepFailure of kind ``secret``."""
    try:
        found = read_secrets([row.secret_name], use=connection_use(row.name))
    except (SecretUnknown, SecretUnreadable) as error:
        raise StepFailure(str(error), kind="secret", retryable=False) from error
    return found[row.secret_name]


def _identify(row: Connection) -> tuple[Json, ...]:
    return row.pk, row.revision, row.changed_at, row.enabled


def _is_on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


KNOWN = KnownConnections()
