"""Who may see, claim and decide the cases of a queue, beyond the permission. Pure.

A rule asks for one of some roles and for all of some skills; an act without a rule asks for
nothing more. Who leads, audits or administers a queue always sees it: a queue that nobody
watches must not come about by a rule.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

SEE, CLAIM, DECIDE = ACTS = ("see", "claim", "decide")
WORKING_ROLES = ("reviewer", "lead")
WATCHING_ROLES = frozenset({"lead", "auditor", "admin"})


@dataclass(frozen=True, slots=True)
class Rule:
    """``roles`` empty: any that has the permission. ``skills``: all of them are needed."""

    roles: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()

    def find_refusal(self, roles: Collection[str], skills: Collection[str]) -> str:
        """Return a sentence that says what is missing, "" if nothing is."""
        if self.roles and not self.roles & set(roles):
            return f"This queue leaves that to the role {' or '.join(sorted(self.roles))}."
        if missing := sorted(self.skills - set(skills)):
            return f"This queue needs the skill {', '.join(missing)}."
        return ""


def get_rule(act: str, access: Mapping[str, Any], skills: Collection[str] = ()) -> Rule:
    """Return the rule for an act. ``skills`` are the queue's own, for claiming and deciding."""
    stored = access.get(act) or {}
    own = skills if act != SEE else ()
    return Rule(frozenset(stored.get("roles", ())), frozenset({*own, *stored.get("skills", ())}))


def check_access(access: Mapping[str, Any]) -> None:
    """Raises: ValueError naming an unknown act, role or shape.

    ``{"see": {"skills": […]}, "claim": {"roles": ["lead"], "skills": […]}, "decide": …}``
    """
    if unknown := sorted(set(access) - set(ACTS)):
        raise ValueError(f"unknown act {unknown[0]!r}: use {', '.join(ACTS)}")
    for act, rule in access.items():
        if not isinstance(rule, Mapping) or set(rule) - {"roles", "skills"}:
            raise ValueError(f"the rule for {act} has `roles` and `skills`, nothing else")
        if strange := sorted(set(rule.get("roles", ())) - set(WORKING_ROLES)):
            raise ValueError(f"the role {strange[0]!r} decides no case: use reviewer or lead")
        if act == SEE and rule.get("roles"):
            raise ValueError("seeing is narrowed by skills; by role it is granted for a queue")
