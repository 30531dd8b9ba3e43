"""A small network that learns handwritten digits. Each epoch is a node, so training goes on from the last one that is known."""

import calyx
import safetensors.numpy
import torch
from calyx import Pipeline, fn, metric, serve, stored
from sklearn.datasets import load_digits
from torch import Tensor, nn

Tensors = dict[str, Tensor]

# Sums depend on how they are split among threads, and the last digits of weights on them.
torch.set_num_threads(1)


class Digits(Pipeline):
    @stored
    def lr(self) -> float:
        """The learning rate."""
        return 0.2

    @stored
    def hidden(self) -> int:
        """The width of the hidden layer."""
        return 48

    @stored
    def seed(self) -> int:
        """Where the weights begin, and in which order images come."""
        return 0

    @stored
    def epochs(self) -> int:
        """How often all the images for training are seen."""
        return 10

    @stored
    def weights(self) -> str:
        """A file with the weights to begin with, such as some epoch of another training. Without one, they are random."""
        return ""

    @fn
    def images(self) -> Tensors:
        """scikit-learn's digits, 8 by 8 pixels each. Every fifth is kept for the test."""
        digits = load_digits()
        x = torch.tensor(digits.data / 16, dtype=torch.float32)
        y = torch.tensor(digits.target)
        test = torch.arange(len(y)) % 5 == 0
        return {"x": x[~test], "y": y[~test], "test_x": x[test], "test_y": y[test]}

    @fn
    def epoch(self, n: int) -> Tensors:
        """The weights after n epochs of stochastic gradient descent."""
        if n == 0:
            return self.load() if self.weights() else self.draw()
        network = network_of(self.epoch(n - 1))
        images, rate = self.images(), self.lr()
        order = torch.randperm(len(images["y"]), generator=torch.Generator().manual_seed(1000 * self.seed() + n))
        for batch in order.split(32):
            network.zero_grad()
            nn.functional.cross_entropy(network(images["x"][batch]), images["y"][batch]).backward()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter -= rate * parameter.grad
        return {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def load(self) -> Tensors:
        """Weights from a file."""
        with calyx.open(self.weights(), "rb") as file:
            return {name: torch.from_numpy(array) for name, array in safetensors.numpy.load(file.read()).items()}

    def draw(self) -> Tensors:
        """Weights at random."""
        random, hidden = torch.Generator().manual_seed(self.seed()), self.hidden()
        shapes = {"0.weight": (hidden, 64), "0.bias": (hidden,), "2.weight": (10, hidden), "2.bias": (10,)}
        return {name: torch.randn(shape, generator=random) * shape[-1] ** -0.5 for name, shape in shapes.items()}

    @fn
    def forward(self, n: int) -> Tensor:
        """What the network says about the images of the test: a row of ten numbers for each."""
        with torch.no_grad():
            return network_of(self.epoch(n))(self.images()["test_x"])

    @fn
    def loss(self, n: int) -> float:
        """The mean cross-entropy on the test."""
        return nn.functional.cross_entropy(self.forward(n), self.images()["test_y"]).item()

    @fn
    def accuracy(self, n: int) -> float:
        """Which part of the test is recognised."""
        return (self.forward(n).argmax(1) == self.images()["test_y"]).float().mean().item()

    @fn
    def report(self) -> str:
        """How training went."""
        lines = ["epoch   loss  accuracy"]
        for n in range(self.epochs() + 1):
            lines.append(f"{n:5}  {self.loss(n):.3f}   {self.accuracy(n):6.2%}")
        metric("accuracy", self.accuracy(self.epochs()))
        return "\n".join(lines) + "\n"


def network_of(weights: Tensors) -> nn.Sequential:
    """A network with one hidden layer that has these weights."""
    hidden = len(weights["0.bias"])
    network = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    network.load_state_dict(weights)
    return network


if __name__ == "__main__":
    serve(Digits)
