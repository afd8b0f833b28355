"""The workflows that can be started, and which of them was meant."""

import pytest
from workflow_mock.sandbox import Sandbox

from tests.state.worlds import CUSTOMER, workflow_id


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        pytest.param(workflow_id(2), "2", id="known"),
        pytest.param("a" + workflow_id(3)[1:], "3", id="nearly right"),
        pytest.param("", "1", id="nothing like it"),
    ],
)
def test_the_nearest_workflow_is_the_one_most_like_it(sandbox: Sandbox, wanted: str, nearest: str) -> None:
    near = sandbox.workflows.nearest(wanted, CUSTOMER)
    assert near is not None
    assert near.name == nearest
