#!/usr/bin/env bash
# torch 2.13.0: in a graph without breaks an attribute may be set on the result of an operation, and it is there on the
# tensor that the compiled function returns; on one of several results of an operation the same line is refused, and on a
# view of it allowed again. An eager call takes all three.
# Seen:  one result: marked; one of several: Unsupported, setattr() on unsupported type; a view of that: marked
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2>/dev/null
cat >"$folder/run.py" <<'PY'
import torch


@torch.library.custom_op("finding::two", mutates_args=())
def two(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x + 1, x + 2


@two.register_fake
def _(x):
    return torch.empty_like(x), torch.empty_like(x)


def single(x):
    y = x * 2
    y.mark = "marked"
    return y


def several(x):
    y, _ = torch.ops.finding.two(x)
    y.mark = "marked"
    return y


def view(x):
    y, _ = torch.ops.finding.two(x)
    y = y.view_as(y)
    y.mark = "marked"
    return y


assert torch.__version__.startswith("2.13.0")
x, seen = torch.ones(3), {}
for name, function in {"one result": single, "one of several": several, "a view of that": view}.items():
    assert function(x).mark == "marked"
    try:
        seen[name] = getattr(torch.compile(function, fullgraph=True, backend="eager")(x), "mark", "lost")
    except Exception as error:
        seen[name] = f"{type(error).__name__}, {str(error).splitlines()[0]}"
print("; ".join(f"{name}: {what}" for name, what in seen.items()))
assert seen["one result"] == seen["a view of that"] == "marked"
assert "setattr" in seen["one of several"], "one of several results can be marked now"
PY
"$folder/venv/bin/python" "$folder/run.py"
