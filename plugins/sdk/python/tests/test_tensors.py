"""Tensors of torch and arrays of jax come back equal, types included.

Each library's tests are skipped where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Workspace, argument_trip

from calyx import UnstorableError

Trip = Callable[[Any], Any]


def torch_dtypes() -> list[str]:
    try:
        import torch
    except ImportError:
        return ["none"]
    return sorted({str(d).removeprefix("torch.") for d in vars(torch).values() if isinstance(d, torch.dtype)})


def same_tensor(a: Any, b: Any) -> bool:
    """Tell whether two tensors, or containers of such, are equal bit by bit, with equal types."""
    import torch

    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return [*a] == [*b] and all(same_tensor(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_tensor, a, b))
    if not isinstance(a, torch.Tensor):
        return bool(a == b)
    if (a.dtype, a.shape, a.requires_grad) != (b.dtype, b.shape, b.requires_grad):
        return False
    return bits(a) == bits(b)


def bits(tensor: Any) -> bytes:
    import torch

    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return bytes(flat.as_strided(flat.shape, (1,)).view(torch.uint8).numpy())


@pytest.mark.parametrize("name", torch_dtypes())
def test_every_dtype_of_torch(name: str, round_trip: Trip) -> None:
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, name)
    try:
        tensor = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]).to(dtype)
    except (RuntimeError, NotImplementedError):
        pytest.skip(f"this torch makes no tensor of {name}")
    for value in (tensor, tensor[0, 1], tensor[:0], tensor.t(), {"a": tensor, "b": tensor[1]}, [tensor, 1], (1, tensor[0])):
        assert same_tensor(round_trip(value), value)
        assert same_tensor(argument_trip(value), value)
    large = tensor.repeat(20_000, 1)
    assert same_tensor(round_trip(large), large)


def torch_values() -> dict[str, Callable[[], Any]]:
    """What is peculiar to torch, each made by a function, so that this module is importable without it."""
    import torch

    return {
        "not contiguous": lambda: torch.arange(12.0).reshape(3, 4).t()[::2],
        "expanded": lambda: torch.ones(1).expand(5),
        "conjugated": lambda: torch.tensor([1 + 2j, 3j]).conj(),
        "negated by a view": lambda: torch.tensor([1 + 2j]).conj().imag,
        "odd floats": lambda: torch.tensor([float("nan"), -0.0, float("inf"), 1e-45]),
        "a payload in NaN": lambda: torch.tensor([0x7FC00123], dtype=torch.int32).view(torch.float32),
        "a gradient wanted": lambda: torch.ones(3, requires_grad=True),
        "parameters": lambda: [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2), requires_grad=False)],
        "a state": lambda: torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict(),
        "named like metadata": lambda: {"__metadata__": torch.ones(2), "b": torch.zeros(2)},
        "without a name": lambda: {"": torch.ones(2)},
        "of two libraries": lambda: {"a": torch.ones(2), "b": np.float64(2)},
        "deep inside": lambda: {"layers": [{"w": torch.ones(2)}, {}], "step": 3, 1: (torch.tensor(True),)},
    }


def test_scalars_of_every_numpy(round_trip: Trip) -> None:
    for scalar in (np.bool_(True), np.int8(-1), np.float16(0.5), np.complex64(1j)):
        for trip in (round_trip, argument_trip):
            assert type(trip(scalar)) is type(scalar)
            assert trip(scalar) == scalar


def test_torch_without_numpy(round_trip: Trip, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")

    def fail(_: Any) -> Any:
        raise RuntimeError("Numpy is not available")

    monkeypatch.setattr(torch.Tensor, "numpy", fail)
    for value in (torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).t(), torch.ones(0, 3), {"a": torch.tensor(True)}):
        back = round_trip(value)
        if isinstance(value, dict):
            back, value = back["a"], value["a"]
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        assert torch.equal(back, value)


def test_what_is_peculiar_to_torch(round_trip: Trip) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for what, make in torch_values().items():
        value = make()
        assert same_tensor(round_trip(value), value), what
        assert same_tensor(argument_trip(value), value), what


def test_tensors_that_cannot_be_stored(round_trip: Trip) -> None:
    torch = pytest.importorskip("torch")
    quantized = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    for value, said in (
        (torch.ones(3).to_sparse(), "use to_dense"),
        (quantized, "use dequantize"),
        (torch.ones(3, device="meta"), "without elements"),
        (torch.nn.Linear(1, 1), "serializer"),
        (torch.float32, "serializer"),
        ({"a": [torch.ones(1).to_sparse()]}, r"the value\['a'\]\[0\]"),
    ):
        with pytest.raises(UnstorableError, match=said):
            round_trip(value)


def test_tensors_through_builds(ws: Workspace) -> None:
    pytest.importorskip("torch")
    ws.program(
        """
        import torch

        CASES = {
            "bfloat16": lambda: torch.arange(6, dtype=torch.bfloat16).reshape(2, 3),
            "large": lambda: torch.arange(100_000.0).reshape(2, -1).t(),
            "truth": lambda: torch.tensor(True),
            "complex": lambda: torch.tensor([1 + 2j]).conj(),
            "empty": lambda: torch.empty((0, 3), dtype=torch.int8),
            "dictionary": lambda: {"w": torch.ones(2, requires_grad=True), "b": torch.nn.Parameter(torch.ones(3))},
        }

        def form(v):
            if isinstance(v, dict): return {k: form(x) for k, x in v.items()}
            return [type(v).__name__, str(v.dtype), list(v.shape), v.requires_grad, str(v.tolist())]

        @fn
        def made(name): return CASES[name]()

        @fn
        def passed(value): return form(value)

        @fn
        def kept():
            return [name for name in CASES if form(made(name)) == form(CASES[name]())]

        @fn
        def arguments():
            return [name for name in CASES if name != "large" and passed(CASES[name]()) == form(CASES[name]())]
        """
    )
    cases = ["bfloat16", "large", "truth", "complex", "empty", "dictionary"]
    assert ws.get("kept") == cases
    assert ws.get("arguments") == [c for c in cases if c != "large"]
    assert ws.runs() == []


JAX_DTYPES = (
    "bool int2 int4 int8 int16 int32 int64 uint2 uint4 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128 "
    "float4_e2m1fn float8_e3m4 float8_e4m3 float8_e4m3fn float8_e4m3fnuz float8_e4m3b11fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
)


def same_array(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return [*a] == [*b] and all(same_array(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_array, a, b))
    if not hasattr(a, "dtype"):
        return bool(a == b)
    return a.dtype == b.dtype and a.shape == b.shape and np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.fixture
def jnp() -> Any:
    """jax.numpy with all of its element types."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    yield jax.numpy
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("name", JAX_DTYPES.split())
def test_every_dtype_of_jax(name: str, jnp: Any, round_trip: Trip) -> None:
    if not hasattr(jnp, name):
        pytest.skip(f"this jax has no {name}")
    array = jnp.array([[0, 1, 1]], dtype=getattr(jnp, name))
    for value in (array, array[0, 1], array[:0], array.T, {"a": array, "b": array[0]}, {"step": 3, "layers": [(array,)]}):
        assert same_array(round_trip(value), value)
        assert same_array(argument_trip(value), value)


