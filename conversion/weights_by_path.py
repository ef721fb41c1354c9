"""Arrays under paths of attributes, as ``.keras`` and ``.weights.h5`` files have them: which are the layers'."""

import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from torch_keras_lstm.conversion.arrays import ArraysByPath, SavedArray, Weights

# Where the path of every weight begins: in .keras and .weights.h5 files, and in those of tf.keras 2.12 to 2.14.
PATH_ROOTS = ("layers", "_layer_checkpoint_dependencies")
# A model class of one's own has none where each of its layers stands under an attribute: `head/vars/0`.
_OF_A_LAYER = re.compile(r"^(?!optimizer/|metrics/)(.+/)?vars/\d+$")
# tf.keras on Windows joined the parts of a path with it, and HDF5 took the whole for one name: `layers\\lstm\\cell`.
WINDOWS_SEPARATOR = "\\"


def weights_by_path(files: Sequence[Mapping[str, SavedArray]], root: str | None, container: str) -> Weights:
    """The weights of a model and what its training left, by the paths of arrays.

    Args:
        files: the arrays of each file.
        root: where the path of every weight begins, as :func:`root_of` or :func:`root_among` gives it.
        container: the kind of file, for the report.

    Raises:
        ValueError: when no array is a layer's, or a path stands in two files.
    """
    if root is None and not any(_OF_A_LAYER.search(path) for arrays in files for path in arrays):
        raise ValueError("The file holds no weights that Keras wrote: neither `layer_names` nor a group `layers`.")
    paths: dict[str, SavedArray] = {}
    left: dict[str, int] = {}
    optimizer: dict[int, SavedArray] = {}
    idf: dict[str, SavedArray] = {}
    fault = ""
    for arrays in files:
        for path, array in arrays.items():
            kind = "random state" if path.endswith("seed_generator/vars/0") else path.split("/")[0]
            if kind in ("optimizer", "metrics", "random state"):
                left[kind] = left.get(kind, 0) + 1
                if numbered := re.fullmatch(r"optimizer/vars/(0|[1-9]\d{0,8})", path):
                    optimizer[int(numbered[1])] = array
                elif path.startswith("optimizer/vars/"):
                    fault = f"`{path}` has a name that is no number."
            elif path in paths:
                raise ValueError(f"Array `{path}` stands in more than one of the files.")
            elif path.endswith("/vars/idf_weights"):
                idf[path] = array
            else:
                paths[path] = array
    kept = [array for _, array in sorted(optimizer.items(), key=itemgetter(0))]
    missing = next((number for number in range(len(kept)) if number not in optimizer), None)
    if missing is not None and not fault:
        fault = f"`optimizer/vars/{missing}` is missing, but there are later ones."
    by_path = ArraysByPath(root or PATH_ROOTS[0], paths)
    return Weights(container, by_path, left, optimizer=kept, optimizer_fault=fault, idf_weights=idf)


def root_of(group: str) -> str | None:
    """Where the path of weights begins, if it begins with this group."""
    return next((root for root in PATH_ROOTS if group.split(WINDOWS_SEPARATOR)[0] == root), None)


def root_among(paths: Iterable[str]) -> str | None:
    """Where the paths of weights begin, by these paths."""
    beginnings = {path.split("/")[0] for path in paths}
    return next((root for root in PATH_ROOTS if root in beginnings), None)
