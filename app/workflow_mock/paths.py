"""Every URL path that more than one module names."""

from typing import Final

API_PATH: Final = "/api/workflow/"
"""Prefix of the workflow API."""

START_PATH: Final = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"
"""Template of the one documented operation (docs/contract.md, 1)."""

ISSUER_PATH: Final = "/api/authentication"
TOKEN_PATH: Final = f"{ISSUER_PATH}/connect/token"
OPENID_PATH: Final = f"{ISSUER_PATH}/.well-known/openid-configuration"
JWKS_PATH: Final = f"{OPENID_PATH}/jwks"
METADATA_PATH: Final = f"/.well-known/oauth-authorization-server{ISSUER_PATH}"
"""Metadata of the authorization server by RFC 8414, section 3."""

ADMIN_PATH: Final = "/__admin"
UI_PATH: Final = f"{ADMIN_PATH}/ui"
"""Of the page's parts; it begins at `/__admin/`."""

HEALTH_PATH: Final = f"{ADMIN_PATH}/health"
OPENAPI_YAML_PATH: Final = "/openapi.yaml"
OPENAPI_JSON_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"
"""Of the workflow API's contract as a page."""
