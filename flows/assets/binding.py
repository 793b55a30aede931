"""Views that serve every kind of asset, made into views of one kind."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest

from flows.assets.kinds import AssetKind

View = Callable[..., Any]


def bind(kind: AssetKind, view: View) -> View:
    """Return ``view`` with ``kind`` given as its second argument, which nobody else can give."""

    @wraps(view)
    def bound(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return view(request, kind, *args, **kwargs)

    # What a route of the API takes is read from its signature.
    signature = inspect.signature(view)
    rest = [each for each in signature.parameters.values() if each.name != "kind"]
    bound.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    return bound
