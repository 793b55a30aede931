from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("workbench.shell.urls")),
    path("accounts/", include("workbench.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("audit/", include("workbench.audit.urls")),
    path("", include("flows.urls")),
    path("review/", include("reviews.urls")),
]
