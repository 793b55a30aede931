"""Loan applications on the embedded default: none is lost, nothing happens twice, all is on record.

Generated applications, few of them. The full form, on rows of the Statlog data set:

    APPLICATIONS=700 APPLICATIONS_DATA=applications.data \\
        pytest tests/chaos/test_applications.py -s --timeout 1800
"""

import os
import re
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.chaos import loans
from tests.chaos.loans import FLOW, Bank, Client
from tests.servers import EffectSink, ServerFailed
from tests.waiting import until

COUNT = int(os.environ.get("APPLICATIONS", "40"))
pytestmark = pytest.mark.timeout(300 + COUNT * 2)


def show(figures: str) -> None:
    print(figures)  # noqa: T201 - seen with -s; docs/proof.md quotes it


Prepared = tuple[Path, str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A folder with the demo and the applications, and the secret of a reviewer's token."""
    folder = tmp_path_factory.mktemp("prepared")
    return folder, loans.prepare(folder, COUNT)


@contextmanager
def open_bank(prepared: Prepared, folder: Path) -> Iterator[tuple[Bank, Client, EffectSink]]:
    shutil.copytree(prepared[0], folder)
    with servers.effect_sink() as sink, Bank.opened(folder, sink) as bank:
        yield bank, Client(bank, prepared[1]), sink


def run_file(bank: Bank) -> str:
    """Start what is not started, wait until nothing moves, and return what was said of it."""
    path = str(bank.var / "applications.jsonl")
    return bank.manage("flow", "run", FLOW, "--input-file", path, "--wait", "--timeout", "900")


@pytest.fixture(scope="module")
def undisturbed(
    prepared: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bank, EffectSink, str]]:
    """All run and decided without a kill: the state that every other way must end in."""
    folder = tmp_path_factory.mktemp("calm") / "var"
    with open_bank(prepared, folder) as (bank, reviewer, sink):
        bank.start()
        said = run_file(bank)
        decided = loans.decide_all(reviewer)
        show(f"undisturbed: {said.splitlines()}; decided {dict(decided)}")
        yield bank, sink, said


def test_every_run_ends_or_waits_and_deciding_ends_them_all(
    undisturbed: tuple[Bank, EffectSink, str],
) -> None:
    bank, sink, said = undisturbed

    assert f"{COUNT} started, 0 started before, 0 refused" in said
    counts = {state: int(n) for n, state in re.findall(r"(\d+) (completed|waiting)", said)}
    assert sum(counts.values()) == COUNT
    assert min(counts.values()) > 0, "both ways of the flow must be taken"
    ended = loans.end_state(bank)
    assert len(ended) == COUNT
    assert {status for status, *_ in ended.values()} == {"completed"}
    assert bank.query("SELECT count(*) FROM flows_token") == [(0,)]
    assert set(sink.effects) == loans.told_before(bank)


def test_killed_twice_and_while_people_decide_it_ends_in_the_same_state(
    undisturbed: tuple[Bank, EffectSink, str], prepared: Prepared, tmp_path: Path
) -> None:
    calm = undisturbed[0]
    with open_bank(prepared, tmp_path / "var") as (bank, reviewer, sink):
        settled = kill_while_machines_work(bank, sink)
        settled |= kill_while_people_decide(bank, reviewer, sink)

        assert loans.end_state(bank) == loans.end_state(calm)
        assert bank.query("SELECT count(*) FROM flows_token") == [(0,)]
        assert set(loans.finished_steps(bank).values()) == {1}, "a step finished twice"
        check_effects(bank, sink, settled)
        check_ledger(bank)


def kill_while_machines_work(bank: Bank, sink: EffectSink) -> dict[str, int]:
    """Kill it twice on the way; return the effects that were on disk as done, with requests."""
    bank.start()
    path = str(bank.var / "applications.jsonl")
    bank.manage("flow", "run", FLOW, "--input-file", path)
    settled: dict[str, int] = {}
    for share in (0.15, 0.4):
        until(
            lambda: len(sink.effects) >= share * COUNT,  # noqa: B023
            f"{share:.0%} of the effects",
            patience_seconds=120,
        )
        bank.kill()
        settled |= {key: sink.requests[key] for key in loans.told_before(bank)}
        bank.start()
    said = run_file(bank)
    assert f"0 started, {COUNT} started before" in said, "a start was lost or repeated"
    assert "running" not in said
    return settled


def kill_while_people_decide(bank: Bank, reviewer: Client, sink: EffectSink) -> dict[str, int]:
    """Kill it once more with decisions under way; the client repeats what was not answered."""
    waiting = bank.query("SELECT count(*) FROM flows_wait WHERE state = 'open'")[0][0]
    settled: dict[str, int] = {}

    def restart() -> None:
        bank.kill()
        settled.update({key: sink.requests[key] for key in loans.told_before(bank)})
        bank.start()

    killer = threading.Thread(target=restart)
    decided = loans.decide_all(
        reviewer, lambda done: killer.start() if done == waiting // 2 else None
    )
    killer.join()
    said = run_file(bank)
    assert "waiting" not in said
    show(f"disturbed: {said.splitlines()}; decided {dict(decided)}")
    return settled


def check_effects(bank: Bank, sink: EffectSink, settled: dict[str, int]) -> None:
    """One effect for each activation that was to have one; repeats only of what was in flight."""
    requests, distinct = sum(sink.requests.values()), len(sink.requests)
    show(f"{bank.kills} kills: {requests} requests, {distinct} distinct keys")
    assert set(sink.effects) == loans.told_before(bank)
    told_runs = Counter(body["run"] for body in sink.bodies)
    assert len(told_runs) == distinct, "a run told its applicant under two keys"
    again = {key for key, before in settled.items() if sink.requests[key] > before}
    assert not again, "an effect was repeated after its step was on disk as finished"


def check_ledger(bank: Bank) -> None:
    assert "good" in bank.manage("audit", "verify")
    decided = bank.query("SELECT count(*) FROM audit_entry WHERE action = 'case.decided'")
    assert decided == bank.query("SELECT count(*) FROM reviews_decision WHERE state = 'committed'")


def test_a_row_changed_behind_the_ledgers_back_is_named(
    undisturbed: tuple[Bank, EffectSink, str],
) -> None:
    bank = undisturbed[0]
    assert "good" in bank.manage("audit", "verify")
    entry = bank.query("SELECT max(id) FROM audit_entry WHERE action = 'case.decided'")[0][0]
    with closing(sqlite3.connect(bank.var / "countersign.sqlite3", timeout=30)) as connection:
        change = "UPDATE audit_entry SET actor_name = 'somebody else' WHERE id = ?"
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(change, (entry,))
        guards = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'"
        ).fetchall()
        for (name,) in guards:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(change, (entry,))
        connection.commit()

    with pytest.raises(ServerFailed, match=f"entry {entry}: "):
        bank.manage("audit", "verify")
