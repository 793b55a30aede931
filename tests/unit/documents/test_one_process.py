"""PDFium crashes a process that uses it in two threads: it runs in processes of its own alone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
# The program of the child, and what only it imports; ``reading`` tells the version.
MAY_IMPORT = {
    "flows/documents/opening.py",
    "flows/documents/reading.py",
    "flows/documents/text_layer.py",
}


def imports_pdfium(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "pypdfium2" for name in names):
            return True
    return False


def test_nothing_else_uses_pdfium() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("flows", "reviews", "workbench", "examples", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if imports_pdfium(path)
    }
    assert found == MAY_IMPORT
