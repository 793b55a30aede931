"""Work that follows a commit, and work that recurs.

A row in the outbox is a job to be done; the message through the broker only rings for it.
"""
