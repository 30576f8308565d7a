#!/usr/bin/env python3
"""Gradients of PyTorch that Tamis's tests hold: a ResNet-18 of few channels, exported to ONNX, in two steps of training.

  peer_training.py [COMMAND]     compute them again and compare with what is stored (the command takes no part in it)
  peer_training.py --write       compute them and store them as .onnx and .npy files

The network is stored as exported for inference and as exported for training, its batch normalisations unfolded in both.
Gradients are computed in double, one array after the other in the order of their names, filters in Tamis's order of axes.
Where an activation lies within rounding of 0 or two of a window within rounding of each other, no float has the gradient:
the images are the first ones for which PyTorch's own floats have it.
"""
import contextlib
import copy
import os
import pathlib
import sys

import numpy
import onnx
import torch
from onnx import numpy_helper

import networks

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "TamisTests" / "Fixtures" / "PyTorch"
WIDTH, CLASSES, IMAGES, SIDE, STEPS, RATE = 4, 10, 8, 64, 2, 0.01
EXPORTS = {"inference": False, "training": True}


def network():
    return networks.initialized(lambda: networks.resnet(networks.Basic, [2, 2, 2, 2], width=WIDTH, classes=CLASSES))


def gradients(images, labels, number):
    """The gradients of each step in floats of a type, and the running means after the last."""
    net, steps = copy.deepcopy(network()).to(number).train(), []
    for _ in range(STEPS):
        net.zero_grad()
        torch.nn.functional.cross_entropy(net(images.to(number)), labels).backward()
        steps.append({name: parameter.grad.numpy().copy() for name, parameter in net.named_parameters()})
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= RATE * parameter.grad
    return steps, {name: value.numpy() for name, value in net.named_buffers() if name.endswith("running_mean")}


def error(values, wanted):
    """The largest error of an array, relative to the largest number in it."""
    return max(numpy.abs(values[name] - array).max() / numpy.abs(array).max() for name, array in wanted.items())


def flat(arrays):
    """All elements of some arrays, in the order of their names."""
    return numpy.concatenate([
        (array.transpose(2, 3, 1, 0) if array.ndim == 4 else array).reshape(-1) for _, array in sorted(arrays.items())
    ]).astype(numpy.float32)


def chosen_images(labels):
    for seed in range(100):
        images = torch.randn(IMAGES, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
        single, double = (gradients(images, labels, number)[0] for number in (torch.float32, torch.float64))
        if max(map(error, single, double)) < 1e-5:
            return images
    sys.exit("no images have a gradient in float32")


def export(images, is_training, path):
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        torch.onnx.export(
            network().train(is_training), (images,), str(path), dynamo=False, opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, input_names=["images"],
            output_names=["scores"], dynamic_axes={"images": {0: "batch"}, "scores": {0: "batch"}})
    # Tracing has moved the running statistics.
    model, buffers = onnx.load(path), dict(network().named_buffers())
    for initializer in model.graph.initializer:
        if initializer.name in buffers:
            initializer.CopyFrom(numpy_helper.from_array(buffers[initializer.name].numpy(), initializer.name))
    onnx.save(model, path)
    onnx.checker.check_model(str(path), full_check=True)


def main():
    torch.set_num_threads(1)
    writes, wrong = "--write" in sys.argv, 0
    labels = torch.arange(IMAGES) * 3 % CLASSES
    path = lambda name: FOLDER / f"resnet18.{name}"
    if writes:
        images = chosen_images(labels)
        for name, is_training in EXPORTS.items():
            export(images, is_training, path(f"{name}.onnx"))
        numpy.save(path("images.npy"), images.numpy())
        numpy.save(path("labels.npy"), labels.numpy())
    images = torch.from_numpy(numpy.load(path("images.npy")))
    steps, means = gradients(images, labels, torch.float64)
    answers = {f"gradients.{step}": flat(arrays) for step, arrays in enumerate(steps)} | {"means": flat(means)}
    for name, array in answers.items():
        if writes:
            numpy.save(path(f"{name}.npy"), array)
            continue
        stored = numpy.load(path(f"{name}.npy"))
        distance = numpy.abs(stored - array).max() / numpy.abs(array).max()
        if not distance <= 1e-6:
            wrong += 1
            print(f"{name}: differs from what is stored by {distance:.1e} of the largest number")
    print(f"torch {torch.__version__}: " + ("written" if writes else f"{wrong} answers differ from the stored ones"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
