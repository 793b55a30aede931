"""``python -m bench.tables``: how fast decision tables are compiled, decide, and are analysed.

Processor time of one core, so that what else the machine does is not measured.
"""

import time
from typing import Any

from flows.tables.analysis import analyse
from flows.tables.deciding import DecisionTable
from flows.tables.model import read_table

ASKED = 20_000  # rows times decisions, of each table


def make(rows: int) -> dict[str, Any]:
    """Return a table whose rows follow one another in the first column."""
    return {
        "hit": "U",
        "inputs": [
            {"name": "amount", "type": "number"},
            {"name": "region", "type": "string"},
            {"name": "since", "type": "date"},
        ],
        "outputs": [{"name": "limit", "type": "number"}],
        "rows": [
            {
                "when": [f"[{at}0..{at + 1}0)", '"north", "south"', '>= date("2020-01-01")'],
                "then": ["amount / 2"],
            }
            for at in range(rows)
        ],
    }


def main() -> None:
    print("rows   compile ms   µs a decision   rows a second   analyse ms")
    for rows in (10, 100, 1_000, 2_000):
        content, count = make(rows), max(50, ASKED // rows)
        began = time.process_time()
        table = DecisionTable("limits", content)
        compiled = time.process_time()
        for at in range(count):
            table.decide({"amount": at % rows * 10 + 5, "region": "south", "since": "2024-01-01"})
        decided = time.process_time()
        analyse(read_table(content))
        analysed = time.process_time()
        spent = decided - compiled
        print(
            f"{rows:5} {1e3 * (compiled - began):12.1f} {1e6 * spent / count:15.0f}"
            f" {rows * count / spent:15,.0f} {1e3 * (analysed - decided):12.0f}"
        )


if __name__ == "__main__":
    main()
