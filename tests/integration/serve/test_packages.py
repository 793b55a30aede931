"""Packages outside the repository are installed with pip, and found by their entry points."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import servers
from tests.recipes import write_files
from tests.servers import ServerFailed, Stack
from tests.wheels import make_wheel

pytestmark = pytest.mark.own_servers
NAME = "yourbank-steps"


def install(source: Path, site: Path) -> None:
    """Install the package with pip, without an index, into a folder of its own."""
    site.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--target", site, make_wheel(source, source)],
        check=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the page, in a folder ``yourbank-steps``."""
    folder = tmp_path_factory.mktemp("source")
    write_files("extending.md", Path(NAME), folder)
    return folder / NAME


@pytest.fixture(scope="module")
def installed(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    install(example, site)
    return site


def run_its_flow(var: Path, flow: Path, **settings: str) -> str:
    """Run the flow once for a good and a bad account, and return the list of runs."""
    servers.manage(var, "check", **settings)
    servers.manage(var, "flow", "import", str(flow), "--publish", "First", **settings)
    inputs = var / "inputs.jsonl"
    inputs.write_text(
        '{"iban": "DE89 3704 0044 0532 0130 00", "years": 5}\n'
        '{"iban": "DE88 3704 0044 0532 0130 00", "years": 5}\n'
    )
    servers.manage(
        var, "flow", "run", "yourbank-loan", "--input-file", str(inputs), "--wait", **settings
    )
    return servers.manage(var, "run", "list", **settings)


@pytest.mark.timeout(180)
def test_a_flow_uses_its_type_function_model_and_provider_on_the_embedded_server(
    example: Path, installed: Path, tmp_path: Path
) -> None:
    settings = {"PYTHONPATH": str(installed)}
    with servers.serve(tmp_path, port=None, **settings):
        listed = run_its_flow(tmp_path, example / "flow.yaml", **settings)
    assert "offered" in listed
    assert "refused" in listed


@pytest.mark.timeout(180)
def test_a_worker_process_finds_them_too(
    stack: Callable[..., Stack], example: Path, installed: Path
) -> None:
    running = stack(workers=1, PYTHONPATH=str(installed))
    settings = running.settings | {"PYTHONPATH": str(installed)}
    listed = run_its_flow(running.var, example / "flow.yaml", **settings)
    assert "offered" in listed
    assert "refused" in listed


def changed_copy(example: Path, tmp_path: Path, name: str, **changes: str) -> Path:
    """Return a folder with the package under another name, some of its files changed."""
    copy = tmp_path / name
    shutil.copytree(example, copy)
    project = copy / "pyproject.toml"
    project.write_text(project.read_text().replace(NAME, name))
    for file, text in changes.items():
        (copy / "yourbank" / f"{file}.py").write_text(text)
    return copy


REDIS = {"REDIS_URL": "redis://127.0.0.1:9/0"}


@pytest.mark.parametrize("process", [("serve", "--port", "0"), ("worker",), ("clock",)])
def test_a_process_refuses_to_start_with_a_package_that_cannot_be_imported(
    process: tuple[str, ...], example: Path, tmp_path: Path
) -> None:
    broken = changed_copy(example, tmp_path, "brokenbank", iban="import no_such_module\n")
    install(broken, tmp_path / "site")
    with pytest.raises(ServerFailed) as refused:
        servers.manage(tmp_path, *process, PYTHONPATH=str(tmp_path / "site"), **REDIS)
    said = str(refused.value)
    assert "The package brokenbank 1.0 cannot be used" in said
    assert "countersign.steps: iban.check = yourbank.iban:CheckIban" in said
    assert "No module named 'no_such_module'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [("check",), ("migrate", "--verbosity", "0")])
def test_commands_name_it_and_do_nothing(
    command: tuple[str, ...], example: Path, tmp_path: Path
) -> None:
    broken = changed_copy(example, tmp_path, "brokenbank", rates="1 / 0\n")
    install(broken, tmp_path / "site")
    settings = {"PYTHONPATH": str(tmp_path / "site")}
    with pytest.raises(ServerFailed, match=r"brokenbank 1\.0.*ZeroDivisionError"):
        servers.manage(tmp_path, *command, **settings)


def test_two_packages_that_offer_one_name_are_both_named(example: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(example, site)
    second = changed_copy(example, tmp_path, "otherbank")
    (second / "yourbank").rename(second / "otherbank")
    project = second / "pyproject.toml"
    project.write_text(project.read_text().replace("yourbank", "otherbank"))
    install(second, site)
    with pytest.raises(ServerFailed) as refused:
        servers.manage(tmp_path, "clock", PYTHONPATH=str(site))
    said = str(refused.value)
    assert "otherbank 1.0 and yourbank-steps 1.0 both offer 'iban.check'" in said
    assert "otherbank 1.0 and yourbank-steps 1.0 both offer 'thin-file'" in said
