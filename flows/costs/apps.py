from django.apps import AppConfig

ACTIONS = {
    "budget.set": "Set the budget of {amount} a {period} for {whose}",
    "budget.removed": "Removed the budget of {amount} a {period} for {whose}",
}


class CostsConfig(AppConfig):
    name = "flows.costs"
    label = "costs"

    def ready(self) -> None:
        from flows.costs import clock, telling  # noqa: F401 - register their tasks
        from workbench.audit.actions import register_action
        from workbench.shell.registry import Tab, register_tab

        money = "money spent tokens price"
        register_tab(Tab("insights", "Cost", "flows:costs", "insights.view", 50, money))
        register_tab(
            Tab("insights", "Budgets", "flows:budget-list", "connections.view", 60, "limit money")
        )
        for name, sentence in ACTIONS.items():
            register_action(name, sentence)
