"""The script that counts circles and upward imports finds those that are planted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from tools.check_house import find_circles, find_upward_imports, read_layers

MODULES = {
    "__init__": "",
    "views": "from planted import services",
    "services": "from planted import models",
    "models": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package in good order; a test plants what breaks it."""
    folder = tmp_path / "planted"
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop("planted", None)


def layers(*names: str) -> list[list[str]]:
    return [[f"planted.{name}"] for name in names]


def graph() -> grimp.ImportGraph:
    return grimp.build_graph("planted", cache_dir=None)


def test_a_package_in_good_order_has_neither(package: Path) -> None:
    assert not list(find_circles(graph(), "planted"))
    assert not list(find_upward_imports(graph(), layers("views", "services", "models")))


def test_a_circle_closed_by_an_import_in_a_function_is_found(package: Path) -> None:
    (package / "models.py").write_text("def save():\n    from planted import views\n")
    assert list(find_circles(graph(), "planted")) == [
        ["planted.models", "planted.services", "planted.views"]
    ]


def test_an_import_of_a_higher_layer_is_found(package: Path) -> None:
    (package / "models.py").write_text("from planted import services\n")
    found = list(find_upward_imports(graph(), layers("views", "services", "models")))
    assert [(each.importer, each.imported) for each in found] == [
        ("planted.models", "planted.services")
    ]


def test_the_layers_of_every_contract_are_read() -> None:
    read = list(read_layers(Path("pyproject.toml")))
    assert ["flows.runtime"] in next(each for each in read if ["flows.runtime"] in each)
    assert {"reviews", "flows"} <= {name for layer in read[0] for name in layer}
