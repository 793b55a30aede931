"""What every part of the HTTP API shares: problems, strict models, cursors, sign-in, idempotency.

Above accounts and audit, below flows and reviews, which declare routers with it.
"""
