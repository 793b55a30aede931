"""The people of the demo, and the file that says how to sign in as each."""

from datetime import datetime
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.core.management.base import CommandError

from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.people.services import add_person, grant_role

ACTOR = Actor.system("demo", "command")
# Marks the demo's own people, so that nobody else's password is ever touched.
DOMAIN = "demo.example"
PEOPLE = (
    ("designer", "Demo designer", Role.DESIGNER, "draws, tests and publishes flows"),
    ("reviewer", "Demo reviewer", Role.REVIEWER, "decides cases"),
    ("reviewer2", "Demo reviewer two", Role.REVIEWER, "decides cases"),
    ("lead", "Demo lead", Role.LEAD, "watches the queue, assigns, decides"),
    ("auditor", "Demo auditor", Role.AUDITOR, "proves who decided what"),
    ("operator", "Demo operator", Role.OPERATOR, "keeps runs moving"),
    ("admin", "Demo admin", Role.ADMIN, "manages people and roles"),
)


def check_names() -> None:
    """Raises: CommandError if a person who is not of the demo has one of its names."""
    names = [name for name, *_ in PEOPLE]
    others = User.objects.filter(username__in=names).exclude(email__endswith=f"@{DOMAIN}")
    if taken := sorted(others.values_list("username", flat=True)):
        raise CommandError(
            f"There is already a person named {', '.join(taken)}, who is not of the demo. "
            "Load the demo into an installation of its own: set COUNTERSIGN_VAR or DATABASE_URL."
        )


def load_people(password: str, *, reset: bool, now: datetime) -> None:
    """Add who is missing. One password for all, so that changing roles is quick to try."""
    # Hashed once: it is slow on purpose, and all have the same password anyway.
    hashed = make_password(password)
    for name, title, role, _ in PEOPLE:
        user = User.objects.filter(username=name).first()
        if user is None or reset:
            user = user or _add_person(name, title, now)
            user.password = hashed
            user.save(update_fields=["password"])
        grant_role(user=user, role=role, actor=ACTOR, now=now)


def _add_person(name: str, title: str, now: datetime) -> User:
    user, _ = add_person(
        username=name, display_name=title, email=f"{name}@{DOMAIN}", actor=ACTOR, now=now
    )
    return user


def write_accounts(path: Path, password: str) -> None:
    """Keep the accounts for `serve` to print, readable by their owner alone."""
    width = max(len(name) for name, *_ in PEOPLE)
    lines = [f"  {name:<{width}}  {what}" for name, _, _, what in PEOPLE]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"Demo accounts, all with the password {password}\n" + "\n".join(lines) + "\n")
