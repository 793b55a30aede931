from django.urls import URLPattern, path

from reviews.team.views import absences, reviewers, saved_views, team

urlpatterns: list[URLPattern] = [
    path("team/", team.team, name="team"),
    path("team/lanes/", team.lanes, name="team_lanes"),
    path("team/give/", team.give, name="team_give"),
    path("team/people/<str:username>/", reviewers.reviewer, name="reviewer"),
    path("absences/", absences.absences, name="absences"),
    path("absences/<int:absence_id>/end/", absences.end, name="absence_end"),
    path("queues/<slug:name>/views/", saved_views.save, name="view_save"),
    path("queues/<slug:name>/views/<int:view_id>/delete/", saved_views.delete, name="view_delete"),
]
