"""Writes the first images of Fashion-MNIST's test half as the network takes them: fashion_mnist.py COUNT OUT.npy"""
import gzip
import sys

import numpy as np

FOLDER = "/usr/share/datasets/fashion-mnist"

count, path = int(sys.argv[1]), sys.argv[2]
with gzip.open(f"{FOLDER}/t10k-images-idx3-ubyte.gz") as file:
    pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
np.save(path, pixels[:count].astype(np.float32) / np.float32(255))
