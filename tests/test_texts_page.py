"""What docs/texts.md shows runs as it stands there."""

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "texts.md"


def test_the_example_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "texts.md", "exec"), names)  # the repository's own text
    assert names["answers"].shape == (2, 1)
    assert names["words"].get_vocabulary()[:4] == ["", "[UNK]", "good", "film"]
