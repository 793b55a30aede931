"""The scorecard behind KServe's own server: ``python -m tests.models.peers.kserve HTTP``."""

import sys
from typing import Any

import uvicorn
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

from tests.models.peers.estimator import ScorecardClassifier


class Scorecard(Model):
    """Answers as the Open Inference Protocol has it, with the version beside it."""

    def load(self) -> bool:
        self.model = ScorecardClassifier().fit()
        self.ready = True
        return True

    def predict(self, payload: InferRequest, *_: Any, **__: Any) -> InferResponse:
        found = self.model.predict_proba(payload.as_dataframe())
        output = InferOutput("predict_proba", list(found.shape), "FP64", found.ravel().tolist())
        return InferResponse(
            response_id=payload.id, model_name=self.name, model_version="1", infer_outputs=[output]
        )


class LoopbackConfig(uvicorn.Config):
    """KServe binds every address, and has no setting for it."""

    def __init__(self, app: Any, *, host: str, **options: Any) -> None:
        super().__init__(app, host="127.0.0.1", **options)


if __name__ == "__main__":
    uvicorn.Config = LoopbackConfig
    served = Scorecard("scorecard")
    served.load()
    # One process, and no port for gRPC, which would bind every address.
    ModelServer(http_port=int(sys.argv[1]), workers=1, enable_grpc=False).start([served])
