"""The program of ``flows.policies.apart``, for Rego alone: its engine and CEL's break each other.

A request is ``{check: policy}``, answered by ``{problems: [[line, message], …]}``, or ``{digest,
input}``, with ``policy`` where the child may not know it: answered by ``{unknown: true}``,
``{value}``, ``{undefined: true}`` or ``{error: message}``.
"""

from typing import Any

from flows.policies.model import Policy, Undefined
from flows.policies.rego import Compiled, RegoRefused, compile_rego, find_problems
from workbench.apart.program import serve

Json = Any
MOST_KEPT = 200
MOST_RESIDENT_BYTES = 512 * 1024 * 1024

_kept: dict[str, Compiled] = {}


def answer(request: Json) -> dict[str, Json]:
    if "check" in request:
        found = find_problems(Policy(**request["check"]))
        return {"problems": [[each.line, each.message] for each in found]}
    compiled = _kept.get(request["digest"])
    try:
        if compiled is None:
            if "policy" not in request:
                return {"unknown": True}
            compiled = _keep(request["digest"], Policy(**request["policy"]))
        value = compiled.evaluate(request["input"])
    except RegoRefused as error:
        return {"error": str(error)}
    return {"undefined": True} if isinstance(value, Undefined) else {"value": value}


def _keep(digest: str, policy: Policy) -> Compiled:
    """Return the compiled policy, made once. Raises: RegoRefused."""
    while len(_kept) >= MOST_KEPT:
        _kept.pop(next(iter(_kept)))
    _kept[digest] = compile_rego(policy)
    return _kept[digest]


if __name__ == "__main__":
    # No bound of address space: the engine reserves 256 GB of it, whatever it needs.
    serve(answer, most_resident_bytes=MOST_RESIDENT_BYTES)
