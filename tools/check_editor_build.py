"""Fail if the committed canvas differs from what its source builds."""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "static" / "flows" / "editor"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="countersign-editor-") as folder:
        subprocess.run(
            ["npx", "--no-install", "vite", "build", "--outDir", folder, "--emptyOutDir",
             "--logLevel", "warn"],
            cwd=ROOT / "frontend" / "editor", check=True, stdin=subprocess.DEVNULL,
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
