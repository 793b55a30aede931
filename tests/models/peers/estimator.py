"""The consumer loan's scorecard as scikit-learn's interface has it.

Servers that read scikit-learn's models read this one. It takes a frame with a column a factor, or a
table of numbers in the factors' order in which a category is the place of its value (``CODES``).
"""

from typing import Any

import numpy
import pandas
from sklearn.base import BaseEstimator, ClassifierMixin

from tests.models.factors import CARD, FACTORS, decode


class ScorecardClassifier(ClassifierMixin, BaseEstimator):
    """Classes are 0, bad, and 1, good."""

    def fit(self, _values: Any = None, _outcomes: Any = None) -> "ScorecardClassifier":
        self.classes_ = numpy.array([0, 1])
        return self

    def predict_proba(self, values: Any) -> Any:
        good = [float(CARD.predict(row)[0][CARD.output]) for row in _rows(values)]
        return numpy.array([[1 - each, each] for each in good])

    def predict(self, values: Any) -> Any:
        return (self.predict_proba(values)[:, 1] >= 0.5).astype(int)


def _rows(values: Any) -> list[dict[str, Any]]:
    if isinstance(values, pandas.DataFrame):
        return [dict(row) for row in values.to_dict("records")]
    return [decode(dict(zip(FACTORS, row, strict=True))) for row in numpy.asarray(values, float)]
