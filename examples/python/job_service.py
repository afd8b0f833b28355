"""A service that starts workflows later."""

import asyncio

from workflow_client import Client


class Service:
    """Starts workflows later, as a job queue does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jobs: set[asyncio.Task[object]] = set()

    async def enqueue(self, workflow_id: str) -> None:
        self._jobs.add(asyncio.create_task(asyncio.to_thread(self._client.start, workflow_id)))

    async def close(self) -> None:
        await asyncio.gather(*self._jobs)
