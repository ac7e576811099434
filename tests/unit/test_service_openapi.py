"""The description of the service's API (OpenAPI)."""

import json
import re
from typing import Any

import pytest
from auth.app import create_app
from auth.service import Service
from auth.settings import Settings
from auth.tokens import signing_keys
from openapi_spec_validator import OpenAPIV31SpecValidator


@pytest.fixture(name="description", scope="module")
def _description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("service")
    settings = Settings.from_environment(
        {
            "AUTH_ISSUER": "https://auth.test",
            "AUTH_SIGNING_KEY": signing_keys.make(signing_keys.ES256),
            "AUTH_DATA_DIR": str(folder),
            # the mailbox is described in development alone
            "AUTH_ENVIRONMENT": "development",
        }
    )
    service = Service.open(settings)
    try:
        description: dict[str, Any] = create_app(service).openapi()
    finally:
        service.close()
    return description


def test_the_description_is_valid(description: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(description).iter_errors()] == []


def test_each_reference_leads_to_a_schema(description: dict[str, Any]) -> None:
    references = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(description))

    assert "Problem" in references
    assert {*references} - {*description["components"]["schemas"]} == set()


def test_no_schema_has_the_name_of_a_module(description: dict[str, Any]) -> None:
    """FastAPI takes the module's name for two models with the same name."""
    assert [name for name in description["components"]["schemas"] if "__" in name] == []
