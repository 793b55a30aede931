"""URLs of the test drawer, included below ``flows/<slug:name>/edit/test/``."""

from django.urls import URLPattern, URLResolver, path

from flows.testing import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.bench, name="test-bench"),
    path("play/", views.play, name="test-play"),
    path("tests/", views.flow_tests, name="flow-tests"),
    path("tests/play/", views.play_flow_tests, name="flow-tests-play"),
    path("tests/<int:index>/delete/", views.delete_flow_test, name="flow-test-delete"),
    path("coverage.json", views.coverage_json, name="test-coverage"),
]
