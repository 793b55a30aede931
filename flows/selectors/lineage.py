"""The runs before a run: what it repeats, who called it, and what these called."""

from collections.abc import Iterable

from flows.models import Run, Wait


def list_runs_before(run: Run) -> set[int]:
    """Return the ids of the run, of what it repeats, of what called these, and of what they called.

    A caller's other children are left out: they are about other items. Those of a run that is
    repeated are in, for the run does their work again. One query for a run that stands alone.
    """
    line, repeated, frontier = {run.pk}, {run.pk}, [run]
    while frontier:
        again = {each.rerun_of_id for each in frontier if each.rerun_of_id}
        waits = {each.parent_wait_id for each in frontier if each.parent_wait_id}
        callers = set(Wait.objects.filter(pk__in=waits).values_list("run_id", flat=True))
        new = (again | callers) - line
        repeated |= again
        line |= new
        frontier = list(Run.objects.filter(pk__in=new).only("rerun_of_id", "parent_wait_id"))
    return line | _list_called(repeated)


def _list_called(run_ids: Iterable[int]) -> set[int]:
    found: set[int] = set()
    frontier = set(run_ids)
    while frontier:
        waits = Wait.objects.filter(run_id__in=frontier, kind__in=["child", "children"])
        children = Run.objects.filter(parent_wait_id__in=waits.values("pk"))
        frontier = set(children.values_list("pk", flat=True)) - found
        found |= frontier
    return found
