"""Make a wheel of a pure Python package without a build backend, which may not be here."""

import tomllib
import zipfile
from pathlib import Path
from typing import Any

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(source: Path, folder: Path) -> Path:
    """Write what the package's pyproject.toml describes into a wheel, and return its path."""
    described = tomllib.loads((source / "pyproject.toml").read_text())
    project = described["project"]
    name = f"{project['name'].replace('-', '_')}-{project['version']}"
    packages = described["tool"]["setuptools"]["packages"]
    files = {
        str(path.relative_to(source)): path.read_text()
        for package in packages
        for path in sorted((source / package).glob("*.py"))
    }
    files |= {f"{name}.dist-info/{file}": text for file, text in _metadata(project).items()}
    record = "".join(f"{file},,\n" for file in [*files, f"{name}.dist-info/RECORD"])
    made = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for file, text in (files | {f"{name}.dist-info/RECORD": record}).items():
            wheel.writestr(file, text)
    return made


def _metadata(project: dict[str, Any]) -> dict[str, str]:
    groups = "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    )
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    return {"METADATA": about, "WHEEL": WHEEL, "entry_points.txt": groups}
