from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        import reviews.checkpoint  # noqa: F401 - registers review.case
