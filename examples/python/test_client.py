"""What a client of the Workflow API should be able to do, each in a test of its own."""

import pytest
from job_service import Service
from syrupy.assertion import SnapshotAssertion
from workflow_client import Client, NotAllowed, OutcomeUnknown
from workflow_mock_kit import AsyncWorld, World

ORDER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


def test_it_starts_the_workflow(workflow_mock: World, client: Client) -> None:
    client.start(ORDER)
    workflow_mock.verify(status=200, workflow_id=ORDER, exactly=1)


def test_it_tries_again_when_told_to_wait(workflow_mock: World, client: Client) -> None:
    workflow_mock.fail_next(503, retry_after="2s")
    client.start(ORDER)
    assert (workflow_mock.statuses, client.waited) == ([503, 200], ["2"])


def test_it_does_not_start_twice_when_the_answer_is_lost(workflow_mock: World, client: Client) -> None:
    workflow_mock.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        client.start(ORDER)
    assert len(workflow_mock.starts) == len(workflow_mock.executions) == 1


def test_it_renews_a_token_that_ran_out(workflow_mock: World, client: Client) -> None:
    client.start(ORDER)
    workflow_mock.clock.advance("2h")
    client.start(ORDER)
    assert workflow_mock.statuses == [200, 401, 200]


def test_the_report_is_done_after_an_hour(workflow_mock: World, client: Client) -> None:
    report = workflow_mock.add_workflow({"key": "report", "duration": "PT1H"})
    execution = workflow_mock.execution(client.start(report).id)
    workflow_mock.clock.advance("1h")
    assert execution.state == "completed"


@pytest.mark.workflow_mock(clock="2030-01-01T00:00:00Z", seed="42")
def test_the_whole_answer_is_the_stored_one(workflow_mock: World, client: Client, snapshot: SnapshotAssertion) -> None:
    assert client.start(ORDER) == snapshot


@pytest.mark.parametrize("kind", ["expired", "bad-signature", "algorithm-none", "missing-scope"])
def test_a_bad_token_is_reported(workflow_mock: World, client: Client, kind: str) -> None:
    workflow_mock.next_token(kind)
    with pytest.raises(NotAllowed):
        client.start(ORDER)


async def test_the_job_is_sent_at_last(async_workflow_mock: AsyncWorld, service: Service) -> None:
    await service.enqueue(ORDER)
    await async_workflow_mock.wait_for(status=200, within="5s")
