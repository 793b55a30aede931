from django.apps import AppConfig

from workbench.audit.actions import register_action
from workbench.shell.registry import NavItem, register_nav


class PeopleConfig(AppConfig):
    name = "workbench.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        # Imports models, which are loaded by now.
        from workbench.people import sign_in

        sign_in.connect()
        register_action("user.added", "Added {person}")
        register_action("user.deactivated", "Deactivated {person}")
        register_action("user.activated", "Activated {person} again")
        register_action("user.signed_in", "{person} signed in")
        register_action("user.signed_out", "{person} signed out")
        register_action("user.sign_in_failed", "Sign-in as {person} failed")
        register_action("user.session_ended", "Ended a session of {person}")
        register_action("role.granted", "Granted {role} to {person}")
        register_action("role.revoked", "Revoked {role} from {person}")
        register_action("token.created", "Created API token {name}")
        register_action("token.revoked", "Revoked API token {name}")
        register_nav(NavItem("Admin", "accounts:people", "users", "people.view", 60))
