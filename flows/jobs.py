"""The jobs of flows; this module is imported at start-up, so that they are registered."""

from flows.calls.ends import handle_child_end
from flows.events.receiving import receive_emitted_event
from flows.services.bulk import work_off_chunk

__all__ = ["handle_child_end", "receive_emitted_event", "work_off_chunk"]
