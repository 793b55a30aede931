"""How each state is shown on all pages: by an icon, a word and a tone."""

from typing import NamedTuple


class Look(NamedTuple):
    icon: str
    word: str
    tone: str  # idle, active, waiting, good, bad


LOOKS: dict[str, Look] = {
    # Runs and step runs
    "running": Look("loader-circle", "Running", "active"),
    "paused": Look("circle-pause", "Paused", "idle"),
    "completed": Look("circle-check", "Completed", "good"),
    "failed": Look("circle-x", "Failed", "bad"),
    "stopped": Look("circle-slash", "Stopped", "idle"),
    "cancelled": Look("circle-slash", "Cancelled", "idle"),
    "ready": Look("circle-dashed", "Ready", "idle"),
    "waiting": Look("hourglass", "Waiting", "waiting"),
    "waiting_for_person": Look("circle-user", "Waiting for a person", "waiting"),
    "held": Look("circle-pause", "Held", "idle"),
    "arrived": Look("git-merge", "At a join", "idle"),
    "pending": Look("circle-dashed", "Not started", "idle"),
    "done": Look("circle-check", "Done", "good"),
    "skipped": Look("circle-minus", "Skipped", "idle"),
    "retrying": Look("rotate-cw", "Retrying", "waiting"),
    "timed_out": Look("timer-off", "Timed out", "bad"),
    "dead": Look("octagon-x", "Dead letter", "bad"),
    "stuck": Look("octagon-alert", "Stuck", "bad"),
    "resolved": Look("circle-check", "Resolved", "good"),
    # Cases
    "open": Look("circle-dot", "Open", "waiting"),
    "claimed": Look("circle-user", "Claimed", "active"),
    "committing": Look("timer", "Committing", "active"),
    "decided": Look("stamp", "Decided", "good"),
    "waiting_for_info": Look("messages-square", "Waiting for information", "waiting"),
    "escalated": Look("chevrons-up", "Escalated", "bad"),
    "expired": Look("timer-off", "Expired", "bad"),
    "on_time": Look("clock", "On time", "idle"),
    "due_soon": Look("clock-alert", "Due soon", "waiting"),
    "overdue": Look("clock-alert", "Overdue", "bad"),
    # Decisions, and who made them
    "approved": Look("circle-check", "Approved", "good"),
    "rejected": Look("circle-x", "Rejected", "bad"),
    "rework": Look("corner-up-left", "Returned for rework", "waiting"),
    "person": Look("user", "Person", "idle"),
    "policy": Look("scroll-text", "Policy", "idle"),
    "timeout": Look("timer-off", "Time-out", "idle"),
    "committed": Look("stamp", "Committed", "good"),
    "withdrawn": Look("undo-2", "Undone", "idle"),
    "forced": Look("gavel", "Forced by admin", "bad"),
    # Versions
    "draft": Look("pencil-line", "Draft", "idle"),
    "published": Look("git-commit-horizontal", "Published", "idle"),
    "released": Look("rocket", "Released", "good"),
    "archived": Look("archive", "Archived", "idle"),
    # Workers, services, connections
    "alive": Look("heart-pulse", "Alive", "good"),
    "draining": Look("power", "Draining", "waiting"),
    "lost": Look("server-off", "Lost", "bad"),
    "healthy": Look("circle-check", "Healthy", "good"),
    "degraded": Look("triangle-alert", "Degraded", "waiting"),
    "down": Look("circle-x", "Down", "bad"),
    # Budgets
    "ok": Look("circle-check", "Within", "good"),
    "kept": Look("circle-check", "Kept", "good"),
    "breached": Look("triangle-alert", "Broken", "bad"),
    "empty": Look("circle-minus", "No outputs", "idle"),
    "unfigured": Look("clock", "Not compared yet", "idle"),
    "near": Look("triangle-alert", "Nearly spent", "waiting"),
    "reached": Look("octagon-alert", "Spent", "bad"),
    # Problems and the ledger
    "info": Look("info", "Note", "active"),
    "warning": Look("triangle-alert", "Warning", "waiting"),
    "error": Look("circle-alert", "Error", "bad"),
    "verified": Look("shield-check", "Verified", "good"),
    "tampered": Look("shield-x", "Changed", "bad"),
}


def look_of(value: str) -> Look:
    """Return how to show a state. An unknown one is shown by its own name, in a neutral tone."""
    known = LOOKS.get(value)
    return known or Look("circle", value.replace("_", " ").capitalize() or "Unknown", "idle")
