from localcloud import coverage
from tests.localcloud.served import REPOSITORY


def test_the_coverage_page_is_what_the_code_says() -> None:
    page = (REPOSITORY / "docs" / "localcloud-coverage.md").read_text(encoding="utf-8")
    assert page == coverage.page(), (
        "docs/localcloud-coverage.md is out of date: "
        "python -m localcloud coverage > docs/localcloud-coverage.md"
    )
