"""Holds ONNX files written by Tamis to the onnx checker and to onnxruntime.

    check_onnx.py MODEL.onnx INPUT.npy OUTPUT.npy
    check_onnx.py FOLDER

In a folder, each NAME.onnx stands beside NAME.input.npy, NAME.labels.npy where it has two inputs, and NAME.output.npy,
the answer of Tamis. Exits with 1 and says why if a file breaks a rule of ONNX or onnxruntime answers otherwise by more
than 1e-5 of the largest number.
"""
import glob
import os
import sys

import numpy
import onnx
import onnxruntime

TOLERANCE = 1e-5


def problem(model, inputs, output):
    """What is wrong with a model, or None."""
    try:
        onnx.checker.check_model(onnx.load(model), full_check=True)
    except Exception as error:
        return f"onnx.checker: {error}"
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        feeds = {i.name: numpy.load(path) for i, path in zip(session.get_inputs(), inputs)}
        answer = session.run(None, feeds)[0]
    except Exception as error:
        return f"onnxruntime: {error}"
    expected = numpy.load(output)
    if answer.shape != expected.shape:
        return f"onnxruntime's output must have the shape {expected.shape}; received {answer.shape}"
    difference = numpy.abs(answer.astype(float) - expected).max(initial=0)
    largest = max(numpy.abs(answer).max(initial=0), 1e-30)
    if not difference <= TOLERANCE * largest:
        return f"the answers must agree within {TOLERANCE} of the largest; they differ by {difference / largest:.2g}"
    return None


def main(arguments):
    onnxruntime.set_default_logger_severity(3)
    if len(arguments) == 3:
        cases = [(arguments[0], [arguments[1]], arguments[2])]
    elif len(arguments) == 1 and os.path.isdir(arguments[0]):
        stems = sorted(path[:-len(".onnx")] for path in glob.glob(os.path.join(arguments[0], "*.onnx")))
        cases = [
            (stem + ".onnx", [p for p in (stem + ".input.npy", stem + ".labels.npy") if os.path.exists(p)],
             stem + ".output.npy") for stem in stems]
    else:
        sys.exit(__doc__)
    problems = [(model, text) for model, inputs, output in cases if (text := problem(model, inputs, output))]
    for model, text in problems:
        print(f"{model}: {text}", file=sys.stderr)
    if problems or not cases:
        sys.exit(f"{len(problems)} of {len(cases)} models fail")
    print(f"{len(cases)} models pass onnx.checker and agree with onnxruntime within {TOLERANCE}")


main(sys.argv[1:])
