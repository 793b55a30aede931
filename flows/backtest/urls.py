from django.urls import URLPattern, URLResolver, path

from flows.backtest import views

ONE = "flows/<slug:name>/backtests/<int:backtest_id>/"
urlpatterns: list[URLPattern | URLResolver] = [
    path("flows/<slug:name>/backtests/", views.backtest_list, name="backtest-list"),
    path("flows/<slug:name>/backtests/start/", views.backtest_start, name="backtest-start"),
    path(ONE, views.backtest_detail, name="backtest-detail"),
    path(f"{ONE}head/", views.backtest_head, name="backtest-head"),
    path(f"{ONE}rows/", views.backtest_rows, name="backtest-rows"),
    path(f"{ONE}canvas.json", views.backtest_canvas, name="backtest-canvas"),
    path(f"{ONE}status.json", views.backtest_status, name="backtest-status"),
    path(f"{ONE}cancel/", views.backtest_cancel, name="backtest-cancel"),
]
