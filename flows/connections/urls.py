from django.urls import URLPattern, URLResolver, path

from flows.connections import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.connection_list, name="connection-list"),
    path("rows/", views.connection_rows, name="connection-rows"),
    path("new/", views.connection_kinds, name="connection-kinds"),
    path("new/<slug:kind>/", views.connection_new, name="connection-new"),
    path("<slug:name>/", views.connection_detail, name="connection-detail"),
    path("<slug:name>/edit/", views.connection_edit, name="connection-edit"),
    path("<slug:name>/switch/", views.connection_switch, name="connection-switch"),
    path("<slug:name>/remove/", views.connection_remove, name="connection-remove"),
    path("<slug:name>/try/", views.connection_try, name="connection-try"),
]
