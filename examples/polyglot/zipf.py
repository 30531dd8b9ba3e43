"""The Python plugin of the example: what the counts of names have in common with those of words in books."""

import numpy as np
from calyx import fn, metric, serve

Counts = dict[str, int]


@fn
def commonest(counts: list[Counts], top: int = 12) -> list[tuple[str, int]]:
    """The names that are used most, and how often."""
    total = add(counts)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))[:top]


@fn
def frequencies(counts: list[Counts]) -> np.ndarray:
    """How often each name is used, without the names, from the commonest on."""
    return np.sort(np.array(list(add(counts).values()), dtype=np.int32))[::-1]


@fn
def fit(frequencies: np.ndarray) -> dict[str, float]:
    """Zipf's law, f(r) = C / r^s, by least squares on logarithms: https://doi.org/10.3758/s13423-014-0585-6.

    Ranks are taken at even distances on the logarithmic scale, since most names are rare and would outvote the common ones.
    """
    ranks = np.unique(np.geomspace(1, len(frequencies), 60).astype(int))
    x, y = np.log10(ranks), np.log10(frequencies[ranks - 1])
    slope, intercept = np.polyfit(x, y, 1)
    unexplained = np.var(y - (slope * x + intercept)) / np.var(y)
    metric("exponent", float(-slope))
    return {"s": float(-slope), "C": float(10**intercept), "r2": float(1 - unexplained)}


@fn
def likeness(counts: list[Counts]) -> np.ndarray:
    """How alike the packages are: the cosine of the angle between their counts, with logarithms taken."""
    place = {name: i for i, name in enumerate(sorted(add(counts)))}
    vectors = np.zeros((len(counts), len(place)), dtype=np.float32)
    for vector, names in zip(vectors, counts):
        vector[[place[name] for name in names]] = np.log1p(list(names.values()))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T


def add(counts: list[Counts]) -> Counts:
    """The sum of several counts."""
    total: Counts = {}
    for names in counts:
        for name, n in names.items():
            total[name] = total.get(name, 0) + n
    return total


if __name__ == "__main__":
    serve()
