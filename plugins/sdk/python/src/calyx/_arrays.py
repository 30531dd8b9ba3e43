"""Arrays and tensors: `.npy` for one of numpy, safetensors for all else.

An element type that the format lacks stands in a safetensors file as bytes, one more dimension of them, and its name in the
notes. Arrays arrive C-ordered, aligned and in the machine's byte order, mapped from the file; writing to one changes memory alone.
"""

from __future__ import annotations

import ast
import ctypes
import json
import struct
import sys
from typing import IO, Any, NamedTuple, cast

from ._errors import UnstorableError
from ._formats import Written

NPY = "application/x-npy"
SAFETENSORS = "application/vnd.safetensors"

#: Names of element types in safetensors, by their names in numpy, torch and jax.
_NAMES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
    "complex64": "C64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
}  # fmt: skip
_KINDS = {name: kind for kind, name in _NAMES.items()}

#: The entry of a safetensors file that is no tensor.
_METADATA = "__metadata__"


def write(value: Any, where: str) -> Written | None:
    """Return how to write an array, a tensor, or a dictionary of them; None for all else."""
    library = library_of(value)
    if library == "numpy" and not _is_scalar(value) and _fits_npy(value.dtype):
        return _write_npy(value)
    if library is not None:
        return _write_tensors({"": value}, library, "scalar" if _is_scalar(value) else "one", where)
    if type(value) is dict and value and _METADATA not in value and all(map(_is_text, value)):
        libraries = {library_of(v) for v in value.values()}
        library = libraries.pop()
        if library is not None and not libraries and not any(_is_scalar(v) for v in value.values()):
            return _write_tensors(value, library, "dict", where)
    return None


def library_of(value: Any) -> str | None:
    """Name the library of an array; None for what is none."""
    kind = type(value)
    root = kind.__module__.partition(".")[0]
    if (root == "numpy" and kind.__name__ == "ndarray") or (root in ("numpy", "ml_dtypes") and _is_scalar(value)):
        return "numpy"
    if root == "torch" and kind.__name__ in ("Tensor", "Parameter"):
        return "torch"
    if root in ("jax", "jaxlib") and hasattr(value, "__array__") and hasattr(value, "dtype"):
        return "jax"
    return None


