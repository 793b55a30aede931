"""Who asked for a run, besides those behind its start."""

from collections.abc import Collection

from flows.models import Run


def add_requesters(run_id: int, users: Collection[int]) -> None:
    """Let the users have asked for the run too: what they sent is decided on in it.

    Lock the run before. Two queries at most, none without users.
    """
    if not users:
        return
    run = Run.objects.only("requested_by").get(pk=run_id)
    if new := [each for each in users if each not in run.requested_by]:
        Run.objects.filter(pk=run_id).update(requested_by=[*run.requested_by, *new])
