#!/usr/bin/env python3
"""Fetch the front-end files in static/vendor, and check that they are what the lock names.

    python deploy/vendor.py            fetch what the lock names, write the files and their digests
    python deploy/vendor.py --check    compare the committed files with the lock; no network

The lock has each package with its version and the integrity of its archive, and each file with its
digest. It names no host, so that any npm registry will do. To update a package, change its version
in the lock, delete its "integrity", and run this without arguments.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
LOCK = Path(__file__).with_name("vendor.lock.json")


def sri(data: bytes) -> str:
    """Return the digest as Subresource Integrity writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def download(name: str, version: str, folder: Path) -> bytes:
    """Return the package's archive, as ``npm pack`` downloads it."""
    command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - names from our lock
    (archive,) = folder.glob("*.tgz")
    return archive.read_bytes()


def read_archive(archive: Path) -> dict[str, bytes]:
    """Return the content of each file, by its path inside the package."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as bundle:
        for member in bundle.getmembers():
            if member.isfile() and (content := bundle.extractfile(member)):
                found[member.name.split("/", 1)[1]] = content.read()
    return found


def inner_markup(svg: str) -> str:
    """Return what stands inside the svg element, on one line, for an element of our own."""
    body = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.S)
    return re.sub(r"\s*\n\s*", "", body).replace(" />", "/>").strip()


def build_icon_set(files: dict[str, bytes], names: list[str]) -> bytes:
    """Return a JSON object of the icons that pages use: their markup by name."""
    missing = [name for name in names if f"icons/{name}.svg" not in files]
    if missing:
        sys.exit(f"lucide has no icon named {', '.join(missing)}: correct deploy/vendor.lock.json")
    icons = {name: inner_markup(files[f"icons/{name}.svg"].decode()) for name in sorted(set(names))}
    return (json.dumps(icons, indent=0) + "\n").encode()


def drop_source_map(data: bytes) -> bytes:
    """Return a script without its reference to a source map, which is not shipped."""
    return re.sub(rb"\n?//# sourceMappingURL=\S+\s*$", b"\n", data)


def choose_files(package: dict[str, Any], content: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files to write, by their path in static/vendor."""
    written: dict[str, bytes] = {}
    for source, target in package.get("copy", {}).items():
        chosen = [path for path in content if path == source or path.startswith(source + "/")]
        if not chosen:
            sys.exit(f"{package['name']} has no file {source}: correct deploy/vendor.lock.json")
        for path in chosen:
            data = content[path]
            name = target + path[len(source) :]
            written[name] = drop_source_map(data) if name.endswith(("js", "css")) else data
    if "icons" in package:
        written["lucide/icons.json"] = build_icon_set(content, package["icons"])
    return written


def fetch(lock: dict[str, Any]) -> None:
    """Download the packages, and write their files to static/vendor and the digests to the lock."""
    files: dict[str, str] = {}
    for package in lock["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            data = download(package["name"], package["version"], Path(folder))
            if package.setdefault("integrity", sri(data)) != sri(data):
                sys.exit(f"{package['name']} {package['version']} is not the archive of the lock")
            (archive,) = Path(folder).glob("*.tgz")
            for name, body in choose_files(package, read_archive(archive)).items():
                (VENDOR / name).parent.mkdir(parents=True, exist_ok=True)
                (VENDOR / name).write_bytes(body)
                files[name] = sri(body)
    lock["files"] = dict(sorted(files.items()))
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    print(f"static/vendor: {len(files)} files written")


def check(lock: dict[str, Any]) -> list[str]:
    """Return the differences between static/vendor and the lock, in words."""
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    wanted: dict[str, str] = lock["files"]
    problems = [f"missing: {name}" for name in sorted(wanted.keys() - there)]
    problems += [f"not in the lock: {name}" for name in sorted(there - wanted.keys())]
    for name in sorted(wanted.keys() & there):
        if sri((VENDOR / name).read_bytes()) != wanted[name]:
            problems.append(f"changed: {name}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only; change nothing")
    options = parser.parse_args()
    lock = json.loads(LOCK.read_text())
    if not options.check:
        fetch(lock)
        return 0
    problems = check(lock)
    for problem in problems:
        print(f"static/vendor: {problem}. Run python deploy/vendor.py", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
