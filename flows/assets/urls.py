from django.urls import path

from flows.assets.kinds import all_kinds
from flows.assets.pages import make_pages
from flows.assets.policies import views

urlpatterns = [
    # Before the pages of policies: `points` is no name of one.
    path("policies/points/", views.points, name="policy-points"),
    path("policies/points/attach/", views.attach, name="policy-attach"),
    path("policies/points/<int:pk>/detach/", views.detach, name="policy-detach"),
    *(page for kind in all_kinds() for page in make_pages(kind)),
]
