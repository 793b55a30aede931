"""Who acts, and through which channel."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from workbench.accounts.models import ApiToken, User

ActorKind = Literal["user", "system", "token", "link"]
Channel = Literal["page", "api", "link", "command", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something. ``name`` is the name to show, as it was at that time.

    ``person_id`` is the user behind the act: also of a token. None where nobody signed in.
    """

    kind: ActorKind
    id: str
    name: str
    channel: Channel
    person_id: int | None = None

    @classmethod
    def user(cls, user: "User", channel: Channel = "page") -> Self:
        return cls("user", str(user.pk), user.label, channel, user.pk)

    @classmethod
    def system(cls, name: str, channel: Channel = "system") -> Self:
        return cls("system", name, name, channel)

    @classmethod
    def token(cls, token: "ApiToken") -> Self:
        """Return the program that holds the token. Record its person as ``on_behalf_of``."""
        name = f"{token.user.label} · {token.name}"
        return cls("token", str(token.pk), name, "api", token.user_id)

    @classmethod
    def link(cls, user: "User") -> Self:
        """Return a person who followed a link from a message and confirmed there."""
        return cls("link", str(user.pk), user.label, "link", user.pk)

    @property
    def is_server(self) -> bool:
        """Whether the server acts by itself, or by a command: no person's permissions bound it."""
        return self.kind == "system" or self.channel == "command"

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"
