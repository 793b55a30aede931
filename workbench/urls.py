from django.urls import URLPattern, URLResolver, include, path

from workbench.api import api

handler404 = "workbench.shell.failures.not_found"
handler500 = "workbench.shell.failures.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("workbench.shell.urls")),
    path("accounts/", include("workbench.people.urls")),
    path("accounts/", include("workbench.people.sign_in_urls")),
    path("api/v1/", api.urls),
    path("audit/", include("workbench.audit.urls")),
    path("", include("flows.urls")),
    path("review/", include("reviews.urls")),
    path("insights/", include("reviews.quality.urls")),
]
