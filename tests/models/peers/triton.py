"""The scorecard behind Triton: ``python -m tests.models.peers.triton HTTP GRPC METRICS``.

Triton takes tensors of numbers: categories are given as the places of their values.
"""

import sys
from typing import Any

import numpy
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from tests.models.factors import CARD, FACTORS, decode


@batch
def predict(factors: Any) -> dict[str, Any]:
    """Return the probabilities of bad and good for each row."""
    rows = [decode(dict(zip(FACTORS, row, strict=True))) for row in factors]
    good = numpy.array([float(CARD.predict(row)[0][CARD.output]) for row in rows])
    return {"predict_proba": numpy.stack([1 - good, good], axis=1)}


if __name__ == "__main__":
    http, grpc, metrics = (int(each) for each in sys.argv[1:4])
    config = TritonConfig(
        http_address="127.0.0.1", http_port=http,
        grpc_address="127.0.0.1", grpc_port=grpc,
        metrics_address="127.0.0.1", metrics_port=metrics,
    )  # fmt: skip
    with Triton(config=config) as triton:
        triton.bind(
            model_name="scorecard",
            infer_func=predict,
            inputs=[Tensor(name="factors", dtype=numpy.float64, shape=(len(FACTORS),))],
            outputs=[Tensor(name="predict_proba", dtype=numpy.float64, shape=(2,))],
            config=ModelConfig(max_batch_size=64),
        )
        triton.serve()
