"""What policies cost: deciding in this process's children, and points where none is attached.

``python -m bench.policies``. Figures are medians and 99th percentiles of calls one after another.
"""

import time
from collections.abc import Callable
from typing import Any

from flows.policies.apart import decide
from flows.policies.model import Policy
from flows.policies.points import EGRESS, START, StartInput, judge, judge_step

ROUNDS = 5_000
RULES = """\
package refunds

import rego.v1

default allow := false

allow if count(reasons) == 0

reasons contains sprintf("%v is above %v.", [input.amount, data.most]) if input.amount > data.most

reasons contains "The customer is new." if input.days < 30
"""


def measure(name: str, call: Callable[[], Any]) -> None:
    call()
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    taken.sort()
    micro = [taken[int(len(taken) * share)] * 1e6 for share in (0.5, 0.99)]
    print(f"{name:40} p50 {micro[0]:9.1f} us   p99 {micro[1]:9.1f} us")


def make_nothing() -> StartInput:
    raise AssertionError("nothing is attached")


def main() -> None:
    rego = Policy("rego", RULES, data={"most": 50})
    cel = Policy("cel", "input.amount <= 50 && input.days >= 30")
    given = {"amount": 60, "days": 90}
    began = time.perf_counter()
    decide(rego, given)
    print(f"first decision of a process {time.perf_counter() - began:.2f} s")
    measure("Rego, here", lambda: decide(rego, given))
    measure("CEL, here", lambda: decide(cel, given))
    measure("a point, nothing attached", lambda: judge(START, make_nothing, flow="loan"))
    measure("a point in a step, nothing attached", lambda: judge_step(EGRESS, host="a"))


if __name__ == "__main__":
    main()
