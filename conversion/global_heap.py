"""A check of HDF5's global heaps, where strings of variable length lie, before the HDF5 library is let near them.

The library (1.14.6 and before) never returns from a heap with a free block of size zero: it steps over blocks by the
size that each one claims. No time limit in Python ends that loop, so the same walk is made here first.
"""

import mmap

_SIGNATURE = b"GCOL\x01\x00\x00\x00"  # with its version and the reserved bytes; the library refuses others
_HEADER = 16
_BLOCK_HEADER = 16


def check(data: bytes | mmap.mmap) -> None:
    """Walk over every global heap in a file.

    Args:
        data: the whole file.

    Raises:
        OSError: for a heap whose blocks do not fill it.
    """
    # Sound heaps do not overlap, so that all of them together have no more blocks than this.
    blocks_left = len(data) // _BLOCK_HEADER
    start = data.find(_SIGNATURE)
    while start >= 0:
        end = start + _number(data, start + 8)
        block = start + _HEADER
        while block + _BLOCK_HEADER <= end:
            used, size = data[block : block + 2] != b"\x00\x00", _number(data, block + 8)
            step = _BLOCK_HEADER + (size + 7) // 8 * 8 if used else size
            blocks_left -= 1
            if step == 0 or block + step > min(end, len(data)) or blocks_left < 0:
                raise OSError(f"The HDF5 file is truncated or damaged: its heap of strings at byte {start} is broken.")
            block += step
        start = data.find(_SIGNATURE, start + 1)


def _number(data: bytes | mmap.mmap, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
