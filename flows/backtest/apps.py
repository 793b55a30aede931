from django.apps import AppConfig


class BacktestConfig(AppConfig):
    name = "flows.backtest"
    label = "backtest"

    def ready(self) -> None:
        from flows.backtest import clock, jobs  # noqa: F401 - register their task and job
        from flows.backtest.selectors import may_see_backtest
        from workbench.live import register_live_authoriser

        register_live_authoriser("backtest", may_see_backtest)
