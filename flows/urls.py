from django.urls import URLPattern, URLResolver, include, path

from flows.views import (
    artifacts,
    bulk,
    draft_text,
    flow_create,
    flows,
    reruns,
    run_acts,
    run_pages,
    runs,
    start,
    tour,
)

app_name = "flows"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("flows.triggers.urls")),
    path("", include("flows.health.urls")),
    path("", include("flows.backtest.urls")),
    path("", include("flows.lab.urls")),
    path("", include("flows.publishing.urls")),
    path("", include("flows.assets.urls")),
    # Flows
    path("flows/", flows.flow_list, name="flow-list"),
    path("flows/rows/", flows.flow_rows, name="flow-rows"),
    path("flows/new/", flow_create.flow_create, name="flow-create"),
    path("flows/<slug:name>/", flows.flow_detail, name="flow-detail"),
    path("flows/<slug:name>/tour/", tour.tour_hint, name="tour"),
    path("tour/end/", tour.tour_end, name="tour-end"),
    path("flows/<slug:name>/activity/", flows.flow_activity, name="flow-activity"),
    path("flows/<slug:name>/pause/", flows.flow_pause, name="flow-pause"),
    path("flows/<slug:name>/start/", start.start, name="flow-start"),
    path("flows/<slug:name>/text/", draft_text.draft_text, name="draft-text"),
    path("flows/<slug:name>/canvas.json", flows.flow_canvas, name="draft-canvas"),
    path("flows/<slug:name>/export/", flows.flow_export, name="draft-export"),
    path("flows/<slug:name>/edit/test/", include("flows.testing.urls")),
    path("flows/<slug:name>/edit/", include("flows.editor.urls")),
    path(
        "flows/<slug:name>/versions/<int:number>/canvas.json",
        flows.flow_canvas,
        name="version-canvas",
    ),
    path(
        "flows/<slug:name>/versions/<int:number>/export/", flows.flow_export, name="version-export"
    ),
    # Runs
    path("runs/", runs.run_list, name="run-list"),
    path("runs/rows/", runs.run_rows, name="run-rows"),
    path("runs/<int:run_id>/", run_pages.run_detail, name="run-detail"),
    path("runs/<int:run_id>/head/", run_pages.run_head, name="run-head"),
    path("runs/<int:run_id>/timeline/", run_pages.run_timeline, name="run-timeline"),
    path("runs/<int:run_id>/steps/<str:key>/", run_pages.step_run, name="step-run"),
    path("runs/<int:run_id>/journal/", run_pages.run_journal, name="run-journal"),
    path("runs/<int:run_id>/journal/rows/", run_pages.journal_rows, name="journal-rows"),
    path("runs/<int:run_id>/data/", run_pages.run_data, name="run-data"),
    path("runs/<int:run_id>/compare/", run_pages.run_compare, name="run-compare"),
    path("runs/<int:run_id>/canvas.json", run_pages.run_canvas, name="run-canvas"),
    path("runs/<int:run_id>/status.json", run_pages.run_status, name="run-status"),
    path("runs/<int:run_id>/cancel/", run_acts.run_cancel, name="run-cancel"),
    path("runs/<int:run_id>/retry/", run_acts.run_retry, name="run-retry"),
    path("runs/<int:run_id>/pause/", run_acts.run_pause, name="run-pause"),
    path("runs/<int:run_id>/rerun/", reruns.run_rerun, name="run-rerun"),
    path("runs/<int:run_id>/rerun/plan/", reruns.rerun_plan, name="rerun-plan"),
    path("runs/<int:run_id>/migrate/", run_acts.run_migrate, name="run-migrate"),
    path("runs/<int:run_id>/lane/", run_acts.run_lane, name="run-lane"),
    path("runs/many/", bulk.bulk, name="bulk"),
    path("runs/many/<int:bulk_id>/", bulk.bulk_act, name="bulk-act"),
    path("runs/many/<int:bulk_id>/progress/", bulk.bulk_progress, name="bulk-progress"),
    path("runs/many/<int:bulk_id>/stop/", bulk.bulk_stop, name="bulk-stop"),
    # Payloads
    path("artifacts/<str:digest>/", artifacts.artifact, name="artifact"),
]
