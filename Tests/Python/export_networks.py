"""Networks that PyTorch exports, with either of its exporters, give PyTorch's answers.

    export_networks.py FOLDER [TAMIS [NAME...]]

Writes each network of networks.py as FOLDER/NAME.onnx (the exporter that traces) and FOLDER/NAME.dynamo.onnx, with a
free batch; what is there already stays. With the command it runs them on one and on three images and compares with
PyTorch's answer in double: default answers may differ by 1e-4 of the largest number, strict ones by 2e-5. Where the
command can convert, what it writes must have no more nodes than what it read.
"""
import contextlib
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
import torch

import networks

EXPORTERS = {"": False, ".dynamo": True}
BOUNDS = {"strict": 2e-5, "default": 1e-4}


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


def answer(tamis, path, images, precision):
    """What the command answers; a text where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(f"{folder}/input.npy", images)
        process = subprocess.run(
            [tamis, "run", path, "--input", f"0={folder}/input.npy", "--output-dir", folder, "--precision", precision],
            capture_output=True, text=True, timeout=900)
        if process.returncode:
            return " ".join(process.stderr.split()) or f"exit {process.returncode}"
        return numpy.load(f"{folder}/output.npy")


def compare(tamis, path, images, wanted):
    """The largest errors of strict and default answers, relative to the largest number, and what is wrong with them."""
    errors, problems = [], []
    for precision, bound in BOUNDS.items():
        output = answer(tamis, path, images, precision)
        if isinstance(output, str):
            return errors, [output]
        fits = output.shape == wanted.shape
        error = numpy.abs(output - wanted).max() / numpy.abs(wanted).max() if fits else numpy.inf
        errors.append(error)
        if not error <= bound:
            problems.append(f"{precision}: the error must be at most {bound:.0e}; received {error:.1e}")
    return errors, problems


def node_counts(tamis, path):
    """The nodes of a file, and of what the command writes for it; a text where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/m.onnx"
        process = subprocess.run([tamis, "convert", path, "--output", target], capture_output=True, text=True)
        if process.returncode:
            return " ".join(process.stderr.split()) or f"exit {process.returncode}"
        return [len(onnx.load(file, load_external_data=False).graph.node) for file in (path, target)]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    folder, tamis, chosen = pathlib.Path(sys.argv[1]), sys.argv[2:3], sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    converts = tamis and "convert " in subprocess.run([tamis[0], "--help"], capture_output=True, text=True).stdout
    layout = "{:24} {:>5} {:>8} {:>8}"
    print(layout.format("network", "batch", *BOUNDS) if tamis else f"to {folder}:")
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
            problems = []
            for batch in (1, 3):
                errors, found = compare(tamis[0], path, images[:batch].numpy(), wanted[:batch])
                cells = [f"{error:.0e}" for error in errors] + ["–"] * (2 - len(errors))
                print(layout.format(name + ending, batch, *cells), flush=True)
                problems += [problem for problem in found if problem not in problems]
            if converts and not problems:
                counts = node_counts(tamis[0], path)
                if isinstance(counts, str):
                    problems.append(counts)
                elif counts[1] > counts[0]:
                    problems.append(f"convert must write at most {counts[0]} nodes; received {counts[1]}")
            for problem in problems:
                print(f"    {problem}", flush=True)
            failed += bool(problems)
    if failed:
        sys.exit(f"{failed} networks fail")


if __name__ == "__main__":
    main()
