"""URL paths that more than one module names."""

from typing import Final

ADMIN_PATH: Final = "/__admin"
HEALTH_PATH: Final = f"{ADMIN_PATH}/health"
API_PATH: Final = "/api/workflow/"
START_PATH: Final = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"
ISSUER_PATH: Final = "/api/authentication"
TOKEN_PATH: Final = f"{ISSUER_PATH}/connect/token"
OPENID_PATH: Final = f"{ISSUER_PATH}/.well-known/openid-configuration"
JWKS_PATH: Final = f"{OPENID_PATH}/jwks"
