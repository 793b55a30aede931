"""URLs of the editor, included below ``flows/<slug:name>/edit/``; named ``flows:editor…``."""

from django.urls import URLPattern, path

from flows.editor import preview, views

urlpatterns: list[URLPattern] = [
    path("", views.editor, name="editor"),
    path("draft/", views.draft, name="editor-draft"),
    path("problems/", views.problems, name="editor-problems"),
    path("operations/", views.list_operations, name="editor-operations"),
    path("operations/send/", views.send_operations, name="editor-send"),
    path("inspector/", views.inspector, name="editor-inspector"),
    path("history/", views.history, name="editor-history"),
    path("restore/", views.restore, name="editor-restore"),
    path("evaluate/", preview.evaluate, name="editor-evaluate"),
    path("preview/<str:step>/", preview.preview_case, name="editor-preview"),
]
