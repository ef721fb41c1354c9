"""The code of the tutorials and how-to pages runs as it stands there, from the repository's root, page by page."""

import re
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for folder in ("tutorials", "how_to") for path in (ROOT / "docs" / folder).glob("*.md"))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "index.md"], ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    with torch.random.fork_rng():
        for block in blocks:
            exec(compile(block, page.name, "exec"), names)  # the repository's own text


def test_every_page_is_in_the_index() -> None:
    listed = "\n".join((ROOT / "docs" / name).read_text() for name in ("index.md", "background.md", "how_to/index.md"))
    missing = [page.stem for page in (ROOT / "docs").rglob("*.md") if not re.search(rf"\b{page.stem}\b", listed)]
    assert not [name for name in missing if name not in ("index", "background")]
