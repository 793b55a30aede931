"""Write what MLServer serves.

python -m tests.models.peers.mlserver FOLDER HTTP GRPC METRICS
"""

import json
import sys
from pathlib import Path

import joblib

from tests.models.peers.estimator import ScorecardClassifier


def main(folder: Path, http: int, grpc: int, metrics: int) -> None:
    joblib.dump(ScorecardClassifier().fit(), folder / "model.joblib")
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "metrics_endpoint": None,
        # One process: the models are loaded in it, and none outlives it.
        "parallel_workers": 0,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "scorecard",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(each) for each in sys.argv[2:5]))
