from django.apps import AppConfig


class BacktestConfig(AppConfig):
    name = "flows.backtest"
    label = "backtest"

    def ready(self) -> None:
        from flows.backtest import jobs  # noqa: F401 - registers the job
        from flows.backtest.selectors import may_see_backtest
        from workbench.live import register_live_authoriser

        register_live_authoriser("backtest", may_see_backtest)
