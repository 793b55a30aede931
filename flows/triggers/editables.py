"""A trigger as something that people edit and save whole."""

from flows.triggers.models import Trigger
from workbench.audit.selectors import get_last_act
from workbench.http.revisions import Change, Editable, digest


def get_revision(trigger: Trigger) -> str:
    """Return the revision of what people set; when it fires next is none of that."""
    names = ("title", "config", "input", "enabled")
    return digest({name: getattr(trigger, name) for name in names})


def find_change(trigger: Trigger) -> Change | None:
    """Return who changed a trigger last: one query, for its entry in the ledger."""
    acts = ("created", "changed", "enabled", "disabled")
    last = get_last_act(
        ("flow", trigger.flow.name), *(f"trigger.{act}" for act in acts), at=trigger.changed_at
    )
    return Change(last.actor_name, last.at) if last else None


TRIGGER = Editable(Trigger.objects, "the trigger", ("pk",), get_revision, find_change, ("flow",))
