"""Decide the waiting cases of converted applications through the API, instead of an underwriter.

    COUNTERSIGN_TOKEN=csn_… python -m examples.consumer_loan.underwriter applications.jsonl \\
        --policy suggestion --url http://127.0.0.1:8000

The token needs the scopes cases.view and cases.decide. Two policies bound what people would do:
``suggestion`` always decides as the case suggests, ``truth`` looks up how the loan turned out.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

WAIT_SECONDS = 30
PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Desk:
    """Calls the API of an installation as one reviewer."""

    url: str
    token: str

    def list_waiting(self) -> Iterator[dict[str, Any]]:
        """Yield the active cases, page by page. A case that is decided leaves the list."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"show": "all", "limit": PAGE_SIZE, "cursor": cursor}
            page = self._send("GET", "/cases", params=query)
            yield from page["items"]
            cursor = page["next"]

    def case(self, case_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self._send("GET", f"/cases/{case_id}")
        return found

    def decide(self, case: Mapping[str, Any], outcome: str) -> None:
        reasons = ["credit_history"] if outcome == "rejected" else []
        body = {
            "outcome": outcome, "reasons": reasons, "revision": case["revision"],
            "commit_now": True,
        }  # fmt: skip
        key = {"Idempotency-Key": f"underwriter-{case['id']}"}
        self._send("POST", f"/cases/{case['id']}/decisions", json=body, headers=key)

    def _send(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        answer = requests.request(
            method, f"{self.url}/api/v1{path}", headers=headers, timeout=WAIT_SECONDS, **options
        )
        if not answer.ok:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def read_truth(path: Path) -> dict[str, str]:
    """Return the right decision for each applicant, by the converter's labels."""
    starts = map(json.loads, path.read_text().splitlines())
    right = {"good": "approved", "bad": "rejected"}
    return {start["input"]["applicant"]: right[start["label"]] for start in starts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("applications", type=Path, help="the converter's JSON lines")
    parser.add_argument("--policy", choices=("suggestion", "truth"), required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    options = parser.parse_args()
    desk = Desk(options.url.rstrip("/"), os.environ.get("COUNTERSIGN_TOKEN", ""))
    truth = read_truth(options.applications) if options.policy == "truth" else {}
    decided: Counter[str] = Counter()
    for case in list(desk.list_waiting()):
        if options.policy == "truth":
            outcome = truth[case["subject"]]
        else:
            outcome = desk.case(case["id"])["shown"]["suggestion"]
        desk.decide(case, outcome)
        decided[outcome] += 1
    sys.stdout.write(f"{decided.total()} decided: {dict(decided)}\n")


if __name__ == "__main__":
    main()
