"""The tutorial, from its first line to its last, on CIFAR-10: only the import lines say `headstock.compat.ax`.

    python examples/tutorial_cifar10.py cifar10.npz [--trials 20] [--epochs 3] [--seed 12345]

The file holds `x_train, y_train, x_test, y_test`: images as bytes (n, 32, 32, 3), and their classes. Trials train on
one part of the training images and are judged by the other; the test images are for the winner alone.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, TensorDataset

from headstock.compat.ax.plot.contour import plot_contour
from headstock.compat.ax.plot.trace import optimization_trace_single_method
from headstock.compat.ax.service.managed_loop import optimize
from headstock.compat.ax.utils.notebook.plotting import init_notebook_plotting, render
from headstock.compat.ax.utils.tutorials.cnn_utils import evaluate, get_partition_data_loaders, train

DTYPE = torch.float
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def images(pixels: np.ndarray, labels: np.ndarray) -> TensorDataset:
    """Bytes (n, 32, 32, 3) as numbers from -1 to 1 with the channels first, and the class of each image."""
    return TensorDataset(
        torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.from_numpy(labels).long()
    )


def network() -> nn.Module:
    """Two convolutions and two linear layers, from images to log-probabilities, which is what `train` minimises."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, 10), nn.LogSoftmax(dim=1)),
    )


def trained(parameters: Mapping[str, Any], data: Dataset[Any], epochs: int) -> nn.Module:
    """A new network, trained with these hyper-parameters."""
    loader = DataLoader(data, batch_size=int(parameters["batchsize"]), shuffle=True)
    return train(network(), loader, {**parameters, "num_epochs": epochs}, DTYPE, DEVICE)


def main() -> None:
    """Tune the learning rate, the batch size and the momentum; look at what was found; test the winner."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path, help="an .npz file of CIFAR-10")
    options.add_argument("--trials", type=int, default=20)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--seed", type=int, default=12345)
    chosen = options.parse_args()

    init_notebook_plotting()
    torch.set_num_threads(1)  # so small a network gains little from more, and loses much where the cores are busy
    torch.manual_seed(chosen.seed)
    with np.load(chosen.data, allow_pickle=False) as stored:
        learning = images(stored["x_train"], stored["y_train"])
        unseen = images(stored["x_test"], stored["y_test"])
    train_loader, valid_loader, test_loader = get_partition_data_loaders(
        learning, unseen, downsample_pct=1.0, train_pct=0.8
    )

    def train_evaluate(parameters: Mapping[str, Any]) -> float:
        net = trained(parameters, train_loader.dataset, chosen.epochs)
        return evaluate(net, valid_loader, DTYPE, DEVICE)

    best_parameters, values, experiment, model = optimize(
        parameters=[
            {"name": "lr", "type": "range", "bounds": [1e-6, 0.4], "log_scale": True},
            {"name": "batchsize", "type": "range", "bounds": [16, 128]},
            {"name": "momentum", "type": "range", "bounds": [0.0, 1.0]},
        ],
        evaluation_function=train_evaluate,
        objective_name="accuracy",
        total_trials=chosen.trials,
        random_seed=chosen.seed,
    )
    means, covariances = values
    print(f"Best parameters, by the model: {best_parameters}")
    print(f"Predicted accuracy: {means['accuracy']:.4f} ± {covariances['accuracy']['accuracy'] ** 0.5:.4f}")

    best_objectives = np.array([[trial.objective_mean * 100 for trial in experiment.trials.values()]])
    trace = optimization_trace_single_method(
        y=np.maximum.accumulate(best_objectives, axis=1),
        title="Best accuracy so far",
        ylabel="Validation accuracy, %",
    )
    render(trace)
    render(plot_contour(model=model, param_x="lr", param_y="momentum", metric_name="accuracy"))
    render(plot_contour(model=model, param_x="batchsize", param_y="lr", metric_name="accuracy"))

    df = experiment.fetch_data().df
    luckiest = df.arm_name[df["mean"] == df["mean"].max()].to_numpy()[0]
    print(f"Best seen: arm {luckiest}, {experiment.arms_by_name[luckiest].parameters}")

    # The winner is chosen: it may learn from the validation images too, and is tested once.
    everything = ConcatDataset([train_loader.dataset, valid_loader.dataset])
    net = trained(best_parameters, everything, chosen.epochs)
    print(f"Test accuracy of the best believed: {evaluate(net, test_loader, DTYPE, DEVICE):.4f}")


if __name__ == "__main__":
    main()
