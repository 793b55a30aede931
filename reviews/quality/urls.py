from django.urls import URLPattern, URLResolver, path

from reviews.quality.views import calibration, checks, datasets, figures, policies

app_name = "quality"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", figures.first_page, name="insights"),
    path("quality/", figures.quality, name="figures"),
    path("calibration/", calibration.calibration, name="calibration"),
    path("calibration/fit/", calibration.fit, name="fit_calibration"),
    path("checks/", checks.checks, name="checks"),
    path("checks/<int:check_id>/close/", checks.close, name="close_check"),
    path("policies/", policies.policies, name="policies"),
    path("policies/queues/<slug:name>/", policies.queue_policy, name="queue_policy"),
    path("policies/sampling/", policies.add_sampling, name="add_sampling"),
    path("policies/sampling/<int:policy_id>/", policies.change_sampling, name="change_sampling"),
    path("policies/answers/", policies.add_answer, name="add_answer"),
    path("policies/answers/<int:answer_id>/retire/", policies.retire_answer, name="retire_answer"),
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/new/", datasets.create, name="create_dataset"),
    path("datasets/<int:version_id>/verify/", datasets.verify, name="verify_dataset"),
    path("datasets/<int:version_id>/<slug:form>/", datasets.download, name="download_dataset"),
]
