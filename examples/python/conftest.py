"""The client under test, and a service that uses it, pointed at the world of the test."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from job_service import Service
from workflow_client import Client
from workflow_mock_kit import AsyncWorld, World


@pytest.fixture
def client(workflow_mock: World) -> Iterator[Client]:
    client = Client(
        workflow_mock.base_url, workflow_mock.token_url, workflow_mock.customer_id, sleep=lambda seconds: None
    )
    yield client
    client.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@pytest.fixture
async def service(async_workflow_mock: AsyncWorld) -> AsyncIterator[Service]:
    client = Client(async_workflow_mock.base_url, async_workflow_mock.token_url, async_workflow_mock.customer_id)
    service = Service(client)
    yield service
    await service.close()
    client.close()
