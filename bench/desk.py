"""Our desk: a process that starts runs and decides, in the place of a web process.

Workers and clocks are processes of their own, as in production. The environment gives DATABASE_URL,
REDIS_URL and COUNTERSIGN_VAR.
"""

import os

from bench.conversation import answer


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    import django

    django.setup()
    # Below the set-up, which models need.
    from bench import ours, scale
    from workbench.process.memory import collect_seldom

    # As a web process does once it has started.
    collect_seldom()
    answer(
        {
            "count_workers": ours.count_workers,
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
