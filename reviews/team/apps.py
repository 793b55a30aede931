from django.apps import AppConfig

ACTIONS = {
    "absence.planned": "Absence of {person} until {until}, covered by {cover}",
    "absence.ended": "Absence of {person} ended",
    "reviewer.changed": "Changed level and skills of {person}",
    "case.delegated": "Delegated by {from} to {to}",
    "case.covered": "Passed from {from}, who is away, to {to}",
}


class TeamConfig(AppConfig):
    name = "reviews.team"
    label = "team"

    def ready(self) -> None:
        from reviews.team import jobs  # noqa: F401 - registers the clock's task
        from reviews.team.live import may_hear_team
        from workbench.audit.actions import register_action
        from workbench.live import register_live_authoriser
        from workbench.shell.registry import Command, register_command

        for action, sentence in ACTIONS.items():
            register_action(action, sentence)
        register_live_authoriser("team", may_hear_team)
        register_command(
            Command("Team", "reviews:team", "users", "cases.assign", "load workload reassign lead")
        )
        register_command(
            Command("Out of office", "reviews:absences", "calendar-clock", "cases.decide",
                    "absence holiday cover away leave")
        )  # fmt: skip
