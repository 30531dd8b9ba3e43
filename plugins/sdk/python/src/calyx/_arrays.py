"""Arrays and tensors: `.npy` for one of numpy, safetensors for all else.

Arrays arrive C-ordered, aligned and in the machine's byte order, mapped from the file; writing to one changes memory alone.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import IO, Any, cast

from ._errors import UnstorableError
from ._formats import Written

NPY = "application/x-npy"
SAFETENSORS = "application/vnd.safetensors"

#: Names of element types in safetensors, by their names in numpy, torch and jax.
_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "complex64": "C64", "complex128": "C128", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip
_KINDS = {name: kind for kind, name in _NAMES.items()}


def write(value: Any, where: str) -> Written | None:
    """Return how to write an array, a tensor, or a dictionary of them; None for all else."""
    library = library_of(value)
    if library == "numpy" and not _needs_safetensors(value):
        return _write_npy(value, where)
    if library is not None:
        return _write_tensors({"": value}, library, "one", where)
    if type(value) is dict and value and all(type(k) is str for k in value):
        libraries = {library_of(v) for v in value.values()}
        library = libraries.pop()
        if library is not None and not libraries and not any(_is_scalar(v) for v in value.values()):
            return _write_tensors(value, library, "dict", where)
    return None


def library_of(value: Any) -> str | None:
    """Name the library of an array; None for what is none."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if root == "numpy" and (kind.__name__ == "ndarray" or _is_scalar(value)):
        return "numpy"
    if root == "torch" and kind.__name__ in ("Tensor", "Parameter"):
        return "torch"
    if root in ("jax", "jaxlib") and hasattr(value, "__array__") and hasattr(value, "dtype"):
        return "jax"
    return None


def _is_scalar(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _needs_safetensors(array: Any) -> bool:
    """Tell whether .npy would lose the element type, as it does with those that numpy itself does not have."""
    return array.dtype.kind == "V" and array.dtype.names is None and array.dtype.name in _NAMES


def _write_npy(value: Any, where: str) -> Written:
    import numpy as np

    if value.dtype.hasobject:
        raise UnstorableError(f"{where} is a numpy array of Python objects, which only a pickle could hold; use a list")
    scalar = isinstance(value, np.generic)
    array = np.ascontiguousarray(value) if not scalar else np.asarray(value)
    array = array.reshape(value.shape)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if scalar:  # a scalar of numpy is no array: it is told apart by its container
        return _write_tensors({"": array}, "numpy", "scalar", where)

    def save(f: IO[bytes]) -> None:
        np.lib.format.write_array(f, array, allow_pickle=False)

    return Written(NPY, ".npy", array.nbytes + 4096, save)


def read_npy(data: memoryview) -> Any:
    """Return the array in a .npy file."""
    import numpy as np

    header = _Prefix(data)
    version = np.lib.format.read_magic(header)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(header)
    if dtype.hasobject:
        raise UnstorableError("a stored array holds Python objects, which only a pickle could hold")
    count = int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(data, dtype=dtype, count=count, offset=header.at) if count else np.empty(0, dtype)
    array = array.reshape(shape, order="F" if fortran else "C")
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    return np.ascontiguousarray(array).reshape(shape)


class _Prefix:
    """As much of a file as numpy's reader of headers wants."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def read(self, n: int = -1, /) -> bytes:
        some = bytes(self.data[self.at : self.at + n])
        self.at += len(some)
        return some


def _write_tensors(tensors: dict[str, Any], library: str, form: str, where: str) -> Written:
    notes: dict[str, Any] = {"library": library, "form": form}
    header: dict[str, Any] = {"__metadata__": {}}
    pieces: list[Any] = []
    at = 0
    for name, tensor in tensors.items():
        place = f"{where}[{name!r}]" if name else where
        data, kind = _bytes_of(tensor, library, place)
        marks = _marks(tensor, library)
        if marks:
            notes.setdefault("marks", {})[name] = marks
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + len(data)]}
        pieces.append(data)
        at += len(data)
    header["__metadata__"]["calyx"] = json.dumps(notes, sort_keys=True)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)

    def save(f: IO[bytes]) -> None:
        f.write(struct.pack("<Q", len(text)) + text)
        for piece in pieces:
            f.write(piece)

    return Written(SAFETENSORS, ".safetensors", 8 + len(text) + at, save)


def _marks(tensor: Any, library: str) -> list[str]:
    """Return what is to be known of a tensor besides its elements."""
    if library != "torch":
        return []
    return [mark for mark, there in (
        ("parameter", type(tensor).__name__ == "Parameter"), ("grad", tensor.requires_grad),
    ) if there]  # fmt: skip


def _bytes_of(tensor: Any, library: str, where: str) -> tuple[memoryview, str]:
    """Return the elements in C order, and the name of their type."""
    name = str(tensor.dtype).removeprefix("torch.")
    kind = _NAMES.get(name)
    if kind is None:
        raise UnstorableError(f"{where} is a {library} array of {name}, for which safetensors has no type; convert it first")
    if library == "torch":
        import torch

        if tensor.layout is not torch.strided:
            raise UnstorableError(f"{where} is a tensor of the layout {tensor.layout}, which cannot be stored; use to_dense()")
        flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return memoryview(flat.view(torch.uint8).numpy()), kind
    import numpy as np

    flat_array = np.ascontiguousarray(np.asarray(tensor)).reshape(-1)
    return memoryview(cast("Any", flat_array.view(np.uint8))), kind


def read_safetensors(data: memoryview) -> Any:
    """Return the tensors of a safetensors file: numpy arrays where another program wrote it."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(bytes(data[8 : 8 + length]))
    metadata = header.pop("__metadata__", {})
    notes = json.loads(metadata.get("calyx", "{}"))
    library = notes.get("library", "numpy")
    body = data[8 + length :]
    tensors = {
        name: _tensor(library, entry, body[slice(*entry["data_offsets"])], notes.get("marks", {}).get(name, []))
        for name, entry in header.items()
    }
    form = notes.get("form", "dict")
    if form == "dict":
        return tensors
    return tensors[""] if form == "one" else tensors[""][()]


def _tensor(library: str, entry: dict[str, Any], data: memoryview, marks: list[str]) -> Any:
    name, shape = _KINDS[entry["dtype"]], entry["shape"]
    if library == "torch":
        return _torch_tensor(name, shape, data, marks)
    import numpy as np

    array = np.frombuffer(data, dtype=np.uint8).view(_dtype(name)).reshape(shape)
    if library == "jax":
        import jax.numpy as jnp

        return jnp.asarray(array)
    return array


def _dtype(name: str) -> Any:
    import numpy as np

    if name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name)


def _torch_tensor(name: str, shape: list[int], data: memoryview, marks: list[str]) -> Any:
    import torch

    kind = getattr(torch, name)
    flat = torch.frombuffer(data, dtype=torch.uint8).view(kind) if len(data) else torch.empty(0, dtype=kind)
    tensor = flat.reshape(shape)
    if "parameter" in marks:
        return torch.nn.Parameter(tensor, requires_grad="grad" in marks)
    return tensor.requires_grad_() if "grad" in marks else tensor
