"""Spans of time in words. static/shell/times.js has the same rules."""

from datetime import datetime

EXACT_SECONDS = 10
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def duration_text(seconds: float) -> str:
    """Return a span of time in at most two units: 840 ms, 4.2 s, 3 min 5 s, 2 d 4 h."""
    if seconds < 0:
        return f"\N{MINUS SIGN}{duration_text(-seconds)}"
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < EXACT_SECONDS:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for position, (size, name) in enumerate(UNITS):
        if whole < size:
            continue
        first, rest = divmod(whole, size)
        if position + 1 < len(UNITS):
            smaller, smaller_name = UNITS[position + 1]
            if second := rest // smaller:
                return f"{first} {name} {second} {smaller_name}"
        return f"{first} {name}"
    return "0 s"


def ago_text(when: datetime, now: datetime) -> str:
    """Return in one unit how far away a moment is: 5 min ago, in 2 h, just now."""
    seconds = (now - when).total_seconds()
    away = abs(seconds)
    if away < EXACT_SECONDS:
        return "just now"
    size, name = next(unit for unit in UNITS if away >= unit[0])
    span = f"{int(away // size)} {name}"
    return f"{span} ago" if seconds > 0 else f"in {span}"
