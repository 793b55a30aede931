"""CSV files of costs."""

from decimal import Decimal

import pytest

from flows.costs.exports import write_csv
from workbench.values.cells import plain_text

ROW = {"flow": "loan", "step": "ask", "without_run": False, "calls": 2, "input_tokens": 7,
       "output_tokens": 3}  # fmt: skip


def test_a_file_has_its_columns_and_exact_costs() -> None:
    text = write_csv("steps", [{**ROW, "cost": Decimal("0.0424")}])
    assert text.splitlines() == [
        "flow,step,without_run,cost,calls,input_tokens,output_tokens",
        "loan,ask,False,0.042400,2,7,3",
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-x", "@SUM(A1)", "\tx", "\rx"])
def test_no_name_is_a_formula_to_a_spreadsheet(name: str) -> None:
    assert plain_text(name) == f"'{name}"
    text = write_csv("steps", [{**ROW, "step": name, "cost": Decimal(1)}])
    assert f"'{name}" in text
