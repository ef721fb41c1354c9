#!/usr/bin/env bash
# torch 2.13.0 on a CPU: `Adam(fused=True)` moves the wrong elements of a parameter whose gradient is laid out otherwise in
# memory, such as a transposed array that somebody has put into `.grad`: it goes through both memories in their own order.
# Neither a word nor an error; without `fused` the same call is right.
# Seen:  largest difference from fused=False: 0.2000 with a gradient of strides (1, 3), 0.0000 with its contiguous copy
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2>/dev/null
cat >"$folder/run.py" <<'PY'
import torch

assert torch.__version__.startswith("2.13.0")


def stepped(gradient, fused):
    parameter = torch.nn.Parameter(torch.zeros(3, 4))
    parameter.grad = gradient
    torch.optim.Adam([parameter], lr=0.1, fused=fused).step()
    return parameter.detach()


gradient = torch.arange(-5.0, 7.0).reshape(4, 3).T
wrong = (stepped(gradient, True) - stepped(gradient, False)).abs().max()
right = (stepped(gradient.contiguous(), True) - stepped(gradient, False)).abs().max()
print(
    f"largest difference from fused=False: {wrong:.4f} with a gradient of strides {gradient.stride()}, "
    f"{right:.4f} with its contiguous copy"
)
assert wrong > 0.1, "the layout is heeded now"
assert right < 1e-6
PY
"$folder/venv/bin/python" "$folder/run.py"
