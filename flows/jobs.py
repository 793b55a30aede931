"""The jobs of flows. Imported at start-up, by name."""

from flows.calls.ends import child_ended
from flows.events.receiving import event_emitted
from flows.services.bulk import go_on

__all__ = ["child_ended", "event_emitted", "go_on"]
