"""Whoever reads JSON reads it strictly: a door that forgets the check fails here."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("flows", "reviews", "workbench")
READERS = {"load", "loads", "JSONDecoder"}
# Reads of what this project itself has stored or ships. Each was checked where it came in.
OWN_STORAGE = {
    "flows/agents/conversation.py": "What was written as JSON in the same line.",
    "workbench/apart/children.py": "The answer of a process of our own, which it wrote as JSON.",
    "workbench/apart/program.py": "The question of a process of our own, which it wrote as JSON.",
    "flows/assets/tables/kind.py": "A draft that was checked, written as text to be a cache's key.",
    "flows/graph/view.py": "A schema of the document, written as text to be a cache's key.",
    "flows/guards/masking.py": "An original that was written as JSON when it was replaced.",
    "flows/runtime/payloads.py": "A large value that was checked before it became an artifact.",
    "flows/services/unmasking.py": "An original that was written as JSON and encrypted.",
    "flows/steps/scorecard.py": "A model's file, which comes with the deployed code.",
    "flows/steps/structured.py": "Where the fields stand in a text that the one reader has taken.",
    "flows/store/dialect.py": "A JSON column of SQLite, which gives text.",
    "flows/policies/rego.py": "What the engine of Rego wrote, in a child process.",
    "reviews/quality/services/datasets.py": "The lines of a dataset, of committed decisions.",
    "reviews/rules/sla.py": "A policy's snapshot, written as text to be a cache's key.",
    "workbench/audit/bundle/verify.py": "Runs without this project, on the standard library.",
    "workbench/audit/canonical.py": "What was written as JSON in the same line.",
    "workbench/audit/records.py": "The details of a ledger entry.",
    "workbench/audit/selectors.py": "The canonical bytes of a ledger entry.",
    "workbench/search/functions.py": "A JSON column of SQLite, which gives text.",
    "workbench/settings.py": "The operator's environment, read before anything else can be.",
    "workbench/shell/icons.py": "The icons, a file of the repository.",
    "workbench/values/json_text.py": "The one reader.",
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_bytes())


def reads_json(module: ast.Module) -> bool:
    """Say whether the module parses JSON by itself, whatever it calls the library."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in {"json", "orjson", "simplejson", "ujson"}
    }
    for node in ast.walk(module):
        match node:
            case ast.Attribute(value=ast.Name(id=library), attr=attribute):
                if library in names and attribute in READERS:
                    return True
            case ast.ImportFrom(module="json", names=imported):
                if READERS & {alias.name for alias in imported}:
                    return True
            case ast.keyword(arg="parse_constant"):
                return True
    return False


def test_only_the_one_reader_parses_json_that_comes_from_outside() -> None:
    found = {name for name, module in modules() if reads_json(module)}
    assert found == OWN_STORAGE.keys()


# Whoever keeps the content of a file: what comes in goes through one function, which bounds it and
# finds its type. These keep what a run itself makes, or have checks of their own.
KEEPERS = {
    "flows/runtime/artifacts.py": "It is the store; and what steps make is kept by it.",
    "flows/runtime/payloads.py": "Large values of runs, checked as values.",
    "flows/services/arriving.py": "The one way in.",
    "reviews/services/attaching.py": "Files of a case's comments, which no run is given.",
}


def keeps_files(module: ast.Module) -> bool:
    """Say whether the module puts a file into the store by itself."""
    return any(
        isinstance(node, ast.ImportFrom | ast.FunctionDef)
        and {"store_file", "store_artifact"}
        & ({each.name for each in node.names} if isinstance(node, ast.ImportFrom) else {node.name})
        for node in ast.walk(module)
    )


def test_every_file_that_comes_in_is_taken_in_by_one_function() -> None:
    assert {name for name, module in modules() if keeps_files(module)} == KEEPERS.keys()
