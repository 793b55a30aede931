"""How a web process answers a request: on one thread, which is then reused."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

Application = Callable[[Any, Any, Any], Awaitable[None]]


class SynchronousHandler(ASGIHandler):
    """Runs all middleware and the view as one synchronous call.

    Django's own handler would move from the event loop to a thread and back for each synchronous
    part of the chain, as all our views and some of the middleware are. This one moves once.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)


class ReusedThreads:
    """Gives each request a thread, and reuses it with its connection to the database.

    Django would end the thread with the request, and so open a connection for each one, which
    starts a process on PostgreSQL. At most ``most`` requests are answered at a time; others wait in
    the order in which they came.
    """

    def __init__(self, application: Application, most: int) -> None:
        self.application = application
        self.places = asyncio.Semaphore(most)
        self.idle: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.places.acquire()
        # The thread that came back last, so that as few connections as possible stay in use.
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, "web")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.application(scope, receive, send)
        finally:
            await self._take_back(thread)

    async def _take_back(self, thread: ThreadPoolExecutor) -> None:
        """Wait until the thread is done: it may still work for a client that went away."""
        try:
            await asyncio.wrap_future(thread.submit(_nothing))
            self.idle.append(thread)
        finally:
            self.places.release()


def _nothing() -> None:
    pass
