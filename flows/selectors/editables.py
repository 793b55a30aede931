"""A flow's draft as something that people edit and save whole."""

from flows.models import DraftOperation, Flow
from workbench.http.revisions import Change, Editable


def find_draft_change(flow: Flow) -> Change | None:
    """Return who edited a draft last: one query. What a command wrote has no author."""
    last = DraftOperation.objects.filter(flow=flow).select_related("author").order_by("-revision")
    found = last.first()
    return Change(found.author.label if found.author else "a command", found.at) if found else None


DRAFT = Editable(
    Flow.objects,
    "the draft",
    ("name",),
    lambda flow: str(flow.draft_revision),
    find_draft_change,
    ("released",),
    "draft_revision",
)
