from django.urls import URLPattern, URLResolver, include, path

from reviews.views import bulk, cases, claims, conversation, decisions, documents, queues

app_name = "reviews"
urlpatterns: list[URLPattern | URLResolver] = [
    # First: "queues/new/" is no queue of that name.
    path("", include("reviews.settings.urls")),
    path("", include("reviews.team.urls")),
    path("", include("reviews.notices.urls")),
    path("", include("reviews.links.urls")),
    path("", queues.queues, name="queues"),
    path("table/", queues.queue_table, name="queue_table"),
    path("queues/<slug:name>/", queues.queue, name="queue"),
    path("queues/<slug:name>/table/", queues.case_table, name="case_table"),
    path("queues/<slug:name>/like/", bulk.bulk, name="bulk"),
    path("queues/<slug:name>/like/decide/", bulk.decide, name="bulk_decide"),
    path("queues/<slug:name>/like/undo/", bulk.undo, name="bulk_undo"),
    path("queues/<slug:name>/next/", queues.take_next, name="next"),
    path("cases/<int:case_id>/", cases.case, name="case"),
    path("cases/<int:case_id>/look/", cases.look, name="look"),
    path("cases/<int:case_id>/standing/", cases.case_standing, name="standing"),
    path("cases/<int:case_id>/work/", cases.case_work, name="work"),
    path("cases/<int:case_id>/history/", cases.case_history, name="history"),
    path("cases/<int:case_id>/run/", cases.case_run, name="run"),
    path("cases/<int:case_id>/receipt/", cases.receipt, name="receipt"),
    path("cases/<int:case_id>/mentions/", conversation.mentions, name="mentions"),
    path("cases/<int:case_id>/documents/<str:document_id>/", documents.document, name="document"),
    path(
        "cases/<int:case_id>/documents/<str:document_id>/words/",
        documents.document_words,
        name="document-words",
    ),
    path(
        "cases/<int:case_id>/documents/<str:document_id>/pages/<int:number>/",
        documents.document_page,
        name="document-page",
    ),
    path(
        "cases/<int:case_id>/attachments/<int:attachment_id>/",
        documents.attachment,
        name="attachment",
    ),
    path("cases/<int:case_id>/claim/", claims.claim, name="claim"),
    path("cases/<int:case_id>/release/", claims.release, name="release"),
    path("cases/<int:case_id>/assign/", claims.assign, name="assign"),
    path("cases/<int:case_id>/heartbeat/", claims.keep, name="heartbeat"),
    path("cases/<int:case_id>/draft/", decisions.draft, name="draft"),
    path("cases/<int:case_id>/decide/", decisions.decide, name="decide"),
    path("cases/<int:case_id>/undo/", decisions.undo, name="undo"),
    path("cases/<int:case_id>/comments/", conversation.comment, name="comment"),
    path("cases/<int:case_id>/information/", conversation.information, name="information"),
    path("cases/<int:case_id>/answer/", conversation.answer, name="answer"),
    path("cases/<int:case_id>/reopen/", decisions.reopen, name="reopen"),
    path("cases/<int:case_id>/escalate/", conversation.escalate, name="escalate"),
]
