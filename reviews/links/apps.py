from django.apps import AppConfig

ACTIONS = {
    "link.made": "Made a link to {purpose}",
    "link.refused": "Refused a link ({purpose}): {reason}",
    "link.used": "Used a link to {purpose}",
}


class LinksConfig(AppConfig):
    name = "reviews.links"
    label = "links"

    def ready(self) -> None:
        from reviews.links import jobs  # noqa: F401 - registers the mail's job
        from workbench.audit.actions import register_action

        for action, sentence in ACTIONS.items():
            register_action(action, sentence)
