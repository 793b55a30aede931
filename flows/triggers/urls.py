from django.urls import URLPattern, URLResolver, path

from flows.triggers import views, webhooks

urlpatterns: list[URLPattern | URLResolver] = [
    path("hooks/<uuid:public_id>/", webhooks.receive_webhook, name="webhook"),
    path("flows/<slug:name>/triggers/", views.trigger_list, name="trigger-list"),
    path("flows/<slug:name>/triggers/rows/", views.trigger_rows, name="trigger-rows"),
    path("flows/<slug:name>/triggers/new/<str:kind>/", views.trigger_add, name="trigger-add"),
    path("flows/<slug:name>/triggers/<int:trigger_id>/", views.trigger_edit, name="trigger-edit"),
    path(
        "flows/<slug:name>/triggers/<int:trigger_id>/switch/",
        views.trigger_switch,
        name="trigger-switch",
    ),
    path(
        "flows/<slug:name>/triggers/<int:trigger_id>/delete/",
        views.trigger_delete,
        name="trigger-delete",
    ),
]
