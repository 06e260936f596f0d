"""Ax's `utils.tutorials.cnn_utils`: a small network, its data, training and evaluation."""

from headstock.training.tutorial import CNN, evaluate, get_partition_data_loaders, load_mnist, split_dataset, train

__all__ = ["CNN", "evaluate", "get_partition_data_loaders", "load_mnist", "split_dataset", "train"]
