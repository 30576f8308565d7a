"""Makes the ONNX fixtures in Tests/TamisTests/Fixtures/ONNX: small networks exported by PyTorch, and single operators.

Each fixture NAME is NAME.onnx with NAME.input.npy (NAME.labels.npy too, where it has labels) and NAME.output.npy, what
onnxruntime computes for them. Made with onnx 1.23.2, onnxruntime 1.32.0, torch 2.15.0:

    /opt/peers/bin/python Tests/Fixtures/make_onnx.py
"""
import os
import warnings

import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
folder = os.path.join(os.path.dirname(__file__), "..", "TamisTests", "Fixtures", "ONNX")
os.makedirs(folder, exist_ok=True)
random = numpy.random.default_rng(0)


def save(name, model, *inputs):
    onnx.checker.check_model(model, full_check=True)
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options)
    feeds = dict(zip([i.name for i in session.get_inputs()], inputs))
    output = session.run(None, feeds)[0]
    assert numpy.isfinite(output).all()
    for suffix, array in zip(["input", "labels"], inputs):
        numpy.save(os.path.join(folder, f"{name}.{suffix}.npy"), array)
    numpy.save(os.path.join(folder, f"{name}.output.npy"), output)


# MARK: networks exported by PyTorch


def export(name, network, shape, opset=17, dynamic=True):
    torch.manual_seed(1)
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    image = torch.from_numpy(random.standard_normal(shape, dtype=numpy.float32))
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(
        network, (image,), path, opset_version=opset, dynamo=False, do_constant_folding=True,
        input_names=["image"], output_names=["scores"],
        dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}} if dynamic else None)
    model = onnx.load(path)
    save(name, model, image.numpy())


class Residual(nn.Module):
    """Skip connections, groups, a depthwise convolution, two readers of one value, a scale for each channel."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.groups = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)
        self.scale = nn.Parameter(torch.rand(8, 1, 1))
        self.pointwise = nn.Conv2d(8, 6, 1)
        self.norm2 = nn.BatchNorm2d(6)
        self.pool = nn.AvgPool2d(3, 2, padding=1, count_include_pad=False, ceil_mode=True)
        self.dense = nn.Linear(6 * 5 * 5, 4)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        y = x + self.depthwise(x) * self.scale
        z = torch.sigmoid(self.groups(y)) * y - x / 2
        z = self.pool(torch.tanh(self.norm2(self.pointwise(z))))
        return torch.log_softmax(self.dense(torch.flatten(z, 1)), dim=1)


torch.manual_seed(1)
export("lesson", nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(6 * 5 * 5, 12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 10), nn.Softmax(dim=1)), (2, 1, 28, 28))
export("residual", Residual(), (2, 3, 9, 9))


class Viewed(nn.Module):
    """Asymmetric padding through a strided kernel of two sizes, a view in the place of Flatten, a fixed batch."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 5, (5, 2), stride=(2, 1), padding=(2, 1), dilation=(1, 2))
        self.norm = nn.BatchNorm2d(5)
        self.dense = nn.Linear(75, 3, bias=False)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.conv(x))), 3, 2, padding=1, ceil_mode=True)
        return self.dense(x.view(-1, 75))


export("viewed", Viewed(), (1, 2, 7, 8), opset=11, dynamic=False)
export("line", nn.Sequential(
    nn.Conv1d(3, 4, 3, stride=2), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 5, 3, groups=1, padding=1), nn.AvgPool1d(2),
    nn.Flatten(), nn.Linear(15, 2), nn.BatchNorm1d(2), nn.Tanh()), (2, 3, 14))
export("volume", nn.Sequential(
    nn.Conv3d(2, 3, 2), nn.ReLU(), nn.MaxPool3d(2, 1), nn.Conv3d(3, 2, 1), nn.Softmax(dim=1)), (1, 2, 4, 5, 4), opset=14)


# MARK: single operators


def single(name, nodes, inputs, initializers=(), opset=17, rank=None):
    """A graph of some nodes; its inputs are named x (and labels), its output y, and the first axis is free."""
    names = ["x", "labels"]
    rank = inputs[0].ndim if rank is None else rank
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), ["batch", *a.shape[1:]])
        for n, a in zip(names, inputs)]
    graph = helper.make_graph(
        nodes, name, infos, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(a, n) for n, a in initializers])
    save(name, helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), *inputs)


