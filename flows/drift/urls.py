from django.urls import URLPattern, URLResolver, path

from flows.drift import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("insights/data/", views.drift_list, name="drift"),
    path("insights/data/<slug:name>/", views.drift_contract, name="drift-contract"),
    # Before the pages of contracts: `learn` is no name of one.
    path("contracts/learn/", views.learn, name="contract-learn"),
    path("contracts/<slug:name>/learn/", views.learn_anew, name="contract-learn-anew"),
]
