from django.urls import URLPattern, path

from flows.publishing import views

urlpatterns: list[URLPattern] = [
    path("flows/<slug:name>/publish/", views.publish, name="publish"),
    path("flows/<slug:name>/publish/rule/", views.publish_rule, name="publish-rule"),
    path(
        "flows/<slug:name>/publish/requests/<int:request_id>/",
        views.answer_request,
        name="publish-answer",
    ),
    path("flows/<slug:name>/compare/canvas.json", views.compare_canvas, name="compare-canvas"),
    path("flows/<slug:name>/versions/", views.version_list, name="version-list"),
    path("flows/<slug:name>/compare/", views.compare, name="version-compare"),
    path(
        "flows/<slug:name>/versions/<int:number>/release/",
        views.release,
        name="version-release",
    ),
]
