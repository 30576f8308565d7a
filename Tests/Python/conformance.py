"""Runs the conformance cases of the onnx package on a build of the command.

    conformance.py TAMIS [--floor FILE] [--report FILE] [PATTERN...]

Without patterns: all cases of operators, the small models that PyTorch once wrote, and the simple models; with them,
those whose names contain one. --floor runs the cases of onnx-cnn-cases.txt alone: fewer passes than the number in FILE
are an error. --report writes a table of what passes, and why each other case fails. A crash (a signal, or an exit
status above 3) and a run of more than a minute are errors in any case.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import warnings

warnings.filterwarnings("ignore")

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

HERE = pathlib.Path(__file__).resolve().parent
CNN = "Cases of a CNN's operators"
KINDS = {"node": "Cases of all operators", "pytorch-converted": "Models PyTorch converted",
         "pytorch-operator": "Operators PyTorch wrote", "simple": "Simple models"}
SECONDS = 60
PASSED, FAILED, CRASHED, HUNG = "passed", "failed", "crashed", "hung"


# What a case gives and wants.

def message(value, value_type):
    """A value of a case as the message of a .pb file."""
    kind = value_type.WhichOneof("value")
    if kind == "optional_type":
        inner = value_type.optional_type.elem_type
        if value is None:
            return numpy_helper.from_optional(None)
        kinds = {"tensor_type": onnx.OptionalProto.TENSOR, "sequence_type": onnx.OptionalProto.SEQUENCE}
        return numpy_helper.from_optional(value, dtype=kinds[inner.WhichOneof("value")])
    if isinstance(value, onnx.TensorProto):
        return value
    if kind == "sequence_type":
        return numpy_helper.from_list(value) if value else onnx.SequenceProto(elem_type=onnx.SequenceProto.TENSOR)
    return numpy_helper.from_array(numpy.asarray(value))


def plain(value):
    """A value of a case, or of a .pb file, as arrays and lists of arrays."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return plain(numpy_helper.to_optional(value))
    if isinstance(value, (list, tuple)):
        return [plain(element) for element in value]
    return None if value is None else numpy.asarray(value)


def read(path, value_type):
    """The value in a .pb file."""
    kinds = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}
    proto = kinds.get(value_type.WhichOneof("value"), onnx.TensorProto)()
    proto.ParseFromString(path.read_bytes())
    return plain(proto)


def difference(value, wanted, relative, absolute):
    """How a value differs from the wanted one by the rules of ONNX's own test runner, or None."""
    if wanted is None or value is None:
        return None if wanted is value else "a value that should be missing, or the other way round"
    if isinstance(wanted, list) or isinstance(value, list):
        if not (isinstance(wanted, list) and isinstance(value, list) and len(wanted) == len(value)):
            return "another sequence"
        return next(filter(None, (difference(a, b, relative, absolute) for a, b in zip(value, wanted))), None)
    if value.shape != wanted.shape:
        return f"the shape {value.shape}, not {wanted.shape}"
    if wanted.dtype == object or value.dtype == object:
        return None if numpy.array_equal(value.astype(str), wanted.astype(str)) else "other texts"
    if value.dtype != wanted.dtype:
        return f"the type {value.dtype}, not {wanted.dtype}"
    if wanted.dtype.name == "bfloat16":
        relative = max(relative, 2 ** -6)
    if wanted.dtype.kind == "c":
        same = numpy.allclose(value, wanted, relative, absolute, equal_nan=True)
    else:
        same = numpy.allclose(value.astype(float), wanted.astype(float), relative, absolute, equal_nan=True)
    return None if same else "other numbers"


# Running.

def data_sets(case, model):
    """The pairs of inputs and wanted outputs of a case, the inputs as bytes of .pb files."""
    given = {initializer.name for initializer in model.graph.initializer}
    ports = [port for port in model.graph.input if port.name not in given]
    if case.data_sets is not None:
        for inputs, outputs in case.data_sets:
            yield [(port.name, message(value, port.type).SerializeToString())
                   for port, value in zip(ports, inputs)], [plain(value) for value in outputs]
        return
    for folder in sorted(pathlib.Path(case.model_dir).glob("test_data_set_*")):
        def files(stem):
            return sorted(folder.glob(f"{stem}_*.pb"), key=lambda path: int(path.stem.split("_")[-1]))
        yield ([(port.name, path.read_bytes()) for port, path in zip(ports, files("input"))],
               [read(path, port.type) for port, path in zip(model.graph.output, files("output"))])


