"""Where the effects go: counts, for each run and label, the idempotency keys it was told under."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.servers import EffectSink


@dataclass
class Sink(EffectSink):
    """``heard`` is ``{(run, label): {idempotency keys}}``."""

    heard: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    by_run: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def take(self, key: str, body: bytes) -> tuple[int, Any]:
        try:
            told = json.loads(body)
        except ValueError:
            # Whoever sent it died over it.
            return 400, {"error": "cut short"}
        with self.lock:
            self.requests[key] += 1
            self.heard.setdefault((told["run"], told["label"]), set()).add(key)
        return 200, {"ok": True}
