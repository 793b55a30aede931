from django.urls import URLPattern, URLResolver, path

from workbench.audit import views

app_name = "audit"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.entries, name="entries"),
    path("rows/", views.entry_rows, name="entry_rows"),
    path("entries/<int:pk>/", views.entry_detail, name="entry"),
    path("subjects/<str:kind>/<path:subject_id>/", views.subject, name="subject"),
    path("verification/", views.verification, name="verification"),
    path("verification/result/", views.verification_result, name="verification_result"),
    path("export/", views.export, name="export"),
]
