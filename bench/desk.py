"""Our desk: the process that starts runs and decides, as a web process does.

Workers and clock are processes of their own, as in production. DATABASE_URL, REDIS_URL and
COUNTERSIGN_VAR say where.
"""

import os

from bench.conversation import answer


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    import django

    django.setup()
    from bench import ours, scale

    answer(
        {
            "workers_ready": ours.workers_ready,
            "linear": ours.linear,
            "filled": ours.filled,
            "pause": ours.pause,
            "decide": ours.decide,
            "stamps": ours.stamps,
            "for_each": scale.for_each,
            "branches": scale.branches,
            "wait_for_years": scale.wait_for_years,
            "let_fall_due": scale.let_fall_due,
        }
    )


if __name__ == "__main__":
    main()
