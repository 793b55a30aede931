"""W1 as the one-process default does it: SQLite, with driver, jobs and clock in this process."""

import os

from bench.conversation import answer


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from bench import ours
    from workbench.process.parts import Embedded

    parts = Embedded()
    parts.start()
    answer({"linear": ours.linear})
    parts.stop()


if __name__ == "__main__":
    main()
