"""API tokens: find the one that belongs to a secret."""

import hashlib
from datetime import datetime, timedelta

from django.dispatch import Signal

from workbench.accounts.models import ApiToken

# Arguments: token (None if the secret is nobody's), why. The ledger is told by it; it lies above.
token_refused = Signal()

TOKEN_PREFIX = "csn_"  # noqa: S105 - no secret: scanners recognise leaked tokens by it
# A write at each use would burden every request; once a minute shows that a token is in use.
LAST_USED_EVERY = timedelta(minutes=1)


class TokenInvalid(Exception):
    """The token is unknown or revoked. Make a new one under Account > API tokens."""


class TokenExpired(Exception):
    """The token expired. Make a new one under Account > API tokens."""


def authenticate_token(secret: str, now: datetime) -> ApiToken:
    """Return the token that the secret belongs to, with its user: one query.

    Raises: TokenInvalid, TokenExpired.
    """
    token = ApiToken.objects.select_related("user").filter(digest=digest_secret(secret)).first()
    if token is None or token.revoked_at is not None or not token.user.is_active:
        token_refused.send(ApiToken, token=token, why="it is unknown or was revoked")
        raise TokenInvalid(TokenInvalid.__doc__)
    if token.expires_at is not None and token.expires_at <= now:
        token_refused.send(ApiToken, token=token, why="it expired")
        raise TokenExpired(
            f"The token {token.name!r} expired at {token.expires_at:%Y-%m-%d %H:%M} UTC."
        )
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def digest_secret(secret: str) -> str:
    """Return the SHA-256 by which a token is found. A secret of 256 bits needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()
