"""What starts runs by itself: signed webhooks, schedules, events, the end of another flow's run."""
