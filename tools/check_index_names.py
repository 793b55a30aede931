"""Fail if a file of the project names a package index: locks must install from any mirror."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|registry\.yarnpkg|--(extra-)?index-url|/simple/"
)
# These two need the words: one looks for them, the other keeps them out of the locks.
EXEMPT = {"tools/check_index_names.py", "Makefile"}
# Built and vendored bundles have comments of their authors, which are not ours to change.
BUILT = ("static/vendor/", "static/flows/editor/")


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = 0
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or name in EXEMPT or name.startswith(BUILT) or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        for number, line in enumerate(text.splitlines(), 1):
            if NAMED.search(line):
                print(f"{name}:{number}: names a package index: {line.strip()[:120]}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
