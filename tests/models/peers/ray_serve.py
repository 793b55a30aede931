"""The scorecard as a Ray Serve application: ``python -m tests.models.peers.ray_serve HTTP``."""

import sys
import time
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from tests.models.factors import CARD


@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Scorecard:
    """Takes an application as JSON, and answers with its probability and the reasons for it."""

    async def __call__(self, request: Request) -> dict[str, Any]:
        output, confidence, reasons = CARD.predict(await request.json())
        listed = [
            {"feature": each.feature, "label": each.label, "contribution": each.contribution}
            for each in reasons
        ]
        return {**output, "confidence": confidence, "version": CARD.version, "reasons": listed}


if __name__ == "__main__":
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=100 * 1024 * 1024,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    deployment: Any = Scorecard
    serve.run(deployment.bind(), name="scorecard", route_prefix="/scorecard")
    while True:
        time.sleep(3600)
