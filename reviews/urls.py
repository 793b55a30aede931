from django.urls import URLPattern, URLResolver, path

from reviews.links import views as links
from reviews.notices import views as notices
from reviews.notices import views_destinations as destinations
from reviews.settings import views as settings
from reviews.team import views as team
from reviews.team import views_absences as absences
from reviews.team import views_saved as saved
from reviews.views import bulk, cases, documents, queues

app_name = "reviews"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", queues.queues, name="queues"),
    path("table/", queues.queue_table, name="queue_table"),
    path("queues/new/", settings.queue_new, name="queue_new"),
    path("queues/<slug:name>/settings/", settings.queue_settings, name="queue_settings"),
    path("queues/<slug:name>/settings/order/", settings.queue_order, name="queue_order"),
    path("sla/", settings.promises, name="promises"),
    path("sla/policies/new/", settings.policy_new, name="policy_new"),
    path("sla/policies/preview/", settings.policy_preview, name="policy_preview"),
    path("sla/policies/<slug:name>/", settings.policy_edit, name="policy"),
    path("sla/calendars/new/", settings.calendar_new, name="calendar_new"),
    path("sla/calendars/preview/", settings.calendar_preview, name="calendar_preview"),
    path("sla/calendars/<slug:name>/", settings.calendar_edit, name="calendar"),
    path("queues/<slug:name>/", queues.queue, name="queue"),
    path("queues/<slug:name>/table/", queues.case_table, name="case_table"),
    path("queues/<slug:name>/like/", bulk.bulk, name="bulk"),
    path("queues/<slug:name>/like/decide/", bulk.decide, name="bulk_decide"),
    path("queues/<slug:name>/like/undo/", bulk.undo, name="bulk_undo"),
    path("queues/<slug:name>/next/", queues.take_next, name="next"),
    path("queues/<slug:name>/views/", saved.save, name="view_save"),
    path("queues/<slug:name>/views/<int:view_id>/delete/", saved.delete, name="view_delete"),
    path("team/", team.team, name="team"),
    path("team/lanes/", team.lanes, name="team_lanes"),
    path("team/give/", team.give, name="team_give"),
    path("team/people/<str:username>/", team.reviewer, name="reviewer"),
    path("absences/", absences.absences, name="absences"),
    path("absences/<int:absence_id>/end/", absences.end, name="absence_end"),
    path("notices/", notices.notices, name="notices"),
    path("notices/list/", notices.notices_list, name="notices_list"),
    path("notices/bell/", notices.bell, name="bell"),
    path("notices/read/", notices.read_all, name="notices_read"),
    path("notices/<int:notice_id>/", notices.notice, name="notice"),
    path("links/decide/<str:token>/", links.decide_link, name="decide_link"),
    path("links/reply/<str:token>/", links.reply_link, name="reply_link"),
    path("destinations/", destinations.destinations, name="destinations"),
    path("destinations/new/", destinations.destination_new, name="destination_new"),
    path("destinations/<slug:name>/", destinations.destination_edit, name="destination"),
    path(
        "destinations/<slug:name>/remove/",
        destinations.destination_remove,
        name="destination_remove",
    ),
    path("cases/<int:case_id>/", cases.case, name="case"),
    path("cases/<int:case_id>/look/", cases.look, name="look"),
    path("cases/<int:case_id>/standing/", cases.case_standing, name="standing"),
    path("cases/<int:case_id>/work/", cases.case_work, name="work"),
    path("cases/<int:case_id>/history/", cases.case_history, name="history"),
    path("cases/<int:case_id>/run/", cases.case_run, name="run"),
    path("cases/<int:case_id>/receipt/", cases.receipt, name="receipt"),
    path("cases/<int:case_id>/mentions/", cases.mentions, name="mentions"),
    path("cases/<int:case_id>/documents/<str:document_id>/", documents.document, name="document"),
    path(
        "cases/<int:case_id>/attachments/<int:attachment_id>/",
        documents.attachment,
        name="attachment",
    ),
    path("cases/<int:case_id>/claim/", cases.claim, name="claim"),
    path("cases/<int:case_id>/release/", cases.release, name="release"),
    path("cases/<int:case_id>/assign/", cases.assign, name="assign"),
    path("cases/<int:case_id>/heartbeat/", cases.beat, name="heartbeat"),
    path("cases/<int:case_id>/draft/", cases.draft, name="draft"),
    path("cases/<int:case_id>/decide/", cases.decide, name="decide"),
    path("cases/<int:case_id>/undo/", cases.undo, name="undo"),
    path("cases/<int:case_id>/comments/", cases.comment, name="comment"),
    path("cases/<int:case_id>/information/", cases.information, name="information"),
    path("cases/<int:case_id>/answer/", cases.answer, name="answer"),
    path("cases/<int:case_id>/reopen/", cases.reopen, name="reopen"),
    path("cases/<int:case_id>/escalate/", cases.escalate, name="escalate"),
]
