"""The jobs of flows. Imported at start-up, by name."""

from flows.children import child_ended
from flows.events import event_emitted

__all__ = ["child_ended", "event_emitted"]
