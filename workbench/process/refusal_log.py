"""Log a refused request in one line: only faults of the server are worth a traceback."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja.errors import HttpError, ValidationError

from workbench.http.problems import ApiProblem
from workbench.values.refusals import ValueRefused

REFUSALS = (
    PermissionDenied, SuspiciousOperation, BadRequest, Http404, UnreadablePostError,
    MultiPartParserError, HttpError, ValidationError, ApiProblem, ValueRefused,
)  # fmt: skip


def log_refusals_in_one_line() -> None:
    """Leave the traceback out of every log record whose exception is a refusal.

    This is done where records are made, because Django logs refusals under a dozen names, and
    whoever adds a handler of their own would have to know of a filter.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "trims_refusals", False):
        return

    def make_trimmed(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if record.exc_info and isinstance(record.exc_info[1], REFUSALS):
            record.exc_info = None
        return record

    make_trimmed.trims_refusals = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_trimmed)
