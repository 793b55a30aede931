from django.urls import URLPattern, path

from reviews.links import views

urlpatterns: list[URLPattern] = [
    path("links/decide/<str:token>/", views.decide_link, name="decide_link"),
    path("links/reply/<str:token>/", views.reply_link, name="reply_link"),
]
