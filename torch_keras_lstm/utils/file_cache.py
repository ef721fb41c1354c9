"""``keras.utils.get_file``: a file from an address, kept under ``~/.keras``."""

import hashlib
import os
import shutil
import tarfile
import urllib.request
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from torch_keras_lstm import console


def keras_home() -> Path:
    """Where files are kept: ``KERAS_HOME``, or ``~/.keras``."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def get_file(
    fname: str | Path | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str | Path = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | Path | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is downloaded unless it is there already.

    Args:
        fname: its name; by default that in ``origin``.
        origin: its address, such as "https://..." or "file:///...".
        untar: extract it as a tar archive.
        md5_hash, file_hash: what its bytes must hash to.
        cache_subdir: the folder under ``cache_dir``.
        hash_algorithm: "sha256", "md5", or "auto" by the length of the hash.
        extract: extract it.
        archive_format: "tar", "zip", a list of these, or "auto" for both.
        cache_dir: by default ``KERAS_HOME`` of the environment, or ``~/.keras``.
        force_download: download it even if it is there.

    Returns:
        The path of the file, or with ``extract`` of the folder that it was extracted into.

    Raises:
        ValueError: when there is no address or name, or the bytes are not those of the hash.
        OSError: when it cannot be downloaded.
    """
    if origin is None:
        raise ValueError("`origin` must be given: the address of the file to download.")
    given = None if fname is None else str(fname)
    name = given or Path(urlsplit(origin).path).name
    if not name:
        raise ValueError(f"`origin` {origin!r} has no file name in it: give `fname`.")
    if Path(name).name != name:
        raise ValueError(
            f"`fname` is a name, not a path, got {name!r}: `cache_dir` and `cache_subdir` say where it goes."
        )
    folder = Path(cache_dir or keras_home()).expanduser() / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    target, extracted = folder / name, folder / name
    if extract or untar:
        if given and "." in given:
            extracted = folder / f"{name[: name.find('.')]}_extracted"
        else:
            target = folder / f"{name}_archive"
    expected, algorithm = (md5_hash, "md5") if file_hash is None and md5_hash else (file_hash, hash_algorithm)
    is_there = target.exists() and (expected is None or hash_of(target, algorithm, expected) == expected)
    if force_download or not is_there:
        _download(origin, target, expected, algorithm)
    if not (extract or untar):
        return str(target)
    if not extract_archive(target, extracted, "tar" if untar else archive_format):
        warnings.warn(f"{target}: is no archive that can be extracted.", stacklevel=2)
    return str(extracted)


def _download(origin: str, target: Path, expected: str | None, algorithm: str) -> None:
    console.write(f"Downloading data from {origin}\n")
    part = target.with_name(f"{target.name}.part")
    try:
        try:
            with urllib.request.urlopen(origin) as source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
        except OSError as error:  # urllib's are
            raise OSError(f"{origin}: cannot be downloaded ({error}).") from None
        if expected is not None and hash_of(part, algorithm, expected) != expected:
            raise ValueError(f"{origin}: the file is incomplete or another one: its hash is not {expected}.")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def hash_of(path: Path, algorithm: str = "sha256", expected: str = "") -> str:
    """The hash of a file's bytes; "auto" takes sha256 for an ``expected`` one of that length, else md5."""
    is_sha256 = algorithm == "sha256" or (algorithm == "auto" and len(expected) == 64)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256" if is_sha256 else "md5").hexdigest()


def extract_archive(path: Path, folder: Path, archive_format: str | Sequence[str] | None = "auto") -> bool:
    """Extract a tar or zip archive into a folder; ``False`` when it is neither.

    Members that would lie outside of the folder, links that lead out of it, and devices are refused.

    Raises:
        ValueError: for such a member, of which nothing is extracted.
    """
    if archive_format is None:
        return False
    formats = (
        ("tar", "zip")
        if archive_format == "auto"
        else ((archive_format,) if isinstance(archive_format, str) else tuple(archive_format))
    )
    unknown = set(formats) - {"tar", "zip"}
    if unknown:
        raise ValueError(f"`archive_format` is 'auto', 'tar', 'zip' or a list of these, got {archive_format!r}.")
    if "tar" in formats and tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            try:
                for member in archive.getmembers():
                    tarfile.data_filter(member, str(folder))
                archive.extractall(folder, filter="data")
            except tarfile.FilterError as error:
                raise ValueError(f"{path}: is not extracted, for {error}.") from None
        return True
    if "zip" in formats and zipfile.is_zipfile(path):
        root = folder.resolve()
        with zipfile.ZipFile(path) as zipped:
            for name in zipped.namelist():
                if not (root / name).resolve().is_relative_to(root):
                    raise ValueError(
                        f"{path}: is not extracted, for its member {name!r} would lie outside of {folder}."
                    )
            zipped.extractall(folder)
        return True
    return False
