#!/usr/bin/env python3
"""Models that PyTorch exports give PyTorch's answers: peer_torch.py COMMAND

Each network is exported to ONNX with random weights and statistics and run by the command on a random batch.
"""
import os, subprocess, sys, tempfile

import numpy as np
import torch
import torch.nn as nn


def block(inputs, outputs, kernel=3, **options):
    return [nn.Conv2d(inputs, outputs, kernel, **options), nn.BatchNorm2d(outputs), nn.ReLU()]


NETWORKS = {
    "lesson": ((1, 28, 28), lambda: [
        nn.Conv2d(1, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10), nn.Softmax(dim=1)]),
    "lenet5": ((1, 28, 28), lambda: [
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        nn.LogSoftmax(dim=1)]),
    "normalized": ((3, 32, 40), lambda: [
        *block(3, 16, stride=2, padding=1, bias=False), *block(16, 16, groups=16, padding=1), *block(16, 24, 1),
        *block(24, 24, groups=4, dilation=2, padding=2), nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.MaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(720, 7)]),
    "image to image": ((2, 17, 13), lambda: [
        *block(2, 8, (5, 3), padding=(2, 1)), *block(8, 8, 3, dilation=(1, 2), padding=(1, 2)), nn.Conv2d(8, 3, 1),
        nn.Sigmoid()]),
    "signal": ((4, 50), lambda: [
        nn.Conv1d(4, 8, 5, stride=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(8, 6, 3, padding=1), nn.Flatten(),
        nn.Linear(66, 5)]),
    "volume": ((2, 6, 9, 8), lambda: [
        nn.Conv3d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(4, 5, (1, 2, 2)), nn.Flatten(),
        nn.Linear(135, 4)]),
}


def main():
    command, wrong = sys.argv[1], 0
    for seed, (name, (shape, layers)) in enumerate(NETWORKS.items()):
        torch.manual_seed(seed)
        net = nn.Sequential(*layers())
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.5)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
        net.eval()
        x = torch.randn(3, *shape)
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            model, data = os.path.join(folder, "m.onnx"), os.path.join(folder, "x.npy")
            torch.onnx.export(net, (x,), model, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"],
                              dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
            np.save(data, x.numpy())
            subprocess.run([command, "run", model, "--input", f"x={data}", "--output-dir", folder], check=True,
                           stdout=subprocess.DEVNULL)
            y, want = np.load(os.path.join(folder, "y.npy")), net.double()(x.double()).numpy()
        error = float(np.abs(y - want).max() / np.abs(want).max())
        print(f"{name}: largest error {error:.1e} of the largest output")
        wrong += not error <= 1e-5
    sys.exit(1 if wrong else 0)


main()
