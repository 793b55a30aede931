"""The script that measures functions counts lines of code, and fails a package of long ones."""

from pathlib import Path

import pytest

from tools import function_lines
from tools.function_lines import Length, Package, measure_functions, measure_packages

MODULE = '''
def short() -> int:
    """Return one.

    The docstring does not count.
    """
    # Nor does a comment.

    return 1


class Thing:
    async def wait(self) -> str:
        text = """
        of three lines
        """
        return text


def stub() -> None:
    """Only say what it would do."""


def outer() -> object:
    def inner() -> int:
        return 2

    return inner
'''


def test_only_lines_of_code_in_the_body_count() -> None:
    assert list(measure_functions(MODULE)) == [
        Length("short", 1),
        Length("stub", 0),
        Length("outer", 3),
        Length("wait", 4),
        Length("inner", 1),
    ]


def test_functions_are_counted_by_folder_two_levels_deep(tmp_path: Path) -> None:
    for name in ("shop", "shop/till", "shop/till/drawer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("def f():\n    pass\n")
    (tmp_path / "shop" / "empty").mkdir()
    (tmp_path / "shop" / "empty" / "__init__.py").write_text("")
    assert measure_packages(tmp_path, ["shop"]) == [
        Package("shop", [1]),
        Package("shop/till", [1, 1]),
    ]


def test_the_percentile_is_by_nearest_rank() -> None:
    package = Package("shop", [1, 2, 3, 4, 5, 6, 7, 8, 24, 99])
    assert (package.median, package.percentile, package.is_short) == (5.5, 24, True)


@pytest.mark.parametrize("lengths", [[11], [1] * 8 + [25, 25]])
def test_a_high_median_or_a_high_percentile_is_too_long(lengths: list[int]) -> None:
    assert not Package("shop", lengths).is_short


def test_one_package_of_long_functions_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, lines in (("good", 10), ("bad", 11)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.py").write_text("def f():\n" + "    pass\n" * lines)
    monkeypatch.setattr(function_lines, "ROOT", tmp_path)
    monkeypatch.setattr(function_lines, "FOLDERS", ("good",))
    assert function_lines.main() == 0
    monkeypatch.setattr(function_lines, "FOLDERS", ("good", "bad"))
    assert function_lines.main() == 1
    rows = capsys.readouterr().out.splitlines()
    assert [row.split() for row in rows if row.startswith("bad")] == [
        ["bad", "1", "11", "11", "too", "long"]
    ]
