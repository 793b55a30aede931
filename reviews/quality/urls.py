from django.urls import URLPattern, URLResolver, path

from reviews.quality import dataset_views, policy_views, views

app_name = "quality"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.first_page, name="insights"),
    path("quality/", views.quality, name="figures"),
    path("checks/", views.checks, name="checks"),
    path("checks/<int:check_id>/close/", views.close, name="close_check"),
    path("policies/", policy_views.policies, name="policies"),
    path("policies/queues/<slug:name>/", policy_views.queue_policy, name="queue_policy"),
    path("policies/sampling/", policy_views.add_sampling, name="add_sampling"),
    path(
        "policies/sampling/<int:policy_id>/", policy_views.change_sampling, name="change_sampling"
    ),
    path("policies/answers/", policy_views.add_answer, name="add_answer"),
    path(
        "policies/answers/<int:answer_id>/retire/", policy_views.retire_answer, name="retire_answer"
    ),
    path("datasets/", dataset_views.datasets, name="datasets"),
    path("datasets/new/", dataset_views.create, name="create_dataset"),
    path("datasets/<int:version_id>/verify/", dataset_views.verify, name="verify_dataset"),
    path("datasets/<int:version_id>/<slug:form>/", dataset_views.download, name="download_dataset"),
]
