"""The table of the service's environment variables, which is made from its settings."""

from documents import variables


def test_the_documented_variables_are_those_of_the_service() -> None:
    document = variables.DOCUMENT.read_text()

    assert variables.with_table(document) == document, "write it again: make variables"
