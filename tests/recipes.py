"""The code and the commands of a page of docs, as they are written there."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
FENCED = re.compile(
    r"```(?:python|html|toml|yaml)\n(?:# |<!-- )(\S+?)(?: -->)?\n(.*?)```", re.DOTALL
)


def read_files(page: str) -> dict[str, str]:
    """Return the blocks that begin with the name of a file, by that name."""
    return {found[1]: found[2] for found in FENCED.finditer((DOCS / page).read_text())}


def read_commands(page: str, heading: str) -> str:
    """Return the shell commands below a heading, in their order, up to the next heading."""
    text = (DOCS / page).read_text()
    section = re.split(r"^#{2,3} ", text.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)
    return "".join(re.findall(r"```sh\n(.*?)```", section[0], re.DOTALL))


def write_files(page: str, folder: Path, target: Path) -> None:
    """Write the blocks whose files are in the folder that the page names, below the target."""
    for name, text in read_files(page).items():
        if Path(name).is_relative_to(folder):
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
