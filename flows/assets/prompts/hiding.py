"""Who is shown the decided cases that are frozen into a prompt."""

from typing import Any

from flows.assets.kinds import Content
from workbench.accounts.permissions import Principal, can, reach

Json = Any
# Stands in for the examples that are not shown. No content that is kept has it, so that one
# without its examples can be neither saved nor imported by mistake.
HIDDEN = "hidden_examples"


def hide_cases(content: Content, principal: Principal) -> dict[str, Json]:
    """Return the content with the number of its cases only, for who may not see their runs."""
    examples = content.get("examples", [])
    own = [each for each in examples if "case" not in each]
    if len(own) == len(examples) or _may_see(content, principal):
        return dict(content)
    return {**content, "examples": own, HIDDEN: len(examples) - len(own)}


def _may_see(content: Content, principal: Principal) -> bool:
    flow = (content.get("from_cases") or {}).get("flow")
    if flow:
        return can(principal, "runs.view", flow=flow)
    # It is not known whose cases they are.
    return reach(principal, "runs.view").everywhere
