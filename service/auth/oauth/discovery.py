"""Discovery documents for client libraries (OIDC Discovery §3, RFC 8414)."""

from typing import Any

from fastapi.responses import JSONResponse

from auth.authorization.requests import RESPONSE_MODES
from auth.clients import client_keys
from auth.clients.clients import GRANTS
from auth.http.access import Running
from auth.http.openapi import router
from auth.oauth.client_authentication import METHODS, PUBLIC_METHOD
from auth.service import Service
from auth.tokens import id_tokens, scopes, signing_keys

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])
_EXAMPLE = {
    "issuer": "https://auth.example.org",
    "authorization_endpoint": "https://auth.example.org/oauth2/authorize",
    "token_endpoint": "https://auth.example.org/oauth2/token",
    "jwks_uri": "https://auth.example.org/.well-known/jwks.json",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
}
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": _EXAMPLE}}}
}


@ROUTER.get("/.well-known/openid-configuration", responses=_DESCRIBED)
async def openid_configuration(service: Running) -> JSONResponse:
    """Describe the OpenID provider to client libraries."""
    document = _server(service) | {
        "userinfo_endpoint": f"{service.settings.issuer}/userinfo",
        "end_session_endpoint": f"{service.settings.issuer}/oauth2/logout",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted(
            {key.algorithm for key in service.tokens.keys.published()}
        ),
        "claims_supported": id_tokens.CLAIMS.split(),
        "acr_values_supported": [id_tokens.ONE_FACTOR, id_tokens.TWO_FACTORS],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": list(service.settings.languages),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
    }
    return _answer(document)


@ROUTER.get("/.well-known/oauth-authorization-server", responses=_DESCRIBED)
async def authorization_server(service: Running) -> JSONResponse:
    """Describe the authorization server to client libraries."""
    return _answer(_server(service))


def _server(service: Service) -> dict[str, Any]:
    issuer = service.settings.issuer
    # a client may ask for it only if there is an initial access token
    registers = service.settings.registration_token
    registration = {"registration_endpoint": f"{issuer}/oauth2/register"} if registers else {}
    custom = {word for client in service.settings.clients.every() for word in client.scopes}
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "device_authorization_endpoint": f"{issuer}/oauth2/device_authorization",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        **registration,
        "scopes_supported": sorted(scopes.OF_USERS | custom),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": [*METHODS, PUBLIC_METHOD],
        "revocation_endpoint_auth_methods_supported": [*METHODS, PUBLIC_METHOD],
        "introspection_endpoint_auth_methods_supported": list(METHODS),
        "introspection_signing_alg_values_supported": [signing_keys.RS256],
        "token_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "request_object_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": list(client_keys.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
    }


def _answer(document: dict[str, Any]) -> JSONResponse:
    return JSONResponse(
        document, headers={"Cache-Control": f"public, max-age={signing_keys.JWKS_SECONDS}"}
    )
