"""What each act of ``manage.py run`` does to one run."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from flows import selectors, services
from flows.engine.lanes import Lane
from flows.management.subcommands import Options
from flows.models import FlowVersion, Run
from flows.services import Act
from workbench.accounts.actors import Actor
from workbench.values.json_text import read_json

ACTOR = Actor.system("manage.py run", channel="command")


def act_on_run(act: Act, run: Run, options: Options) -> str:
    """Do the act, and return in a few words what was done."""
    who: dict[str, Any] = {"run_id": run.pk, "actor": ACTOR, "now": timezone.now()}
    if act is Act.RERUN:
        given = read_json(options["input"]) if options["input"] else None
        step, version_id = options["step"] or None, find_version_id(run, options)
        made = services.rerun(**who, step=step, input=given, version_id=version_id)
        return f"run {made.run.pk} goes on from it"
    acts: dict[Act, Callable[[], object]] = {
        Act.CANCEL: partial(services.cancel_run, **who, reason=options.get("reason", "")),
        Act.PAUSE: partial(services.pause_run, **who),
        Act.RESUME: partial(services.resume_run, **who),
        Act.RETRY: partial(services.retry_run, **who),
        Act.LANE: lambda: services.move_to_lane(**who, lane=Lane(options["lane"])),
        Act.MIGRATE: lambda: services.migrate_run(**who, version_id=find_version_id(run, options)),
    }
    acts[act]()
    run.refresh_from_db()
    return run.status


def find_version_id(run: Run, options: Options) -> int:
    """Return the version that ``--version-number`` names, or else the run's own."""
    number = options.get("version_number")
    if number is None:
        return run.version_id
    try:
        return selectors.get_version(run.flow, number).pk
    except FlowVersion.DoesNotExist:
        raise CommandError(f"Flow {run.flow.name} has no version {number}.") from None
