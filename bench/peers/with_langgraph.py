"""LangGraph with its PostgreSQL checkpointer: ten nodes in a row; a node that interrupts.

``worker`` is one of two processes. LangGraph has no workers of its own: whoever resumes a
graph also runs it on, so the workers decide. Durability is "sync", as its documentation asks where
a finished node must survive a crash.

A saver holds a lock while it writes, so that graphs which share a saver write one after the other.
Here each thread has a saver and a connection of its own.
"""

import os
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from psycopg import Connection
from psycopg.rows import dict_row

from bench.conversation import answer

STEPS = 10
THREADS = 8

DATABASE_URL = os.environ["BENCH_DATABASE_URL"]

_mine = threading.local()
_stamps: dict[str, float] = {}


class Numbers(TypedDict):
    n: int


class Waiting(TypedDict):
    decision: str
    began: float


def trivial(state: Numbers) -> Numbers:
    return {"n": state["n"] + 1}


def wait(state: Waiting) -> dict[str, Any]:
    return {"decision": interrupt("decide")}


def stamp(state: Waiting) -> dict[str, Any]:
    return {"began": time.monotonic()}


def ten_nodes(saver: PostgresSaver) -> Any:
    graph = StateGraph(Numbers)
    names = [f"step_{n}" for n in range(STEPS)]
    for name in names:
        graph.add_node(name, trivial)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph.compile(checkpointer=saver)


def pausing(saver: PostgresSaver) -> Any:
    graph = StateGraph(Waiting)
    graph.add_node("wait", wait)
    graph.add_node("stamp", stamp)
    graph.add_edge(START, "wait")
    graph.add_edge("wait", "stamp")
    graph.add_edge("stamp", END)
    return graph.compile(checkpointer=saver)


def thread_config(id_: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": id_}}


def prepare() -> None:
    """Give a thread its own connection, saver and graphs."""
    connection = Connection.connect(
        DATABASE_URL, autocommit=True, prepare_threshold=0, row_factory=dict_row
    )
    saver = PostgresSaver(connection)
    _mine.ten_nodes, _mine.pausing = ten_nodes(saver), pausing(saver)


pool = ThreadPoolExecutor(THREADS, initializer=prepare)


def run(id_: str) -> int:
    end = _mine.ten_nodes.invoke({"n": 0}, thread_config(id_), durability="sync")
    return int(end["n"])


def linear(runs: int) -> dict[str, Any]:
    ids = new_ids(runs)
    began = time.monotonic()
    ends = list(pool.map(run, ids))
    ended = time.monotonic()
    assert ends == [STEPS] * runs
    return {"began": began, "ended": ended, "steps": runs * STEPS}


def start(id_: str) -> str:
    _mine.pausing.invoke({}, thread_config(id_), durability="sync")
    return id_


def pause(count: int) -> list[str]:
    return list(pool.map(start, new_ids(count)))


def resume(id_: str) -> tuple[float, float]:
    """Resume a graph. Return twice when it was called: its decision has no commit of its own."""
    called = time.monotonic()
    end = _mine.pausing.invoke(Command(resume="approve"), thread_config(id_), durability="sync")
    _stamps[id_] = end["began"]
    return called, called


def decide(ids: list[str], pace_seconds: float, threads: int) -> dict[str, Any]:
    if not pace_seconds:
        return dict(zip(ids, pool.map(resume, ids), strict=True))
    decided = {}
    for id_ in ids:
        decided[id_] = pool.submit(resume, id_).result()
        time.sleep(pace_seconds)
    return decided


def stamps() -> dict[str, float]:
    return dict(_stamps.popitem() for _ in range(len(_stamps)))


def new_ids(count: int) -> list[str]:
    return [uuid.uuid4().hex for _ in range(count)]


def worker() -> None:
    with pool:
        answer({"linear": linear, "pause": pause, "decide": decide, "stamps": stamps})


def set_up() -> None:
    with PostgresSaver.from_conn_string(DATABASE_URL) as saver:
        saver.setup()


if __name__ == "__main__":
    {"worker": worker, "set-up": set_up}[sys.argv[1]]()
