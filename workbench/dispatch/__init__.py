"""Work that must happen after a commit, and work that must happen at a time.

The row in the outbox is the truth; the message through the broker is only a doorbell.
"""
