from django.apps import AppConfig

ACTIONS = {
    "budget.set": "Set the budget of {amount} a {period} for {whose}",
    "budget.removed": "Removed the budget of {amount} a {period} for {whose}",
}


class CostsConfig(AppConfig):
    name = "flows.costs"
    label = "costs"

    def ready(self) -> None:
        from flows.costs import clock  # noqa: F401 - registers its task
        from workbench.audit.actions import register_action
        from workbench.shell.registry import Command, Tab, register_command, register_tab

        register_tab(Tab("insights", "Cost", "flows:costs", "insights.view", 50))
        register_tab(Tab("insights", "Budgets", "flows:budget-list", "connections.view", 60))
        register_command(
            Command("Cost", "flows:costs", "coins", "insights.view", "money spent tokens price")
        )
        register_command(
            Command("Budgets", "flows:budget-list", "coins", "connections.view", "limit money")
        )
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)
