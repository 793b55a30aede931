from django.urls import URLPattern, URLResolver, path

from workbench.shell import views

app_name = "shell"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("home/panels/", views.home_panels, name="home_panels"),
    path("search/", views.search_page, name="search"),
    path("search/results/", views.search_results, name="search_results"),
    path("preferences/", views.preferences, name="preferences"),
    path("styleguide/", views.styleguide, name="styleguide"),
]
