from django.urls import URLPattern, URLResolver, path

from flows.costs import budget_views, views

BUDGET = "insights/budgets/<slug:payer>/<slug:name>/<slug:period>"
urlpatterns: list[URLPattern | URLResolver] = [
    path("insights/cost/", views.costs, name="costs"),
    path("insights/cost/<slug:table>.csv", views.costs_csv, name="costs-csv"),
    path("insights/budgets/", budget_views.budget_list, name="budget-list"),
    path("insights/budgets/new/", budget_views.budget_new, name="budget-new"),
    path(f"{BUDGET}/", budget_views.budget_edit, name="budget-edit"),
    path(f"{BUDGET}/remove/", budget_views.budget_remove, name="budget-remove"),
]
