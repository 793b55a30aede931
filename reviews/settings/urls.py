from django.urls import URLPattern, path

from reviews.settings.views import calendars, policies, queues

urlpatterns: list[URLPattern] = [
    path("queues/new/", queues.queue_new, name="queue_new"),
    path("queues/<slug:name>/settings/", queues.queue_settings, name="queue_settings"),
    path("queues/<slug:name>/settings/order/", queues.queue_order, name="queue_order"),
    path("sla/", policies.policies, name="promises"),
    path("sla/policies/new/", policies.policy_new, name="policy_new"),
    path("sla/policies/preview/", policies.policy_preview, name="policy_preview"),
    path("sla/policies/<slug:name>/", policies.policy_edit, name="policy"),
    path("sla/calendars/new/", calendars.calendar_new, name="calendar_new"),
    path("sla/calendars/preview/", calendars.calendar_preview, name="calendar_preview"),
    path("sla/calendars/<slug:name>/", calendars.calendar_edit, name="calendar"),
]
