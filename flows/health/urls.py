from django.urls import URLPattern, URLResolver, path

from flows.health import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/", views.health, name="health"),
    path("health/panels/", views.health_panels, name="health-panels"),
    path(
        "health/set-aside/<int:set_aside_id>/retry/", views.set_aside_retry, name="set-aside-retry"
    ),
    path("health/resilience/", views.resilience, name="resilience"),
    path("health/resilience/panels/", views.resilience_panels, name="resilience-panels"),
    path("health/resilience/breakers/reset/", views.breaker_reset, name="breaker-reset"),
    path("health/resilience/dead/retry/", views.dead_retry, name="dead-retry"),
    path("health/resilience/jobs/revive/", views.jobs_revive, name="jobs-revive"),
]
