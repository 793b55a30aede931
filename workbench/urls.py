from django.urls import URLPattern, URLResolver, include, path

from workbench.api import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("workbench.shell.urls")),
    path("accounts/", include("workbench.accounts.urls")),
    path("accounts/", include("workbench.accounts.sign_in_urls")),
    path("api/v1/", api.urls),
    path("audit/", include("workbench.audit.urls")),
    path("", include("flows.urls")),
    path("review/", include("reviews.urls")),
    path("insights/", include("reviews.quality.urls")),
]