def run(tamis, case):
    """Whether a case passed, and else why not."""
    model = case.model or onnx.load(pathlib.Path(case.model_dir) / "model.onnx")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path = folder / "m.onnx"
        onnx.save(model, path)
        for inputs, outputs in data_sets(case, model):
            command = [tamis, "run", path, "--output-dir", folder / "out", "--output-format", "pb",
                       "--precision", "strict", "--threads", "1"]
            for index, (name, data) in enumerate(inputs):
                file = folder / f"{index}.pb"
                file.write_bytes(data)
                command += ["--input", f"{name}={file}"]
            try:
                process = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
            except subprocess.TimeoutExpired:
                return HUNG, f"longer than {SECONDS} s"
            if process.returncode < 0 or process.returncode > 3:
                return CRASHED, f"exit {process.returncode}: {process.stderr.strip()[-200:]}"
            if process.returncode:
                return FAILED, reason(process.stderr, folder)
            for port, wanted in zip(model.graph.output, outputs):
                file = folder / "out" / (re.sub("[/:]", "_", port.name) + ".pb")
                try:
                    answer = read(file, port.type)
                except Exception:
                    return FAILED, "an output that is not there, or another kind of value"
                problem = difference(answer, wanted, case.rtol, case.atol)
                if problem:
                    return FAILED, problem
    return PASSED, None


def reason(text, folder):
    """An error of the command without what differs from case to case, so that cases of one reason stand together."""
    text = text.replace(f"{folder}/m.onnx: ", "").replace(f"{folder}/", "")
    text = re.sub(r"^(error|tamis): ", "", " ".join(text.split()), flags=re.IGNORECASE)
    text = re.sub(r"node \"[^\"]*\" \(([^)]*)\)", r"\1", text)
    text = re.sub(r"^.*; it has not (\w+) of (\S+),.*$", r"\2 has \1, Tamis has not", text)
    text = re.sub(r"(Usage|See) .*$", "", text).strip()
    return text if len(text) <= 160 else text[:157] + "…"


# Reporting.

def table(names, results, cnn):
    """Counts for each list of cases, as lines of Markdown."""
    lines = ["| cases | passed | of | crashed | longer than a minute |", "| --- | ---: | ---: | ---: | ---: |"]
    lists = [(CNN, [name for name in names["node"] if name in cnn])]
    lists += [(title, names[kind]) for kind, title in KINDS.items()]
    for title, some in lists:
        count = collections.Counter(results[name][0] for name in some)
        lines.append(f"| {title} | {count[PASSED]} | {len(some)} | {count[CRASHED]} | {count[HUNG]} |")
    return lines


def report(names, results, cnn):
    """The text of CONFORMANCE.md."""
    lines = [
        "# Conformance", "",
        f"The cases of the Python package onnx {onnx.__version__} on `tamis run --precision strict`, as",
        "`make conformance` last found them. The first line counts the cases of `Tests/Python/onnx-cnn-cases.txt`,",
        "which the second has too.", ""]
    lines += table(names, results, cnn) + [""]
    reasons = collections.defaultdict(list)
    for name, (state, why) in results.items():
        if state != PASSED:
            reasons[(state, why)].append(name)
    for title, wanted in [("What fails of the cases of a CNN's operators", True), ("What else fails", False)]:
        lines += [f"## {title}", ""]
        groups = []
        for (state, why), some in reasons.items():
            some = [name for name in some if (name in cnn) == wanted]
            if some:
                groups.append((-len(some), why if state == FAILED else f"{state}: {why}", some))
        for _, why, some in sorted(groups):
            lines += [f"**{len(some)}** {why}", ""]
            short = ", ".join(sorted(name.removeprefix("test_") for name in some))
            lines += textwrap.wrap(short, 120, break_on_hyphens=False, break_long_words=False) + [""]
        if not groups:
            lines += ["Nothing.", ""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tamis")
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--floor", type=pathlib.Path)
    parser.add_argument("--report", type=pathlib.Path)
    arguments = parser.parse_args()

    listed = (HERE / "onnx-cnn-cases.txt").read_text().splitlines()
    cnn = {line for line in listed if line and not line.startswith("#")}
    cases = {kind: load_model_tests(kind=kind) for kind in (["node"] if arguments.floor else KINDS)}
    for kind, some in cases.items():
        cases[kind] = [case for case in some if (case.name in cnn or not arguments.floor) and
                       (not arguments.patterns or any(text in case.name for text in arguments.patterns))]
    every = [case for some in cases.values() for case in some]
    tamis = os.path.abspath(arguments.tamis)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip([case.name for case in every], pool.map(lambda case: run(tamis, case), every)))

    names = {kind: [case.name for case in cases.get(kind, [])] for kind in KINDS}
    broken = {name: found for name, found in results.items() if found[0] in (CRASHED, HUNG)}
    passed = sum(state == PASSED for state, _ in results.values())
    if arguments.report:
        arguments.report.write_text(report(names, results, cnn))
        print("\n".join(table(names, results, cnn)))
    else:
        for name, (state, why) in results.items() if arguments.patterns else broken.items():
            if state != PASSED:
                print(f"{state} {name}: {why}")
        print(f"{passed} of {len(results)} cases pass")
    if arguments.floor:
        floor = int(arguments.floor.read_text())
        if passed < floor:
            for name, (state, why) in results.items():
                if state != PASSED:
                    print(f"{state} {name}: {why}")
            sys.exit(f"at least {floor} cases must pass ({arguments.floor}); received {passed}")
        if passed > floor:
            print(f"More than {arguments.floor} says ({floor}): raise it to {passed}.")
    if broken:
        sys.exit(f"no case may crash or take longer than {SECONDS} s; received {len(broken)}: {', '.join(broken)}")


if __name__ == "__main__":
    main()
