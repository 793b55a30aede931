"""A connection as something that people edit and save whole."""

from flows.connections.models import Connection
from flows.connections.settings import compute_digest
from workbench.http.revisions import Change, Editable

CONNECTION = Editable(
    Connection.objects,
    "the connection",
    ("name",),
    compute_digest,
    lambda row: Change(row.changed_by, row.changed_at),
)
