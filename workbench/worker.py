"""What ``dramatiq workbench.worker`` imports in each of its processes."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
django.setup()

from workbench.dispatch.broker import get_broker  # noqa: E402
from workbench.process.packages import refuse_if_broken  # noqa: E402
from workbench.process.parts import RunDriver  # noqa: E402

refuse_if_broken()
broker = get_broker()
broker.add_middleware(RunDriver())
