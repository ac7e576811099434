from localcloud import clients, coverage
from localcloud.discovery import SERVICES
from tests.localcloud.served import REPOSITORY


def test_the_coverage_page_is_made_from_the_code() -> None:
    page = (REPOSITORY / "docs" / "localcloud-coverage.md").read_text(encoding="utf-8")
    assert page == coverage.page(), (
        "docs/localcloud-coverage.md is out of date: "
        "python -m localcloud coverage > docs/localcloud-coverage.md"
    )


def test_each_service_answers_clients_that_the_provider_has() -> None:
    modelled = {client for service in SERVICES for client in service.clients}
    assert modelled <= set(clients.names())
