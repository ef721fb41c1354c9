"""The part of torch's inventory that links from here need, written out, so that no build asks the network for it."""

import zlib
from pathlib import Path

TORCH = "https://docs.pytorch.org/docs/stable/"
# Name as a docstring or a signature has it: the page, and the name there.
_NAMES = {
    "torch.Generator": ("generated/torch.Generator.html", "torch.Generator"),
    "torch._C.Generator": ("generated/torch.Generator.html", "torch.Generator"),
    "torch.Tensor": ("tensors.html", "torch.Tensor"),
    "torch.device": ("tensor_attributes.html", "torch.device"),
    "torch.dtype": ("tensor_attributes.html", "torch.dtype"),
}
_MODULES = {"LSTM": "rnn", "Linear": "linear", "Module": "module", "ModuleList": "container", "Parameter": "parameter"}


def write(path: Path) -> Path:
    """Write it to ``path`` in Sphinx' format, version 2."""
    names = dict(_NAMES)
    for name, file in _MODULES.items():
        public = f"torch.nn.parameter.{name}" if name == "Parameter" else f"torch.nn.{name}"
        for spelled in {public, f"torch.nn.{name}", f"torch.nn.modules.{file}.{name}"}:
            names[spelled] = (f"generated/{public}.html", public)
    lines = [f"{name} py:class 1 {page}#{anchor} -\n" for name, (page, anchor) in sorted(names.items())]
    head = "# Sphinx inventory version 2\n# Project: torch\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))
    return path
