"""Edits of a flow document, each with the edit that undoes it. Pure.

An operation is a JSON object with the key ``op``; a document is its plain mapping form, so that a
draft which does not yet parse can be edited. ``frontend/editor/src/doc/operations`` holds the same
rules in JavaScript, module by module; the vectors in ``tests/vectors/operations`` run against both.

An operation is refused only if the document would no longer hold together, as with an edge that
leads to a missing step or two steps of one name. Validation says whether the flow would run.
"""

from flows.graph.operations.edges import parse_edge
from flows.graph.operations.handlers import apply
from flows.graph.operations.refusals import OperationRefused
from flows.graph.operations.sections import normal_form

__all__ = ["OperationRefused", "apply", "normal_form", "parse_edge"]
