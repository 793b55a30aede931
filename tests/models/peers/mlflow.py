"""Write what MLflow serves: ``python -m tests.models.peers.mlflow FOLDER``."""

import sys
from pathlib import Path

import mlflow.sklearn

from tests.models.peers.estimator import ScorecardClassifier


def main(folder: Path) -> None:
    mlflow.sklearn.save_model(
        ScorecardClassifier().fit(),
        folder / "model",
        # Classes alone are served without this.
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=["mlflow", "scikit-learn"],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
