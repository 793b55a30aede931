"""Turn rows of the Statlog data set into JSON lines that `flow run --input-file` takes.

    python -m examples.consumer_loan.convert applications.data > applications.jsonl

Each line is {"input": …, "idempotency_key": …, "label": "good" | "bad"}. The label is how the loan
turned out: it stays outside the input, so that no flow can read it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.consumer_loan.attributes import read_rows


def lines(path: Path, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the start of a run for each row. Raises: ValueError, which names the wrong line."""
    for row in read_rows(path):
        start = {"input": row.application, "idempotency_key": f"{prefix}-{row.number:04d}"}
        yield start if row.label is None else {**start, "label": row.label}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--prefix", help="begins each idempotency key; by default the file's name")
    options = parser.parse_args()
    try:
        for line in lines(options.data, options.prefix or options.data.stem):
            sys.stdout.write(json.dumps(line) + "\n")
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"{error}. Give a file of rows with 20 attributes and the outcome."
        ) from None


if __name__ == "__main__":
    main()
