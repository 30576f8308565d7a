"""Networks that PyTorch exports, with either of its exporters, give PyTorch's answers.

    export_networks.py FOLDER [TAMIS [NAME...]]

Writes each network of networks.py as FOLDER/NAME.onnx (the exporter that traces) and FOLDER/NAME.dynamo.onnx, with a
free batch; what is there already stays. With the command it runs them on one and on three images:

* strict, default: the error against PyTorch's answer in double, and that of each value against the plan without passes,
  relative to the largest number; at most 2e-5 and 1e-4.
* transposes: those that a plan has before, between and after its convolutions; none may be between.
* nodes: of the file, and of what the command writes for it. Those may not be more, onnx must find the file right, and
  onnxruntime must answer the same.
"""
import contextlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
import onnxruntime
import torch

import networks

EXPORTERS = {"": False, ".dynamo": True}
BOUNDS = {"strict": 2e-5, "default": 1e-4}
LAYOUT = "{:22} {:>5} {:>7} {:>7} {:>7} {:>7} {:>10} {:>11}"


def export(name, path, dynamo):
    """Writes a network; the exporters' chatter goes nowhere."""
    shape = networks.MODELS[name][1]
    options = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False} if dynamo else \
        {"dynamic_axes": {"input": {0: "batch"}, "output": {0: "batch"}}, "opset_version": 17}
    temporary = path.with_suffix(".part")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        torch.onnx.export(networks.build(name), (torch.randn(2, *shape),), str(temporary), dynamo=dynamo,
                          input_names=["input"], output_names=["output"], **options)
    temporary.rename(path)


def command(tamis, *arguments):
    """What the command prints; its message is the error where it fails."""
    process = subprocess.run([tamis, *map(str, arguments)], capture_output=True, text=True, timeout=900)
    if process.returncode not in (0, 1) or (process.returncode and not process.stdout):
        raise RuntimeError(" ".join(process.stderr.split()) or f"exit {process.returncode}")
    return process.stdout


def relative_error(output, wanted):
    """The largest error, as a part of the largest number."""
    return numpy.abs(output - wanted).max() / numpy.abs(wanted).max() if output.shape == wanted.shape else numpy.inf


def errors(tamis, path, images, wanted):
    """For each precision the error of the answer, and of values against the plan without passes."""
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(f"{folder}/input.npy", images)
        for precision in BOUNDS:
            options = ["--input", f"0={folder}/input.npy", "--precision", precision]
            command(tamis, "run", path, *options, "--output-dir", folder)
            plain = ["--plain", "--reference-precision", precision, "--tolerance", BOUNDS[precision], "--json"]
            yield (precision, relative_error(numpy.load(f"{folder}/output.npy"), wanted),
                   json.loads(command(tamis, "compare", path, *options, *plain))["error"])


def transposes(tamis, path):
    """The number of transposes before, between and after the convolutions of a plan."""
    report = json.loads(command(tamis, "inspect", path, "--json"))
    operators = {node["name"]: node["operator_name"] for node in report["nodes"]}
    # A step without a node of the file brings a value to another order of axes.
    steps = [operators.get(name, "Transpose") for name in report["memory"]["steps"]]
    convolutions = [place for place, operator in enumerate(steps) if operator in ("Conv", "ConvTranspose")]
    places = [place for place, operator in enumerate(steps) if operator == "Transpose"]
    before = sum(place < convolutions[0] for place in places)
    after = sum(place > convolutions[-1] for place in places)
    return before, len(places) - before - after, after


def answer_of_onnxruntime(path, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def conversion(tamis, path, images):
    """The nodes of a file, and of what the command writes for it; the difference of onnxruntime's answers."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/m.onnx"
        command(tamis, "convert", path, "--output", target)
        onnx.checker.check_model(target, full_check=True)
        counts = [len(onnx.load(file, load_external_data=False).graph.node) for file in (path, target)]
        return counts, relative_error(answer_of_onnxruntime(target, images), answer_of_onnxruntime(path, images))


def check(tamis, name, path, images, wanted):
    """Prints the rows of a file; what is wrong with it."""
    problems = []
    before, between, after = transposes(tamis, path)
    counts, difference = conversion(tamis, path, images)
    for batch in (1, 3):
        cells = []
        for precision, *found in errors(tamis, path, images[:batch], wanted[:batch]):
            cells += [f"{error:.0e}" for error in found]
            if not max(found) <= BOUNDS[precision]:
                problems.append(
                    f"{precision}, {batch} images: errors must be at most {BOUNDS[precision]:.0e}; received {found}")
        print(LAYOUT.format(
            name, batch, *cells, f"{before} {between} {after}", f"{counts[0]} → {counts[1]}"), flush=True)
    if between:
        problems.append(f"no transpose may stand between convolutions; received {between}")
    if counts[1] > counts[0]:
        problems.append(f"convert must write at most {counts[0]} nodes; received {counts[1]}")
    if not difference <= 1e-6:
        problems.append(f"onnxruntime must answer as before; received a difference of {difference:.1e}")
    return problems


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    folder, tamis, chosen = pathlib.Path(sys.argv[1]), sys.argv[2:3], sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    print(LAYOUT.format("network", "batch", "strict", "plain", "default", "plain", "transposes", "nodes")
          if tamis else f"to {folder}:")
    failed = 0
    for name in networks.MODELS:
        if chosen and name not in chosen:
            continue
        paths = {ending: folder / f"{name}{ending}.onnx" for ending in EXPORTERS}
        for ending, path in paths.items():
            if not path.exists():
                export(name, path, EXPORTERS[ending])
        if not tamis:
            print(f"    {name}", flush=True)
            continue
        generator = torch.Generator().manual_seed(7)
        images = torch.randn(3, *networks.MODELS[name][1], generator=generator)
        with torch.no_grad():
            wanted = networks.build(name).double()(images.double()).numpy()
        for ending, path in paths.items():
            try:
                problems = check(tamis[0], name + ending, path, images.numpy(), wanted)
            except (RuntimeError, onnx.checker.ValidationError) as error:
                problems = [str(error)]
            for problem in problems:
                print(f"    {name}{ending}: {problem}", flush=True)
            failed += bool(problems)
    if failed:
        sys.exit(f"{failed} networks fail")


if __name__ == "__main__":
    main()
