"""Compile the kernels for two kinds of GPU, with none at hand; prints what each takes of the device, as JSON.

    TRITON_INTERPRET=0 python -m tests.recurrence.backends.compile_kernels

The compiler refuses things that the interpreter runs.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from torch_keras_lstm.recurrence.backends import triton_sequence, triton_step
from torch_keras_lstm.recurrence.backends.triton_sequence import blocks_for

# compute capability: bytes of shared memory that a program can have there
SHARED_MEMORY = {80: 166912, 86: 101376, 90: 232448}
TYPES = {torch.float32: "*fp32", torch.bfloat16: "*bf16"}
# arguments of another type than that of the tensors
_OTHERS = {"mask": "*u8", "time": "i32", "batch": "i32", "size": "i32", "dc": "*fp32", "passed_by": "*fp32"}


def compiled(kernel: Any, dtype: torch.dtype, capability: int, constants: Mapping[str, object], **options: int) -> Any:
    """The kernel for tensors of that type, its constant arguments given."""
    arguments = [name for name in kernel.arg_names if name not in constants]
    signature = {name: _OTHERS.get(name, TYPES[dtype]) for name in arguments}
    in_order = {name: signature.get(name, "constexpr") for name in kernel.arg_names}
    aligned = {
        (kernel.arg_names.index(name),): [["tt.divisibility", 16]] for name in arguments if in_order[name][0] == "*"
    }
    source = ASTSource(kernel, in_order, dict(constants), aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def sequence(
    backward: bool, units: int, dtype: torch.dtype, precision: str, capability: int, dropouts: int, masked: bool
) -> dict[str, int]:
    """What a program of a kernel for whole sequences takes, beside what it can have."""
    kernel = triton_sequence.backward_kernel if backward else triton_sequence.forward_kernel
    blocks = asdict(blocks_for(units, 32, dtype, precision, SHARED_MEMORY[capability]))
    options = {name: blocks.pop(name) for name in ("num_warps", "num_stages")}
    constants = {"UNITS": units, "DROPOUTS": dropouts, "ACTIVATION": "tanh", "GATE": "sigmoid", "PRECISION": precision}
    left_out = {name: None for name, given in (("mask", masked), ("factors", dropouts)) if not given}
    result = compiled(kernel, dtype, capability, constants | blocks | left_out, **options)
    return {"shared": result.metadata.shared, "limit": SHARED_MEMORY[capability]}


def step(backward: bool, activation: str, gate: str) -> dict[str, int]:
    """The same of a kernel for one step, with everything that it can do at once."""
    kernel = triton_step.backward_kernel if backward else triton_step.forward_kernel
    constants = {"UNITS": 200, "BLOCK": 512, "DROPOUTS": 4, "ACTIVATION": activation, "GATE": gate}
    result = compiled(kernel, torch.bfloat16, 80, constants, num_warps=4)
    return {"shared": result.metadata.shared, "limit": SHARED_MEMORY[80]}


SEQUENCES: tuple[tuple[int, torch.dtype, str, int, int, bool], ...] = (
    (64, torch.float32, "tf32", 86, 0, False),
    (128, torch.float32, "tf32", 90, 4, True),
    (100, torch.float32, "ieee", 80, 1, True),
    (128, torch.bfloat16, "ieee", 90, 4, True),
    (128, torch.bfloat16, "ieee", 80, 0, False),
)
# every activation once, in pairs
STEPS = (
    ("tanh", "sigmoid"), ("relu", "hard_sigmoid"), ("relu6", "hard_sigmoid_keras2"), ("elu", "exponential"),
    ("selu", "softsign"), ("gelu", "hard_tanh"), ("silu", "softplus"), ("linear", "leaky_relu"),
)  # fmt: skip


def main() -> None:
    """Compile all of them."""
    results = {
        **{f"sequence {case} {way}": sequence(way == "back", *case) for case in SEQUENCES for way in ("forth", "back")},
        **{f"step {case} {way}": step(way == "back", *case) for case in STEPS for way in ("forth", "back")},
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
