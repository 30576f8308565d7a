#!/usr/bin/env python3
"""Answers of Keras that Tamis's tests hold: forward passes, training steps and the summary table.

  peer_keras.py [COMMAND]     compute them again and compare with what is stored (the command takes no part in it)
  peer_keras.py --write       compute them and store them as .npy and .txt files

Keras runs on whichever backend is there (KERAS_BACKEND; PyTorch by default). Networks and data follow from a seed of
numpy, so the stored files hold everything a test needs: initial weights, data, losses and final weights.
"""
import os, sys

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
import keras
from keras import layers as L

STEPS = 4
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "TamisTests", "Fixtures", "Keras")


def plain():
    return keras.Sequential([
        keras.Input((10, 10, 2)), L.Conv2D(4, (3, 3), activation="relu"), L.MaxPooling2D(2),
        L.Conv2D(5, (3, 3), padding="same", activation="tanh"), L.Flatten(), L.Dense(7, activation="sigmoid"),
        L.Dense(3, activation="softmax")])


def normalized():
    return keras.Sequential([
        keras.Input((9, 9, 2)), L.Conv2D(4, (3, 3), strides=2, padding="same", use_bias=False),
        L.BatchNormalization(momentum=0.9), L.ReLU(), L.DepthwiseConv2D((3, 3), padding="same", depth_multiplier=2),
        L.AveragePooling2D(2, padding="same"), L.Flatten(), L.Dense(3, activation="softmax")])


def lesson():
    return keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(64, (3, 3), activation="relu"), L.MaxPooling2D(2, 2),
        L.Conv2D(64, (3, 3), activation="relu"), L.MaxPooling2D(2, 2), L.Flatten(), L.Dense(128, activation="relu"),
        L.Dense(10, activation="softmax")])


NETWORKS = {"plain": plain, "normalized": normalized}
OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01),
}


def flat(arrays):
    """All elements of some arrays, one array after the other."""
    return np.concatenate([a.reshape(-1) for a in arrays])


def answers():
    """Every answer: file name without ending -> array or text."""
    result = {}
    for name, make in NETWORKS.items():
        rng = np.random.default_rng(7)
        net = make()
        weights = [rng.normal(0, 0.4, w.shape).astype(np.float32) for w in net.get_weights()]
        for i, (w, variable) in enumerate(zip(weights, net.weights)):
            if "variance" in variable.path:
                weights[i] = np.abs(w) + 0.5
        x = rng.normal(0, 1, (6,) + net.input_shape[1:]).astype(np.float32)
        y = rng.integers(0, 3, 6)
        result[f"{name}.x"], result[f"{name}.labels"] = x, y
        result[f"{name}.weights"] = flat(weights)
        net.set_weights(weights)
        result[f"{name}.predicted"] = net.predict(x, verbose=0)
        for kind, optimizer in OPTIMIZERS.items():
            net = make()
            net.set_weights(weights)
            net.compile(optimizer=optimizer(), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            losses = [net.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(STEPS)]
            result[f"{name}.{kind}.losses"] = np.array(losses, dtype=np.float32)
            result[f"{name}.{kind}.weights"] = flat(net.get_weights())
            result[f"{name}.{kind}.predicted"] = net.predict(x, verbose=0)
    lines = []
    keras.backend.clear_session()
    net = lesson()
    net.name = "sequential"
    net.summary(print_fn=lambda s, **_: lines.append(s), line_length=None)
    result["lesson.summary"] = "\n".join(lines)
    return result


def main():
    writes, wrong = "--write" in sys.argv, 0
    for name, value in answers().items():
        path = os.path.join(FOLDER, name)
        if isinstance(value, str):
            if writes:
                open(path + ".txt", "w").write(value)
            elif open(path + ".txt").read().split() != value.split():
                wrong += 1
                print(f"{name}: the stored table is not today's")
        elif writes:
            np.save(path + ".npy", value)
        else:
            error = float(np.abs(np.load(path + ".npy") - value).max())
            if not error <= 2e-4:
                wrong += 1
                print(f"{name}: differs from what is stored by {error}")
    print(f"keras {keras.__version__} on {keras.backend.backend()}: "
          + ("written" if writes else f"{wrong} answers differ from the stored ones"))
    sys.exit(1 if wrong else 0)


main()
