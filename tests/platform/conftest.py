"""One server that trusts the corpus' key, with its catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.replay import Client
from tests.platform.tokens import ISSUER, Tokens
from tests.support import serving


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    tokens = Tokens()
    jwks = tmp_path_factory.mktemp("platform") / "jwks.json"
    jwks.write_text(tokens.jwks())
    catalogue = Path(__file__).with_name("catalogue.yaml")
    with serving("--catalogue", str(catalogue), "--jwks", str(jwks), "--jwks-issuer", ISSUER) as server:

        def bound(execution: str) -> list[str]:
            view = server.http.get(f"/__admin/executions/{execution}").json()
            return [view["customerId"], view["workflowId"], view["workflowId"]]

        yield Client(server.address, tokens, bound)
        assert "Traceback" not in (log := server.log.read_text()), log
