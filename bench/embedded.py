"""W1 in the one-process default: SQLite, with driver, jobs and clock in this process."""

import os

from bench.conversation import answer


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    # Below the set-up, which models need.
    from bench import ours
    from workbench.process.parts import Embedded

    parts = Embedded()
    parts.start()
    answer({"linear": ours.linear})
    parts.stop()


if __name__ == "__main__":
    main()
