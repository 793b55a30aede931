from django.urls import path

from flows.assets.pages import make_pages
from flows.assets.policies import views
from flows.assets.policies.kind import POLICY
from flows.assets.prompts.kind import PROMPT

urlpatterns = [
    *make_pages(PROMPT),
    # Before the pages of policies: `points` is no name of one.
    path("policies/points/", views.points, name="policy-points"),
    path("policies/points/attach/", views.attach, name="policy-attach"),
    path("policies/points/<int:pk>/detach/", views.detach, name="policy-detach"),
    *make_pages(POLICY),
]
