"""Set what a reviewer may take on."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from reviews.errors import NotAuthorised, SettingsInvalid
from reviews.models import Reviewer
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record

MAX_LEVEL = 9
MAX_SKILLS = 30
SKILL_LENGTH = 60


def set_reviewer(
    *, person: User, level: int, skills: Sequence[str], actor: Actor, by: User, now: datetime
) -> Reviewer:
    """Set a person's authority level and skills. Nobody sets their own.

    Raises: NotAuthorised, SettingsInvalid.
    """
    if person == by:
        raise NotAuthorised("You cannot set your own level and skills: ask someone else.")
    named = sorted({skill.strip() for skill in skills if skill.strip()})
    _check_values(level, named)
    with transaction.atomic():
        reviewer, _ = Reviewer.objects.update_or_create(
            user=person, defaults={"level": level, "skills": named}
        )
        record(
            action="reviewer.changed",
            subject=("user", str(person.pk)),
            actor=actor,
            payload={"person": person.label, "level": level, "skills": named},
            now=now,
        )
    return reviewer


def _check_values(level: int, skills: Sequence[str]) -> None:
    """Raises: SettingsInvalid."""
    problems = {}
    if not 1 <= level <= MAX_LEVEL:
        problems["level"] = f"Choose a level from 1 to {MAX_LEVEL}."
    if len(skills) > MAX_SKILLS or any(len(skill) > SKILL_LENGTH for skill in skills):
        problems["skills"] = f"Name at most {MAX_SKILLS} skills of {SKILL_LENGTH} characters each."
    if problems:
        raise SettingsInvalid(problems)
