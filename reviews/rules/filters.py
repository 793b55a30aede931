"""The filters of a list of cases, as a saved view and a page's address hold them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SHOWS = {
    "open": "Open",
    "mine": "Mine",
    "claimed": "Claimed",
    "waiting": "Waiting for information",
    "decided": "Decided",
    "closed": "Closed",
    "all": "All that is not closed",
}
CLOSED_SHOWS = frozenset({"decided", "closed"})
BANDS = {"overdue": "Overdue", "due_soon": "Due soon", "on_time": "On time", "paused": "Paused"}
PRIORITY_NAMES = {1: "Urgent", 2: "High", 3: "Normal", 4: "Low"}
TEXT_MAX = 200
NAME_MAX = 150


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """``show``: a key of SHOWS. ``priority`` 0, the rest empty: not narrowed by it. ``holder``: a
    username. ``text``: a case's number, its subject, or words of its title."""

    show: str = "open"
    text: str = ""
    band: str = ""
    priority: int = 0
    holder: str = ""

    @property
    def closed(self) -> bool:
        return self.show in CLOSED_SHOWS

    @property
    def narrowed(self) -> bool:
        """Whether anything but the tab narrows the list."""
        return bool(self.text or self.band or self.priority or self.holder)

    def dump(self) -> dict[str, Any]:
        """Return the filters that differ from the default, for a saved view or an address."""
        usual = CaseFilters()
        return {name: value for name, value in asdict(self).items()
                if value != getattr(usual, name)}  # fmt: skip


def read_filters(data: Mapping[str, Any]) -> CaseFilters:
    """Read filters from an address or a saved view. Unknown values are left out."""
    known = {field.name for field in fields(CaseFilters)}
    given = {name: str(data.get(name, "")).strip() for name in known}
    priority = given["priority"]
    return CaseFilters(
        show=given["show"] if given["show"] in SHOWS else "open",
        text=given["text"][:TEXT_MAX],
        band=given["band"] if given["band"] in BANDS else "",
        priority=int(priority) if priority in {"1", "2", "3", "4"} else 0,
        holder=given["holder"][:NAME_MAX],
    )
