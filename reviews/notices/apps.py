from django.apps import AppConfig

ACTIONS = {
    "destination.added": "Notices go to {title} ({kind})",
    "destination.changed": "Changed where notices go: {title}",
    "destination.removed": "Notices no longer go to {title}",
}


class NoticesConfig(AppConfig):
    name = "reviews.notices"
    label = "notices"

    def ready(self) -> None:
        from reviews.notices import jobs  # noqa: F401 - registers what is delivered after a commit
        from reviews.notices.announcing import give_notice
        from workbench.audit.actions import register_action
        from workbench.shell.announcements import register_announcer
        from workbench.shell.registry import Command, register_bar_item, register_command

        for action, sentence in ACTIONS.items():
            register_action(action, sentence)
        register_announcer(give_notice)
        register_bar_item("reviews/notices/_bell_place.html", "cases.view")
        register_command(
            Command("Notices", "reviews:notices", "bell", "cases.view", "reminders mentions inbox")
        )
        register_command(
            Command("Where notices go", "reviews:destinations", "webhook", "queues.manage",
                    "chat slack teams webhook reminder destination")
        )  # fmt: skip
