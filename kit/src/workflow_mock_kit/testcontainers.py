"""A server in a container, for Testcontainers: the extra `testcontainers` of the kit.

with WorkflowMockContainer("workflow-mock").with_options("--strict") as container:
    world = container.get_client().world()
"""

from pathlib import Path
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from workflow_mock_kit.calls import TOKEN_PATH
from workflow_mock_kit.client import WorkflowMock

PORT = 8080
CATALOGUE = "/etc/workflow-mock"
"""Where the image looks for catalogue files."""


class WorkflowMockContainer(DockerContainer):
    """The image of workflow-mock, healthy once it is started, with a read-only root."""

    def __init__(self, image: str = "workflow-mock", **options: Any) -> None:
        super().__init__(image, **options)
        self._options: list[str] = []
        self._client: WorkflowMock | None = None
        self.with_exposed_ports(PORT)
        self.with_kwargs(read_only=True)
        self.waiting_for(HttpWaitStrategy(PORT, "/__admin/health").for_status_code(200))

    def with_catalogue(self, path: str | Path) -> Self:
        """Serve the workflows of a catalogue file, or of a folder of them, in place of the demo."""
        source = Path(path).resolve(strict=True)
        target = CATALOGUE if source.is_dir() else f"{CATALOGUE}/{source.name}"
        self.with_volume_mapping(str(source), target, "ro")
        return self

    def with_options(self, *options: str) -> Self:
        """Serve with these options of `workflow-mock serve`."""
        self._options += options
        return self

    def start(self) -> Self:
        self.with_command(["serve", *self._options])
        super().start()
        return self

    def get_url(self) -> str:
        """The base URL for clients on this machine."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def get_token_url(self) -> str:
        """The token URL, of no world; `get_client().world().token_url` is that of one."""
        return self.get_url() + TOKEN_PATH

    def get_client(self) -> WorkflowMock:
        """The server, to make worlds on."""
        if self._client is None:
            self._client = WorkflowMock(self.get_url())
        return self._client

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        super().stop(force, delete_volume)
