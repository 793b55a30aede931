"""URLs of the test drawer, included below ``flows/<slug:name>/edit/test/``."""

from django.urls import URLPattern, URLResolver, path

from flows.testing.views import flow_tests, trials

urlpatterns: list[URLPattern | URLResolver] = [
    path("", trials.bench, name="test-bench"),
    path("play/", trials.play, name="test-play"),
    path("tests/", flow_tests.flow_tests, name="flow-tests"),
    path("tests/play/", flow_tests.play_flow_tests, name="flow-tests-play"),
    path("tests/<int:index>/delete/", flow_tests.delete_flow_test, name="flow-test-delete"),
    path("coverage.json", flow_tests.coverage_json, name="test-coverage"),
]
