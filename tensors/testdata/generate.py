"""Writes the fixtures beside this file: real files of NumPy and safetensors, which the Go tests read.

They were made with Python 3, numpy 2.4.6 and safetensors 0.8.0:  python3 generate.py
"""

import io
import pathlib
import zipfile

import numpy as np
from numpy.lib import format as npy
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
a = (np.arange(24, dtype="<f4") / 4 - 1).reshape(2, 3, 4)


def write(name, array, version=(1, 0), **options):
    with open(here / name, "wb") as f:
        npy.write_array(f, np.asanyarray(array), version=version, **options)


write("f4.npy", a)
write("f4-fortran.npy", np.asfortranarray(a))
write("f4-big.npy", a.astype(">f4"))
write("f4-fortran-big.npy", np.asfortranarray(a.astype(">f4")))
write("f4-v2.npy", a, version=(2, 0))
write("f4-v3.npy", a, version=(3, 0))
write("f4-flat.npy", a.reshape(6, 4))
write("f8.npy", a.astype("<f8"))
write("i4-same-bytes.npy", a.view("<i4"))

changed = a.copy()
changed[1, 2, 3] = 9
write("f4-changed.npy", changed)

zeros = np.zeros(3, "<f8")
write("zero.npy", zeros)
write("minus-zero.npy", -zeros)
write("nan.npy", np.array([0x7FF8000000000000], "<u8").view("<f8"))
write("nan-payload.npy", np.array([0x7FF8000000000001], "<u8").view("<f8"))

words = np.array(["a", "bc", "日本"])
write("words.npy", words)
write("words-big.npy", words.astype(">U2"))
write("bytes.npy", np.array([b"a", b"bc"]))
write("bool.npy", np.array([True, False, True]))
write("complex.npy", np.array([1 + 2j, -1.5 - 0.25j], "<c8"))
write("complex-big.npy", np.array([1 + 2j, -1.5 - 0.25j], ">c8"))
write("dates.npy", np.array(["2024-01-01", "2025-02-03"], "datetime64[D]"))
write("scalar.npy", np.float32(2.5))
write("empty.npy", np.zeros((0, 3), "<f4"))
write("half.npy", np.array([1, -0.5, 65504, np.inf], "<f2"))

little = np.dtype([("id", "<i4"), ("at", "<f8", (2,)), ("tag", "S3"), ("in", [("x", "<u2"), ("y", "u1")])])
big = np.dtype([("id", ">i4"), ("at", ">f8", (2,)), ("tag", "S3"), ("in", [("x", ">u2"), ("y", "u1")])])
rows = [(1, (0.5, 1.5), b"abc", (7, 8)), (2, (2.5, 3.5), b"d", (9, 10))]
write("struct.npy", np.array(rows, little))
write("struct-big.npy", np.array(rows, big))
renamed = np.dtype([("key", "<i4")] + little.descr[1:])
write("struct-renamed.npy", np.array(rows, renamed))
accents = np.dtype([("größe", "<i4")])
write("accents-v1.npy", np.array([(1,), (2,)], accents), version=(1, 0))
write("accents-v3.npy", np.array([(1,), (2,)], accents), version=(3, 0))

write("object.npy", np.array([{"a": 1}, None], object), allow_pickle=True)
write("object-field.npy", np.array([(1, "x")], [("n", "<i4"), ("o", "O")]), allow_pickle=True)

np.savez(here / "two.npz", a=a, b=words)
np.savez(here / "two-reordered.npz", b=words, a=a)
np.savez(here / "two-fortran.npz", a=np.asfortranarray(a), b=words)
np.savez_compressed(here / "two-compressed.npz", a=a, b=words)
np.savez_compressed(here / "two-compressed-fortran.npz", a=np.asfortranarray(a), b=words.astype(">U2"))
np.savez(here / "two-changed.npz", a=changed, b=words)
np.savez(here / "two-renamed.npz", a=a, c=words)
np.savez(here / "object.npz", a=a, o=np.array([None], object))


def archive(name, members, comment=b"", method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(here / name, "w", method) as z:
        z.comment = comment
        for member, data in members:
            z.writestr(zipfile.ZipInfo(member, (2001, 2, 3, 4, 5, 6)), data)


def npy_bytes(array):
    f = io.BytesIO()
    npy.write_array(f, array, version=(1, 0))
    return f.getvalue()


plain = [("a.npy", npy_bytes(a)), ("b.npy", npy_bytes(words))]
archive("two-later.npz", plain)
archive("two-note.npz", plain + [("note.txt", b"hello")])
archive("two-other-note.npz", plain + [("note.txt", b"hallo")])
archive("two-comment.npz", plain, comment=b"made by hand")
archive("two-double.npz", plain + [("a.npy", npy_bytes(changed))])

tensors = {"weight": a, "bias": np.arange(3, dtype="<f8")}
save_file(tensors, here / "model.safetensors")
save_file(tensors, here / "model-metadata.safetensors", metadata={"format": "pt", "step": "7"})
save_file(tensors, here / "model-other-metadata.safetensors", metadata={"format": "pt", "step": "8"})
save_file(dict(tensors, weight=changed), here / "model-changed.safetensors")
save_file({"Weight": a, "bias": tensors["bias"]}, here / "model-renamed.safetensors")

# The same model with another order of data, names and header, and other padding.
first, second = a.tobytes(), tensors["bias"].tobytes()
text = (
    b'{ "weight": {"shape": [2, 3, 4], "dtype": "F32", "data_offsets": [0, 96]},'
    b'  "bias": {"data_offsets": [96, 120], "dtype": "F64", "shape": [3]} }' + b" " * 13
)
(here / "model-reordered.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + first + second)

# A small archive that unfolds to any size: two members share their data.
with zipfile.ZipFile(here / "overlap.npz", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr(zipfile.ZipInfo("a.npy"), npy_bytes(np.zeros(400_000, "u1")), zipfile.ZIP_DEFLATED)
    twin = zipfile.ZipInfo("b.npy")
    one = z.filelist[0]
    for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
        setattr(twin, field, getattr(one, field))
    z.filelist.append(twin)
