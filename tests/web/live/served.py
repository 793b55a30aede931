"""The product's own application, and a thread that nudges when the test says so.

Daphne serves ``application``; each line on stdin is one command, each line on stdout its answer.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from workbench.asgi import application

__all__ = ["application"]

from django.db import transaction

from workbench.accounts.models import RoleGrant
from workbench.accounts.permissions import can
from workbench.live import announce_access_change, nudge, nudge_on_commit, register_live_authoriser

register_live_authoriser("sample", lambda user, rest: can(user, "runs.view"))


def timed_nudge(group: str) -> float:
    began = time.monotonic()
    nudge([group], {"at": began})
    return time.monotonic() - began


def burst(group: str, count: int) -> int:
    for seq in range(1, count + 1):
        nudge([group], {"seq": seq})
    return count


def roll_back(group: str) -> str:
    with transaction.atomic():
        nudge_on_commit([group], {"seq": -1})
        transaction.set_rollback(True)
    return "rolled back"


def take_roles(user_id: int) -> int:
    with transaction.atomic():
        deleted, _ = RoleGrant.objects.filter(user_id=user_id).delete()
        announce_access_change(user_id)
    return deleted


COMMANDS: dict[str, Callable[..., Any]] = {
    "nudge": timed_nudge,
    "burst": burst,
    "roll_back": roll_back,
    "take_roles": take_roles,
}


def obey() -> None:
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(COMMANDS[name](*arguments)) + "\n")
        sys.stdout.flush()


threading.Thread(target=obey, daemon=True).start()
