from django.urls import URLPattern, path

from reviews.notices.views import destinations, notices

urlpatterns: list[URLPattern] = [
    path("notices/", notices.notices, name="notices"),
    path("notices/list/", notices.notices_list, name="notices_list"),
    path("notices/bell/", notices.bell, name="bell"),
    path("notices/read/", notices.read_all, name="notices_read"),
    path("notices/<int:notice_id>/", notices.notice, name="notice"),
    path("destinations/", destinations.destinations, name="destinations"),
    path("destinations/new/", destinations.destination_new, name="destination_new"),
    path("destinations/<slug:name>/", destinations.destination_edit, name="destination"),
    path(
        "destinations/<slug:name>/remove/",
        destinations.destination_remove,
        name="destination_remove",
    ),
]
