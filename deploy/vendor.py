#!/usr/bin/env python3
"""Fetch the front-end files that are served from static/vendor, and prove that they are those.

    python deploy/vendor.py            fetch what the lock names, write the files and their digests
    python deploy/vendor.py --check    compare the committed files with the lock; no network

The lock names a package, its version and the integrity of its archive, and each file with its
digest; no host, so that any npm registry serves. To move to a newer version, change it in the
lock, delete its "integrity", and run without arguments.
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
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def pack(name: str, version: str, folder: Path) -> bytes:
    """Return the package's archive, as ``npm pack`` downloads it."""
    command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - names from our lock
    (archive,) = folder.glob("*.tgz")
    return archive.read_bytes()


def members(archive: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as bundle:
        for member in bundle.getmembers():
            if member.isfile() and (content := bundle.extractfile(member)):
                found[member.name.split("/", 1)[1]] = content.read()
    return found


def inner_markup(svg: str) -> str:
    """Return what is inside the svg element on one line, for an element of our own around it."""
    body = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.S)
    return re.sub(r"\s*\n\s*", "", body).replace(" />", "/>").strip()


def icon_set(files: dict[str, bytes], names: list[str]) -> bytes:
    """Return one JSON object, icon name to markup, of the icons that pages use."""
    missing = [name for name in names if f"icons/{name}.svg" not in files]
    if missing:
        sys.exit(f"lucide has no icon named {', '.join(missing)}: correct deploy/vendor.lock.json")
    icons = {name: inner_markup(files[f"icons/{name}.svg"].decode()) for name in sorted(set(names))}
    return (json.dumps(icons, indent=0) + "\n").encode()


def without_source_map(data: bytes) -> bytes:
    """Drop the pointer to a source map that is not shipped: browsers would ask for it in vain."""
    return re.sub(rb"\n?//# sourceMappingURL=\S+\s*$", b"\n", data)


def files_of(package: dict[str, Any], content: dict[str, bytes]) -> dict[str, bytes]:
    written: dict[str, bytes] = {}
    for source, target in package.get("copy", {}).items():
        chosen = [path for path in content if path == source or path.startswith(source + "/")]
        if not chosen:
            sys.exit(f"{package['name']} has no file {source}: correct deploy/vendor.lock.json")
        for path in chosen:
            data = content[path]
            name = target + path[len(source) :]
            written[name] = without_source_map(data) if name.endswith(("js", "css")) else data
    if "icons" in package:
        written["lucide/icons.json"] = icon_set(content, package["icons"])
    return written


def fetch(lock: dict[str, Any]) -> None:
    files: dict[str, str] = {}
    for package in lock["packages"]:
        with tempfile.TemporaryDirectory() as folder:
            data = pack(package["name"], package["version"], Path(folder))
            if package.setdefault("integrity", sri(data)) != sri(data):
                sys.exit(f"{package['name']} {package['version']} is not the archive of the lock")
            (archive,) = Path(folder).glob("*.tgz")
            for name, body in files_of(package, members(archive)).items():
                (VENDOR / name).parent.mkdir(parents=True, exist_ok=True)
                (VENDOR / name).write_bytes(body)
                files[name] = sri(body)
    lock["files"] = dict(sorted(files.items()))
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    print(f"static/vendor: {len(files)} files written")


def check(lock: dict[str, Any]) -> list[str]:
    """Return what differs between static/vendor and the lock, in words."""
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
