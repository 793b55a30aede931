"""The scorecard as a BentoML service: ``bentoml serve tests.models.peers.bentoml:Scorecard``."""

from typing import Any

import bentoml

from tests.models.factors import CARD


@bentoml.service(workers=1)
class Scorecard:
    """One endpoint, whose parameter is named ``application``."""

    @bentoml.api
    def predict(self, application: dict[str, Any]) -> dict[str, Any]:
        output, confidence, reasons = CARD.predict(application)
        return {
            **output,
            "confidence": confidence,
            "version": CARD.version,
            "reasons": {each.feature: each.contribution for each in reasons},
        }
