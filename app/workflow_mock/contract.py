"""The contracts: the documented one, written by hand, and the control plane's, which is generated."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from workflow_mock.settings import Settings

_NAME = "workflow-api.yaml"


@cache
def contract() -> str:
    """The text of `openapi/workflow-api.yaml`: from the installed package, or from the source tree beside it."""
    packaged = files("workflow_mock") / "openapi" / _NAME
    source = packaged if packaged.is_file() else Path(__file__).parents[2] / "openapi" / _NAME
    return source.read_text("utf-8")


def admin_contract() -> str:
    """The control plane's contract as YAML: what `openapi/admin-api.yaml` has to be."""
    import yaml  # noqa: PLC0415

    from workflow_mock.app import create_app  # noqa: PLC0415
    from workflow_mock.catalogue import demo  # noqa: PLC0415
    from workflow_mock.oauth.keys import SigningKey  # noqa: PLC0415

    app = create_app(Settings(), demo(), SigningKey.begin(None)).control_plane()
    text: str = yaml.safe_dump(app.openapi(), sort_keys=False, allow_unicode=True, width=120)
    return text
