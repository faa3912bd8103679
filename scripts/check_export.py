#!/usr/bin/env python3
"""Checks the weights that `train --export` wrote: their forward pass in NumPy, in float64, has to give the
validation loss of the run.

    train --model gpt --data FILE --json RESULT.json --export WEIGHTS.npz
    scripts/check_export.py RESULT.json WEIGHTS.npz

The run must have read its data from a text file (gpt) or from a folder of IDX files with t10k (mlp, cnn).
Exit status: 0 the same loss, 1 another one, 2 files that cannot be used.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
TOLERANCE = 1e-4  # of the loss: the run computes in float32


class Unusable(Exception):
    """What cannot be checked, in one line."""


def linear(w: dict[str, Array], name: str, x: Array) -> Array:
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def layer_norm(w: dict[str, Array], name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    return w[f"{name}.gain"] * centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + w[f"{name}.bias"]


def dense(w: dict[str, Array], x: Array) -> Array:
    """Dense layers with ReLU between."""
    count = sum(name.startswith("dense") and name.endswith("weight") for name in w)
    for i in range(count):
        x = linear(w, f"dense{i}", x)
        if i + 1 < count:
            x = relu(x)
    return x


def convolution(w: dict[str, Array], name: str, x: Array, padding: int) -> Array:
    """x: [images, channels, height, width]."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kernel = w[f"{name}.weight"]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
    return np.einsum("nchwpq,fcpq->nfhw", windows, kernel, optimize=True) + w[f"{name}.bias"][:, None, None]


def max_pool(x: Array) -> Array:
    n, c, h, w = x.shape
    return x[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def mlp(w: dict[str, Array], images: Array) -> Array:
    return dense(w, images.reshape(len(images), -1))


def cnn(w: dict[str, Array], images: Array) -> Array:
    x = max_pool(relu(convolution(w, "convolution0", images[:, None], 2)))
    x = max_pool(relu(convolution(w, "convolution1", x, 0)))
    return dense(w, x.reshape(len(x), -1))


def attention(qkv: Array, heads: int) -> Array:
    n, context, width = qkv.shape
    q, k, v = qkv.reshape(n, context, 3, heads, width // 3 // heads).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    scores = np.where(np.tri(context, dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    y = p / p.sum(-1, keepdims=True) @ v
    return y.transpose(0, 2, 1, 3).reshape(n, context, width // 3)


def gpt(w: dict[str, Array], tokens: Array, heads: int) -> Array:
    x = w["token"][tokens] + w["position"]
    block = 0
    while f"block{block}.dense.in.weight" in w:
        name = f"block{block}."
        h = linear(w, name + "attention.in", layer_norm(w, name + "attention.norm", x))
        x = x + linear(w, name + "attention.out", attention(h, heads))
        h = gelu(linear(w, name + "dense.in", layer_norm(w, name + "dense.norm", x)))
        x = x + linear(w, name + "dense.out", h)
        block += 1
    return layer_norm(w, "norm", x) @ w["token"].T


def cross_entropy(logits: Array, labels: Array) -> float:
    """The sum over rows; logits [..., classes]."""
    top = logits.max(-1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    return float((log_sum - np.take_along_axis(logits, labels[..., None], -1)[..., 0]).sum())


def idx(folder: Path, name: str) -> Array:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            shape = np.frombuffer(raw, ">i4", raw[3], 4)
            return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
    raise Unusable(f"'{folder}' has no {name}; this check needs the t10k files too")


def images_loss(model: str, w: dict[str, Array], folder: Path, most: int) -> float:
    training = idx(folder, "train-images-idx3-ubyte").astype(np.float64)
    images = (idx(folder, "t10k-images-idx3-ubyte")[:most] - training.mean()) / (training.std() or 1)
    labels = idx(folder, "t10k-labels-idx1-ubyte")[:most].astype(np.int64)
    forward = mlp if model == "mlp" else cnn
    loss = sum(
        cross_entropy(forward(w, images[i : i + 256]), labels[i : i + 256])
        for i in range(0, len(labels), 256)
    )
    return loss / len(labels)


def text_loss(w: dict[str, Array], file: Path, heads: int, most: int) -> float:
    text = np.frombuffer(file.read_bytes(), np.uint8).astype(np.int64)
    text = text[len(text) - len(text) // 10 :]  # the last tenth validates
    context = len(w["position"])
    count = min(most, (len(text) - 1) // context)
    tokens = text[: count * context].reshape(count, context)
    labels = text[1 : count * context + 1].reshape(count, context)
    loss = sum(cross_entropy(gpt(w, tokens[i : i + 8], heads), labels[i : i + 8]) for i in range(0, count, 8))
    return loss / labels.size


def check(result: Path, weights: Path, batches: int) -> bool:
    report = json.loads(result.read_text())
    if report.get("app") != "train":
        raise Unusable(f"'{result}' is no result of train")
    config, data = report["config"], Path(report["config"]["data"] or "generated")
    if not data.exists():
        raise Unusable(f"the run's data, {data}, is no file here")
    with np.load(weights) as file:
        w = {name: file[name].astype(np.float64) for name in file.files}
    most = batches * config["batch"]
    if config["model"] == "gpt":
        if data.is_dir():
            raise Unusable(f"'{data}' is a folder; for gpt this check takes one file")
        loss = text_loss(w, data, config["sizes"][1], most)
    else:
        loss = images_loss(config["model"], w, data, most)
    expected = next(f["value"] for f in report["figures_of_merit"] if f["name"] == "validation_loss")
    print(f"{config['model']}: validation loss {loss:.9g} in NumPy, {expected:.9g} in the run")
    return abs(loss - expected) <= TOLERANCE * abs(expected)


def main() -> int:
    parser = argparse.ArgumentParser(description="The forward pass of exported weights in NumPy.")
    parser.add_argument("result", type=Path, help="what train --json wrote")
    parser.add_argument("weights", type=Path, help="what train --export wrote")
    parser.add_argument("--validation-batches", type=int, default=16, help="as given to train (default: 16)")
    options = parser.parse_args()
    try:
        return 0 if check(options.result, options.weights, options.validation_batches) else 1
    except KeyError as error:
        print(f"check_export: error: there is no {error} in these files", file=sys.stderr)
    except (Unusable, OSError, ValueError) as error:
        print(f"check_export: error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
