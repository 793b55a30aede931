"""What starts runs automatically: signed webhooks, schedules, events, ends of other flows' runs."""
