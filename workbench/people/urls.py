from django.urls import URLPattern, URLResolver, path

from workbench.people import views

app_name = "accounts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("people/", views.people, name="people"),
    path("people/rows/", views.people_rows, name="people_rows"),
    path("people/new/", views.person_new, name="person_new"),
    path("people/roles/", views.roles, name="roles"),
    # Under a word of its own: a user name may be "new".
    path("people/by-name/<str:username>/", views.person, name="person"),
    path("people/by-name/<str:username>/grants/", views.grant, name="grant"),
    path("people/by-name/<str:username>/grants/<int:pk>/revoke/", views.revoke, name="revoke"),
    path("people/by-name/<str:username>/active/", views.set_active, name="set_active"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/end/", views.sessions_end, name="sessions_end"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
]
