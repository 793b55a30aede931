"""The scorecard as TorchServe's handler: the archive that it is packed in has no network."""

from typing import Any

from tests.models.factors import CARD


def handle(data: list[dict[str, Any]] | None, _context: Any) -> list[dict[str, Any]]:
    """Return an answer for each request; TorchServe asks once without any, to start."""
    return [_answer(each["body"]) for each in data or ()]


def _answer(application: dict[str, Any]) -> dict[str, Any]:
    output, confidence, reasons = CARD.predict(application)
    contributions = {each.feature: each.contribution for each in reasons}
    return {
        **output,
        "confidence": confidence,
        "version": CARD.version,
        "reasons": contributions,
    }
