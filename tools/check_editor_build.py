"""Fail if a script uses a name that is not there, or the committed canvas is not what is built."""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EDITOR = ROOT / "frontend" / "editor"
COMMITTED = ROOT / "static" / "flows" / "editor"


def main() -> int:
    lint = subprocess.run(
        [EDITOR / "node_modules/.bin/eslint", "-c", EDITOR / "eslint.config.js",
         EDITOR / "src", ROOT / "static"],
        cwd=ROOT, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return lint.returncode or check_build()


def check_build() -> int:
    with tempfile.TemporaryDirectory(prefix="countersign-editor-") as folder:
        subprocess.run(
            ["npx", "--no-install", "vite", "build", "--outDir", folder, "--emptyOutDir",
             "--logLevel", "warn"],
            cwd=EDITOR, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        built = sorted(path.name for path in Path(folder).iterdir())
        _, different, missing = filecmp.cmpfiles(folder, COMMITTED, built, shallow=False)
    if different or missing:
        print(f"These differ from what the source builds: {', '.join([*different, *missing])}")
        print("Run `npm run build` in frontend/editor and commit static/flows/editor.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