def floats(*shape):
    return random.standard_normal(shape, dtype=numpy.float32)


image = floats(2, 4, 7, 6)
w = floats(6, 2, 3, 2)
for mode in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
    single(f"conv_{mode.lower()}", [helper.make_node(
        "Conv", ["x", "w"], ["y"], auto_pad=mode, strides=[2, 1], group=2)], [image], [("w", w)])
single("conv_asymmetric", [helper.make_node(
    "Conv", ["x", "w", "b"], ["y"], pads=[0, 1, 2, 3], strides=[2, 2], dilations=[2, 1], group=2)],
    [image], [("w", w), ("b", floats(6))])
# Weights that are computed go through a transpose.
single("conv_computed", [
    helper.make_node("Mul", ["w", "s"], ["w2"]), helper.make_node("Conv", ["x", "w2"], ["c"], group=2),
    helper.make_node("Relu", ["c"], ["y"])], [image], [("w", w), ("s", floats(6, 1, 1, 1))])
single("maxpool_ceil", [helper.make_node(
    "MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], dilations=[2, 1], ceil_mode=1, pads=[1, 1, 2, 1])],
    [image])
single("maxpool_ceil_gaps", [helper.make_node(
    "MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[4, 4], ceil_mode=1)], [image])
for counted in [0, 1]:
    single(f"averagepool_{counted}", [helper.make_node(
        "AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1, pads=[1, 1, 0, 2],
        count_include_pad=counted)], [image])
single("averagepool_dilated", [helper.make_node(
    "AveragePool", ["x"], ["y"], kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 2, 1, 2], count_include_pad=0)],
    [image], opset=19)
single("averagepool_same", [helper.make_node(
    "AveragePool", ["x"], ["y"], kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_LOWER")], [image])

matrix = floats(3, 5)
for name, c, attributes in [
        ("scaled", (4,), dict(alpha=0.5, beta=2.0)), ("row", (1, 4), {}), ("column", (3, 1), dict(transB=1)),
        ("single", (1,), dict(beta=0.25)), ("full", (3, 4), dict(alpha=3.0))]:
    single(f"gemm_{name}", [helper.make_node("Gemm", ["x", "w", "c"], ["y"], **attributes)], [matrix],
           [("w", floats(4, 5) if "transB" in attributes else floats(5, 4)), ("c", floats(*c))])
single("gemm_transposed", [
    helper.make_node("Transpose", ["x"], ["t"]), helper.make_node("Gemm", ["t", "w"], ["y"], transA=1)], [matrix],
    [("w", floats(5, 2))])
single("matmul_bias", [
    helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["b", "m"], ["y"])], [floats(2, 3, 5)],
    [("w", floats(5, 4)), ("b", floats(4))])
for axis in [1, 2, 3]:
    single(f"softmax_11_{axis}", [helper.make_node("Softmax", ["x"], ["y"], axis=axis)], [image], opset=11)
single("logsoftmax_13", [helper.make_node("LogSoftmax", ["x"], ["y"], axis=1)], [image], opset=13)
single("loss", [helper.make_node("SoftmaxCrossEntropyLoss", ["x", "labels"], ["y"])],
       [image, random.integers(0, 4, (2, 7, 6))], rank=0)
single("constants", [
    helper.make_node("Constant", [], ["two"], value_float=2.0),
    helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(floats(4, 1, 1))),
    helper.make_node("Constant", [], ["shape"], value_ints=[0, 2, -1]),
    helper.make_node("Div", ["x", "two"], ["d"]), helper.make_node("Sub", ["w", "d"], ["s"]),
    helper.make_node("Reshape", ["s", "shape"], ["y"])], [image], rank=3)
single("old", [
    helper.make_node("Conv", ["x", "w"], ["c"], group=2),
    helper.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "variance"], ["n"], epsilon=1e-3),
    helper.make_node("Dropout", ["n"], ["d"], ratio=0.3), helper.make_node("Flatten", ["d"], ["f"]),
    helper.make_node("Gemm", ["f", "dense", "c2"], ["y"])],
    [image], [
        ("w", w), ("scale", floats(6)), ("bias", floats(6)), ("mean", floats(6)),
        ("variance", random.random(6, dtype=numpy.float32) + 0.5), ("dense", floats(150, 3)), ("c2", floats(3))],
    opset=7, rank=2)
print(sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)), "bytes")
