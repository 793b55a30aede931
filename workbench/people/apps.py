from django.apps import AppConfig

from workbench.audit.actions import register_action
from workbench.shell.registry import NavItem, Tab, register_nav, register_tab

ACTIONS = {
    "user.added": "Added {person}",
    "user.deactivated": "Deactivated {person}",
    "user.activated": "Activated {person} again",
    "user.signed_in": "{person} signed in",
    "user.signed_out": "{person} signed out",
    "user.sign_in_failed": "Sign-in as {person} failed",
    "user.second_factor_failed": "{person} gave a wrong second factor",
    "user.password_set": "{person} set a password",
    "user.password_changed": "{person} changed the password",
    "user.password_reset": "The password of {person} was reset by a link",
    "user.email_added": "{person} added an e-mail address",
    "user.email_changed": "{person} changed the e-mail address",
    "user.email_removed": "{person} removed an e-mail address",
    "user.second_factor_added": "{person} turned on {factor}",
    "user.second_factor_removed": "{person} turned off {factor}",
    "user.time_zone_changed": "{person} changed the time zone from {before} to {time_zone}",
    "user.session_ended": "Ended a session of {person}",
    "role.granted": "Granted {role} to {person}",
    "role.revoked": "Revoked {role} from {person}",
    "token.created": "Created API token {name}",
    "token.revoked": "Revoked API token {name}",
    "token.refused": "Refused API token {name}: {why}",
}


class PeopleConfig(AppConfig):
    name = "workbench.people"
    label = "people"
    verbose_name = "People"

    def ready(self) -> None:
        # Imports models, which are loaded by now.
        from workbench.people import sign_in

        sign_in.connect()
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)
        register_nav(NavItem("Admin", "", "users", "people.view", 60, "admin"))
        register_tab(Tab("admin", "People", "accounts:people", "people.view", 10, "users"))
        register_tab(Tab("admin", "Roles", "accounts:roles", "people.view", 20, "permissions"))