def _is_scalar(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _is_text(key: Any) -> bool:
    """Tell whether a key may name a tensor: JSON has no place for half of a surrogate pair."""
    return type(key) is str and not any("\ud800" <= c <= "\udfff" for c in key)


def _fits_npy(dtype: Any) -> bool:
    """Tell whether .npy keeps the element type, as it does not with those that numpy itself does not have."""
    from numpy.lib import format as npy

    if dtype.hasobject or dtype.type.__module__ != "numpy" or dtype.itemsize == 0:
        return False
    back = npy.descr_to_dtype(npy.dtype_to_descr(dtype))
    return bool(back == dtype) and back.type is dtype.type


def _write_npy(value: Any) -> Written:
    import numpy as np

    array = _plain_array(value)

    def save(f: IO[bytes]) -> None:
        np.lib.format.write_array(f, array, allow_pickle=False)

    return Written(NPY, ".npy", array.nbytes + 4096, save)


def _plain_array(value: Any) -> Any:
    """Return an array in C order and native byte order."""
    import numpy as np

    array = np.ascontiguousarray(value).reshape(value.shape)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


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
    header: dict[str, Any] = {_METADATA: {}}
    pieces: list[Any] = []
    at = 0
    for name, tensor in tensors.items():
        part = _part_of(tensor, library, f"{where}[{name!r}]" if name else where)
        for note, content in (("marks", _marks(tensor, library)), ("types", part.type)):
            if content:
                notes.setdefault(note, {})[name] = content
        header[name] = {"dtype": part.kind, "shape": part.shape, "data_offsets": [at, at + len(part.data)]}
        pieces.append(part.data)
        at += len(part.data)
    header[_METADATA]["calyx"] = json.dumps(notes, sort_keys=True)
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


class _Part(NamedTuple):
    """A tensor as it stands in a file: its elements in C order, and the name of its type where the format has none for it."""

    data: memoryview
    kind: str
    shape: list[int]
    type: str


def _part_of(tensor: Any, library: str, where: str) -> _Part:
    if library == "torch":
        data, name, size = _torch_bytes(tensor, where)
    else:
        data, name, size = _array_bytes(tensor, library, where)
    kind, shape = _NAMES.get(name), [int(n) for n in tensor.shape]
    return _Part(data, kind, shape, "") if kind else _Part(data, "U8", [*shape, size], name)


def _torch_bytes(tensor: Any, where: str) -> tuple[memoryview, str, int]:
    import torch

    if tensor.layout is not torch.strided or tensor.is_nested:
        raise UnstorableError(f"{where} is a tensor of the layout {tensor.layout}, which cannot be stored; use to_dense() or a list")
    if tensor.is_quantized or tensor.device.type == "meta":
        lack = "is quantized, which cannot be stored; use dequantize()" if tensor.is_quantized else "is a tensor on meta, without elements"
        raise UnstorableError(f"{where} {lack}")
    flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    flat = flat.as_strided(flat.shape, (1,))  # a single element may stride as it likes, and be contiguous
    return _memory_of(flat.view(torch.uint8)), str(tensor.dtype).removeprefix("torch."), tensor.element_size()


def _memory_of(flat: Any) -> memoryview:
    """Return the bytes of a tensor on the CPU: without a copy where there is a NumPy, which torch does not need."""
    try:
        return memoryview(flat.numpy())
    except RuntimeError:
        return memoryview(ctypes.string_at(flat.data_ptr(), flat.numel()))


def _array_bytes(value: Any, library: str, where: str) -> tuple[memoryview, str, int]:
    import numpy as np

    if not isinstance(value.dtype, np.dtype):
        raise UnstorableError(f"{where} is a {library} array of {value.dtype}, which cannot be stored; store jax.random.key_data of a key")
    if value.dtype.kind == "T":
        raise UnstorableError(f"{where} is a {library} array of {value.dtype}, which no file format has; use astype(str) or a list")
    if value.dtype.hasobject:
        raise UnstorableError(f"{where} is a {library} array of Python objects, which only a pickle could hold; use a list")
    array = _plain_array(np.asarray(value))
    name = _type_text(array.dtype)
    if name is None:
        raise UnstorableError(f"{where} is a {library} array of {array.dtype}, which cannot be stored; convert it first")
    return memoryview(cast("Any", array.reshape(-1).view(np.uint8))), name, array.dtype.itemsize


def _type_text(dtype: Any) -> str | None:
    """Return the name of an element type, or numpy's description of one; None for what could not be found again by it."""
    from numpy.lib import format as npy

    if dtype.name in _NAMES or (dtype.type.__module__ == "ml_dtypes" and dtype.names is None):
        return str(dtype.name)
    return repr(npy.dtype_to_descr(dtype)) if _fits_npy(dtype) else None


def read_safetensors(data: memoryview) -> Any:
    """Return the tensors of a safetensors file: numpy arrays where another program wrote it."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(bytes(data[8 : 8 + length]))
    metadata = header.pop(_METADATA, {})
    notes = json.loads(metadata.get("calyx", "{}"))
    library = notes.get("library", "numpy")
    body = data[8 + length :]
    tensors = {}
    for name, entry in header.items():
        part, kind = body[slice(*entry["data_offsets"])], notes.get("types", {}).get(name)
        shape = entry["shape"] if kind is None else entry["shape"][:-1]
        tensors[name] = _tensor(library, kind or _known_type(entry["dtype"], name), shape, part, notes.get("marks", {}).get(name, []))
    form = notes.get("form", "dict")
    if form == "dict":
        return tensors
    return tensors[""] if form == "one" else tensors[""][()]


def _known_type(kind: str, name: str) -> str:
    if kind not in _KINDS:
        raise UnstorableError(f"the tensor {name!r} of a safetensors file has the type {kind}, which has no array; take its bytes")
    return _KINDS[kind]


def _tensor(library: str, name: str, shape: list[int], data: memoryview, marks: list[str]) -> Any:
    if library == "torch":
        return _torch_tensor(name, shape, data, marks)
    import numpy as np

    array = np.frombuffer(data, dtype=np.uint8).view(_dtype(name)).reshape(shape)
    return _jax_array(array) if library == "jax" else array


def _jax_array(array: Any) -> Any:
    import jax.numpy as jnp

    made = jnp.asarray(array)
    if made.dtype != array.dtype:
        raise UnstorableError(f"a stored jax array is {array.dtype}, which this process does not have: set jax_enable_x64")
    return made


def _dtype(name: str) -> Any:
    import numpy as np

    if name[0] in "['(":
        return np.lib.format.descr_to_dtype(ast.literal_eval(name))
    if name == "bool":
        return np.dtype(bool)  # NumPy 1 has no np.bool
    if name == "bfloat16" or not hasattr(np, name):
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
