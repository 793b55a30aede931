"""What the routers of the HTTP API share: problems, request bodies, lists, sign-in, idempotency."""
