"""The folders import each other in one direction: the table is the whole of it."""

import grimp
import pytest

ALLOWED: dict[str, set[str]] = {
    "common": set(),
    "costs": set(),
    "host": set(),
    "components": {"common", "host"},
    "localcloud": {"common"},
    "platforms": {"components", "settings"},
    "settings": {"components", "costs", "host"},
    "standins": {"common", "components"},
    "toolchain": {"common"},
    "stack": {"common", "components", "costs", "host", "settings", "toolchain"},
    "review": {"common", "costs", "stack", "toolchain"},
}


@pytest.fixture(name="imports", scope="module")
def _imports() -> dict[tuple[str, str], str]:
    """Return an import line of each pair of folders that has one."""
    graph = grimp.build_graph(*ALLOWED, cache_dir=None)
    return {
        (importer.partition(".")[0], imported.partition(".")[0]): f"{importer} imports {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_the_table_allows(
    imports: dict[tuple[str, str], str], folder: str
) -> None:
    beyond = {
        line
        for (importer, imported), line in imports.items()
        if importer == folder and imported not in {folder, *ALLOWED[folder]}
    }

    assert beyond == set()


@pytest.mark.parametrize("folder", ALLOWED)
def test_the_table_allows_no_more_than_there_is(
    imports: dict[tuple[str, str], str], folder: str
) -> None:
    assert {other for other in ALLOWED[folder] if (folder, other) not in imports} == set()
