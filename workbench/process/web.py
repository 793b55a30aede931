"""How a web process answers a request: in one piece, on a thread that is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

Application = Callable[[Any, Any, Any], Awaitable[None]]


class OnePieceHandler(ASGIHandler):
    """Calls middleware and view as one function.

    Our views are functions, and so is some middleware. Django's own chain would go from the loop
    to a thread and back for each part that is not; here it goes once.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)


class KeptThreads:
    """Gives each request a thread, and takes it back with its connection to the database.

    Django ends the thread with the request, and so opens a connection for each: cold, and a
    process of its own on PostgreSQL. At most ``most`` requests are answered at a time; the others
    wait in the order in which they came.
    """

    def __init__(self, application: Application, most: int) -> None:
        self.application = application
        self.places = asyncio.Semaphore(most)
        self.idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.places.acquire()
        # The one that came back last: the fewest connections are kept warm.
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, "web")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.application(scope, receive, send)
        finally:
            await self._take_back(thread)

    async def _take_back(self, thread: ThreadPoolExecutor) -> None:
        """Wait until it is done: where the client went away, it may still be at work."""
        try:
            await asyncio.wrap_future(thread.submit(_nothing))
            self.idle.append(thread)
        finally:
            self.places.release()


def _nothing() -> None:
    pass
