from django.urls import URLPattern, URLResolver, path

from flows.lab import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("flows/<slug:name>/lab/", views.threshold_lab, name="threshold-lab"),
    path("flows/<slug:name>/lab/apply/", views.apply_cutoff, name="threshold-apply"),
]
