"""What each of the control-flow patterns demands, played on its document."""

from collections.abc import Callable

from flows.models import Run
from tests.integration.patterns.stage import Stage

Play = Callable[[Stage], None]


def sequence(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.status(run) == "completed"
    assert stage.finished(run) == ["register", "assess", "pay"]


def parallel_split(stage: Stage) -> None:
    run = stage.start(claim="c1")
    first, *rest = stage.finished(run)
    assert (first, sorted(rest)) == ("register", ["assess", "inform"])


def synchronization(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.finished(run) == ["register", "assess"]
    stage.event("letter.sent")
    assert stage.finished(run)[2:] == ["inform", "pay"]
    assert stage.status(run) == "completed"


def exclusive_choice(stage: Stage) -> None:
    assert stage.finished(stage.start(amount=100)) == ["size", "pay"]
    assert stage.finished(stage.start(amount=900)) == ["size", "inspect"]


def simple_merge(stage: Stage) -> None:
    assert stage.finished(stage.start(amount=100)) == ["size", "glance", "pay"]
    assert stage.finished(stage.start(amount=900)) == ["size", "inspect", "pay"]


def multi_choice(stage: Stage) -> None:
    run = stage.start(needs=["police", "ambulance"])
    assert sorted(stage.finished(run)) == ["ambulance", "call", "police"]
    assert stage.finished(stage.start(needs=[])) == ["call", "nobody"]


def structured_synchronizing_merge(stage: Stage) -> None:
    run = stage.start(needs=["police", "fire"])
    stage.event("back", "fire")
    assert "report" not in stage.finished(run)
    stage.event("back", "police")
    assert stage.finished(run) == ["call", "fire", "police", "report"]
    alone = stage.start(needs=["ambulance"])
    stage.event("back", "ambulance")
    assert stage.finished(alone) == ["call", "ambulance", "report"]


def multi_merge(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.finished(run).count("file") == 3
    assert stage.status(run) == "completed"


def structured_discriminator(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "south")
    assert stage.finished(run) == ["ask", "south", "buy"]
    assert stage.status(run) == "running"
    stage.event("offer", "north")
    stage.event("offer", "west")
    assert stage.finished(run).count("buy") == 1
    assert (stage.status(run), stage.notes(run, "join.absorbed")) == ("completed", 2)


def arbitrary_cycles(stage: Stage) -> None:
    round_ = ["check", "judge"]
    run = stage.start(ready=False)
    loops = [*round_, "collect", *round_, *round_, "file"]
    assert stage.finished(run) == ["enter", "collect", *loops]
    assert stage.finished(stage.start(ready=True)) == ["enter", *loops]


def implicit_termination(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert (stage.status(run), stage.waits(run)) == ("running", ["inform"])
    stage.event("letter.sent")
    assert stage.status(run) == "completed"


def instances_without_synchronization(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c"])
    assert (stage.status(run), stage.finished(run)) == ("completed", ["pack", "bill"])
    children = stage.children(run)
    assert [stage.status(child) for child in children] == ["running"] * 3
    for line in "abc":
        stage.event("line.there", line)
    assert [stage.status(child) for child in children] == ["completed"] * 3


def _all_lines_then_bill(stage: Stage, run: Run, lines: list[str]) -> None:
    assert len(stage.children(run)) == len(lines)
    for line in reversed(lines):
        assert stage.finished(run) == []
        stage.event("line.there", line)
    assert (stage.status(run), stage.finished(run)) == ("completed", ["pack", "bill"])


def instances_design_time(stage: Stage) -> None:
    _all_lines_then_bill(stage, stage.start(), ["goods", "manual", "warranty"])


def instances_run_time(stage: Stage) -> None:
    lines = ["a", "b", "c", "d"]
    run = stage.start(lines=lines)
    _all_lines_then_bill(stage, run, lines)
    assert run.output == {"packed": lines}


def instances_without_prior_knowledge(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("witness.named", who="anna")
    stage.event("witness.named", who="ben")
    stage.event("witness.heard", "anna")
    stage.event("witness.named", who="carl")
    stage.event("witness.complete")
    assert stage.event("witness.named", who="dora") == 0
    stage.event("witness.heard", "carl")
    assert "judge" not in stage.finished(run)
    stage.event("witness.heard", "ben")
    assert stage.finished(run).count("heard") == 3
    assert stage.finished(run)[-1] == "judge"
    assert (stage.status(run), stage.notes(run, "join.fired")) == ("completed", 1)


def deferred_choice(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("offer.accepted")
    stage.pass_time(8 * 86_400)
    assert stage.finished(run) == ["offer", "reply", "deliver"]
    assert (stage.cancelled(run), stage.status(run)) == (["week"], "completed")
    run = stage.start(claim="c2")
    stage.pass_time(8 * 86_400)
    assert stage.event("offer.accepted", "c2") == 0
    assert stage.finished(run) == ["offer", "week", "withdraw"]
    assert (stage.cancelled(run), stage.status(run)) == (["reply"], "completed")


def _one_at_a_time(stage: Stage, run: Run) -> list[str]:
    """Let what waits finish, one after the other; return the order it was in."""
    order = []
    while waits := stage.waits(run):
        assert len(waits) == 1
        order += waits
        stage.event("examined", waits[0])
    return order


def interleaved_parallel_routing(stage: Stage) -> None:
    run = stage.start()
    order = _one_at_a_time(stage, run)
    assert sorted(order) == ["blood", "scan", "xray"]
    assert order.index("blood") < order.index("xray")
    assert (stage.status(run), stage.finished(run)[-1]) == ("completed", "diagnose")


def milestone(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.event("order.changed") == 1
    assert stage.event("order.changed") == 1
    stage.pass_time(2 * 86_400)
    assert stage.event("order.changed") == 0
    assert stage.finished(run).count("apply") == 2
    assert stage.finished(run)[-2:] == ["still_open", "ship"]
    assert (stage.cancelled(run), stage.status(run)) == (["change"], "completed")


def cancel_task(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("claim.withdrawn")
    assert stage.event("claim.assessed") == 0
    assert stage.finished(run) == ["register", "withdrawn", "archive"]
    assert (stage.cancelled(run), stage.status(run)) == (["assess"], "completed")


def cancel_case(stage: Stage) -> None:
    run = stage.start(claim="c1")
    [child] = stage.children(run)
    assert stage.waits(run) == ["assess", "pack", "remind"]
    stage.cancel(run)
    assert (stage.status(run), stage.status(child)) == ("cancelled", "cancelled")
    assert stage.waits(run) == stage.waits(child) == []
    assert stage.event("claim.assessed") == stage.event("line.there") == 0
    stage.pass_time(2 * 86_400)
    assert stage.finished(run) == ["register"]


def structured_loop(stage: Stage) -> None:
    assert stage.finished(stage.start(pages=0)) == ["begin", "more", "file"]
    run = stage.start(pages=3)
    assert stage.finished(run) == ["begin", *["more", "read"] * 3, "more", "file"]


def recursion(stage: Stage) -> None:
    run = stage.start(n=3)
    assert (stage.status(run), run.output) == ("completed", {"sum": 6})
    assert [child.input["n"] for child in stage.children(run)] == [2, 1, 0]


def transient_trigger(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.event("alarm") == 0
    stage.event("system.armed")
    assert stage.waits(run) == ["alarm"]
    assert stage.event("alarm") == 1
    assert stage.finished(run) == ["armed", "alarm", "react"]


def persistent_trigger(stage: Stage) -> None:
    run = stage.start(claim="c1")
    assert stage.event("alarm") == 0
    stage.event("system.armed")
    assert stage.finished(run) == ["armed", "alarm", "react"]
    assert stage.status(run) == "completed"


def cancel_region(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("claim.assessed")
    stage.event("claim.withdrawn")
    assert stage.waits(run) == ["inform"]
    assert stage.event("claim.priced") == 0
    stage.event("letter.sent")
    assert stage.finished(run)[-3:] == ["archive", "inform", "file"]
    assert "settle" not in stage.finished(run)
    assert (stage.cancelled(run), stage.status(run)) == (["price"], "completed")


def cancel_multiple_instance_task(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c"])
    stage.event("line.there", "b")
    stage.event("order.recalled", "recall")
    assert stage.event("line.there", "a") == 0
    states = [stage.status(child) for child in stage.children(run)]
    assert states == ["cancelled", "completed", "cancelled"]
    assert stage.finished(run) == ["order", "recalled", "refund"]
    assert stage.status(run) == "completed"


def complete_multiple_instance_task(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c"])
    stage.event("line.there", "b")
    stage.event("truck.leaves", "truck")
    states = [stage.status(child) for child in stage.children(run)]
    assert states == ["cancelled", "completed", "cancelled"]
    assert stage.finished(run) == ["order", "now", "ship"]
    assert (stage.cancelled(run), stage.status(run)) == (["pack"], "completed")


def blocking_discriminator(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "north-1")
    assert stage.finished(run).count("buy") == 1
    stage.event("offer", "north-2")
    assert stage.finished(run).count("buy") == 1
    stage.event("offer", "south-1")
    assert stage.finished(run).count("buy") == 2
    stage.event("offer", "south-2")
    assert (stage.status(run), stage.finished(run).count("buy")) == ("completed", 2)


def cancelling_discriminator(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "south")
    assert stage.finished(run) == ["ask", "south", "buy"]
    assert (stage.cancelled(run), stage.status(run)) == (["north", "west"], "completed")


def structured_partial_join(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "west")
    assert "compare" not in stage.finished(run)
    stage.event("offer", "north")
    assert stage.finished(run) == ["ask", "west", "north", "compare"]
    stage.event("offer", "south")
    assert stage.finished(run).count("compare") == 1
    assert (stage.status(run), stage.notes(run, "join.absorbed")) == ("completed", 1)


def blocking_partial_join(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "north-1")
    stage.event("offer", "south-1")
    assert stage.finished(run).count("buy") == 1
    stage.event("offer", "north-2")
    stage.event("offer", "south-2")
    assert stage.finished(run).count("buy") == 1
    stage.event("offer", "west-1")
    assert stage.finished(run).count("buy") == 2
    stage.event("offer", "west-2")
    assert (stage.status(run), stage.finished(run).count("buy")) == ("completed", 2)


def cancelling_partial_join(stage: Stage) -> None:
    run = stage.start()
    stage.event("offer", "west")
    stage.event("offer", "north")
    assert stage.finished(run) == ["ask", "west", "north", "compare"]
    assert (stage.cancelled(run), stage.status(run)) == (["south"], "completed")


def generalized_and_join(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("wheel.came")
    stage.event("wheel.came")
    assert "assemble" not in stage.finished(run)
    stage.event("frame.came")
    assert stage.finished(run).count("assemble") == 1
    stage.event("frame.came")
    assert stage.finished(run).count("assemble") == 2
    assert stage.status(run) == "completed"


def static_partial_join_for_instances(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c", "d"])
    stage.event("line.there", "c")
    assert stage.finished(run) == []
    stage.event("line.there", "a")
    assert (stage.status(run), stage.finished(run)) == ("completed", ["pack", "bill"])
    stage.event("line.there", "b")
    stage.event("line.there", "d")
    assert {stage.status(child) for child in stage.children(run)} == {"completed"}
    assert stage.finished(run).count("bill") == 1


def cancelling_partial_join_for_instances(stage: Stage) -> None:
    run = stage.start(lines=["a", "b", "c", "d"])
    stage.event("line.there", "c")
    stage.event("line.there", "a")
    assert (stage.status(run), stage.finished(run)) == ("completed", ["pack", "bill"])
    states = [stage.status(child) for child in stage.children(run)]
    assert states == ["completed", "cancelled", "completed", "cancelled"]


def dynamic_partial_join_for_instances(stage: Stage) -> None:
    run = stage.start(claim="c1", needed=2)
    for name in ("anna", "ben"):
        stage.event("witness.named", who=name)
    stage.event("witness.heard", "ben")
    stage.event("witness.named", who="carl")
    assert "judge" not in stage.finished(run)
    stage.event("witness.heard", "carl")
    assert stage.finished(run)[-1] == "judge"
    assert stage.event("witness.heard", "anna") == stage.event("witness.named") == 0
    assert (stage.cancelled(run), stage.status(run)) == (["heard", "named"], "completed")


def local_synchronizing_merge(stage: Stage) -> None:
    run = stage.start(needs=["police", "fire", "ambulance", "arrest"])
    stage.event("back", "fire")
    assert "clean" not in stage.finished(run)
    stage.event("back", "police")
    assert {"arrest", "clean"} <= set(stage.finished(run))
    assert "report" not in stage.finished(run)
    stage.event("back", "ambulance")
    assert stage.finished(run).count("report") == 1
    alone = stage.start(needs=["police"])
    stage.event("back", "police")
    assert stage.finished(alone) == ["call", "police", "calm", "clean", "report"]


def general_synchronizing_merge(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("claim.priced")
    stage.event("claim.inspected", say="again")
    assert "pay" not in stage.finished(run)
    stage.event("claim.inspected", say="good")
    assert stage.finished(run).count("pay") == 1
    bad = stage.start(claim="c2")
    stage.event("claim.priced", "c2")
    stage.event("claim.inspected", "c2", say="bad")
    assert sorted(stage.finished(bad)[-2:]) == ["note", "pay"]
    assert (stage.status(run), stage.status(bad)) == ("completed", "completed")


def critical_section(stage: Stage) -> None:
    run = stage.start(claim="c1")
    for _ in range(2):
        [inside] = stage.waits(run)
        stage.event({"take": "key.taken", "lend": "key.lent"}[inside])
    section = [s for s in stage.finished(run) if s.startswith(("take", "lend"))]
    take, lend = ["take", "take_back"], ["lend", "lend_back"]
    assert section in ([*take, *lend], [*lend, *take])
    assert (stage.status(run), stage.finished(run)[-1]) == ("completed", "close")


def interleaved_routing(stage: Stage) -> None:
    run = stage.start()
    assert sorted(_one_at_a_time(stage, run)) == ["blood", "scan", "xray"]
    assert (stage.status(run), stage.finished(run)[-1]) == ("completed", "diagnose")


def thread_merge(stage: Stage) -> None:
    run = stage.start()
    assert stage.waits(run) == ["print"] * 3
    stage.event("printer.free", "printer")
    assert stage.finished(run) == ["copies", "print", "print", "print", "bind"]
    assert (stage.status(run), stage.notes(run, "join.fired")) == ("completed", 1)


def thread_split(stage: Stage) -> None:
    run = stage.start()
    assert sorted(stage.finished(run)) == [*["bind"] * 3, "copies", *["print"] * 3]


def explicit_termination(stage: Stage) -> None:
    run = stage.start(claim="c1")
    stage.event("claim.fraud")
    assert (stage.status(run), run.outcome) == ("completed", "refused")
    assert (stage.cancelled(run), stage.waits(run)) == (["assess"], [])
    assert stage.finished(run) == ["register", "fraud", "refused"]


PLAYS: dict[int, Play] = {
    1: sequence,
    2: parallel_split,
    3: synchronization,
    4: exclusive_choice,
    5: simple_merge,
    6: multi_choice,
    7: structured_synchronizing_merge,
    8: multi_merge,
    9: structured_discriminator,
    10: arbitrary_cycles,
    11: implicit_termination,
    12: instances_without_synchronization,
    13: instances_design_time,
    14: instances_run_time,
    15: instances_without_prior_knowledge,
    16: deferred_choice,
    17: interleaved_parallel_routing,
    18: milestone,
    19: cancel_task,
    20: cancel_case,
    21: structured_loop,
    22: recursion,
    23: transient_trigger,
    24: persistent_trigger,
    25: cancel_region,
    26: cancel_multiple_instance_task,
    27: complete_multiple_instance_task,
    28: blocking_discriminator,
    29: cancelling_discriminator,
    30: structured_partial_join,
    31: blocking_partial_join,
    32: cancelling_partial_join,
    33: generalized_and_join,
    34: static_partial_join_for_instances,
    35: cancelling_partial_join_for_instances,
    36: dynamic_partial_join_for_instances,
    37: local_synchronizing_merge,
    38: general_synchronizing_merge,
    39: critical_section,
    40: interleaved_routing,
    41: thread_merge,
    42: thread_split,
    43: explicit_termination,
}
