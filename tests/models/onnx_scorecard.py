"""The scorecard as an ONNX file, made of its bins: sums of points, and a logistic function."""

from pathlib import Path
from typing import Any

from onnx import TensorProto, checker, helper, save

from flows.steps.scorecard import Bin, Factor, Scorecard

OPSET = 19  # the first that compares texts
IR_VERSION = 10


def write_scorecard(card: Scorecard, path: Path, *, batch: int | str = "inputs") -> None:
    """Write a model that takes a tensor for each factor, and gives those of bad and good."""
    graph = _Graph()
    points = [graph.constant(card.intercept)]
    inputs = []
    for factor in card.factors:
        kind = TensorProto.DOUBLE if factor.is_numeric else TensorProto.STRING
        inputs.append(helper.make_tensor_value_info(factor.feature, kind, [batch, 1]))
        points += [graph.add_points(factor, each) for each in factor.bins]
    odds = graph.add("Exp", graph.add("Neg", graph.add("Sum", *points)))
    one = graph.constant(1.0)
    good = graph.add("Div", one, graph.add("Add", one, odds))
    bad = graph.add("Sub", one, good)
    graph.nodes.append(helper.make_node("Concat", [bad, good], ["probabilities"], axis=1))
    output = helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [batch, 2])
    made = helper.make_graph(graph.nodes, "scorecard", inputs, [output])
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)
    checker.check_model(model)
    save(model, str(path))


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[Any] = []

    def add(self, operator: str, *given: str, **attributes: Any) -> str:
        name = f"value-{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(given), [name], **attributes))
        return name

    def constant(self, value: float | str) -> str:
        kind = TensorProto.STRING if isinstance(value, str) else TensorProto.DOUBLE
        held: Any = value.encode() if isinstance(value, str) else value
        return self.add("Constant", value=helper.make_tensor("held", kind, [1], [held]))

    def add_points(self, factor: Factor, of: Bin) -> str:
        """Return the bin's points where the factor is in it, else 0."""
        holds = self.add("Cast", self._find(factor, of), to=TensorProto.DOUBLE)
        return self.add("Mul", holds, self.constant(of.points))

    def _find(self, factor: Factor, of: Bin) -> str:
        if of.values is not None:
            found = [
                self.add("Equal", factor.feature, self.constant(value))
                for value in sorted(of.values)
            ]
            return self._join("Or", found)
        ends = []
        if of.over is not None:
            ends.append(self.add("Greater", factor.feature, self.constant(of.over)))
        if of.to is not None:
            ends.append(self.add("LessOrEqual", factor.feature, self.constant(of.to)))
        return self._join("And", ends)

    def _join(self, operator: str, found: list[str]) -> str:
        joined = found[0]
        for each in found[1:]:
            joined = self.add(operator, joined, each)
        return joined