def test_odd_arrays_of_jax(jnp: Any, round_trip: Trip) -> None:
    import jax

    odd = jnp.array([float("nan"), -0.0, float("inf")])
    assert same_array(round_trip(odd), odd)
    with pytest.raises(UnstorableError, match="key_data"):
        round_trip(jax.random.key(0))
    wide = jnp.arange(3, dtype=jnp.int64)
    jax.config.update("jax_enable_x64", False)
    with pytest.raises(UnstorableError, match="set jax_enable_x64"):
        round_trip(wide)


def test_jax_through_builds(ws: Workspace) -> None:
    pytest.importorskip("jax")
    ws.program(
        """
        import jax.numpy as jnp

        @fn
        def weights(): return {"w": jnp.arange(60_000, dtype=jnp.bfloat16).reshape(2, -1), "b": jnp.array(True)}

        @fn
        def scaled(w, by=jnp.float32(2)): return w * by

        @fn
        def seen():
            w = weights()
            s = scaled(w["w"][:, :3])
            return [type(w["w"]).__name__, str(w["w"].dtype), w["b"].tolist(), str(s.dtype), s.tolist()]
        """
    )
    assert ws.get("seen") == ["ArrayImpl", "bfloat16", True, "float32", [[0.0, 2.0, 4.0], [59904.0, 59904.0, 59904.0]]]
