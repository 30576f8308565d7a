"""Whole networks, by Tamis and by what else runs them: how fast, in how much memory, how soon.

The twelve networks of Tests/Python/networks.py run by Tamis, by Tamis held to plain im2col and OpenBLAS (so that each
gain is seen), and by those of the peers onnxruntime, OpenVINO and ncnn that are installed. They take turns, round by
round, so that what disturbs the machine disturbs all. Each measures in a process of its own, pinned to as many
processors as it has threads: one run, a warm-up, then runs timed one by one. Answers are compared with PyTorch's in
double.

What FOLDER lacks of exports, images and answers is made first, with PyTorch (for ncnn with pnnx). Exit status: 0 done,
1 an answer is wrong or an engine failed, 2 wrong usage.
"""
import argparse
import datetime
import importlib
import json
import math
import os
import pathlib
import platform
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import numpy

# An answer's largest error, as a part of its largest number.
TOLERANCE = 1e-4
# Seconds a process may take, besides those it measures.
PATIENCE = 900
# What other programs may take of the processors' time in a turn, in processors, before it counts as disturbed. A peer
# whose threads wait for each other in loops loses far more than that share: up to a thousand times its speed.
DISTURBANCE = 0.1
MARKERS = ("<!-- benchmark:begin -->", "<!-- benchmark:end -->")


# Peers. Each opener loads a network and returns a function that runs it once and returns the images' answers.

def open_onnxruntime(path, images, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(f"{path}.onnx", options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: images}
    return lambda: session.run(None, inputs)[0]


def open_openvino(path, images, threads):
    import openvino
    core = openvino.Core()
    model = core.read_model(f"{path}.onnx")
    model.reshape(list(images.shape))
    request = core.compile_model(model, "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    request.set_input_tensor(openvino.Tensor(images))

    def run():
        request.infer()
        return request.get_output_tensor(0).data
    return run


def open_ncnn(path, images, threads):
    import ncnn
    ncnn.set_omp_num_threads(threads)
    network = ncnn.Net()
    network.opt.num_threads = threads
    for narrow in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(network.opt, f"use_{narrow}", False)
    if network.load_param(f"{path}.ncnn.param") or network.load_model(f"{path}.ncnn.bin"):
        raise ValueError("ncnn does not load what pnnx made")
    inputs = [ncnn.Mat(image).clone() for image in images]

    def answer(image):
        extractor = network.create_extractor()
        extractor.input("in0", image)
        status, output = extractor.extract("out0")
        if status:
            raise ValueError(f"ncnn gives no answer: {status}")
        return output
    return lambda: [answer(image) for image in inputs]  # ncnn knows no batches


class Peer(typing.NamedTuple):
    title: str
    open: typing.Callable
    converter: str | None = None  # the module that makes its files


# By the names of their modules.
PEERS = {
    "onnxruntime": Peer("onnxruntime", open_onnxruntime),
    "openvino": Peer("OpenVINO", open_openvino),
    "ncnn": Peer("ncnn", open_ncnn, "pnnx"),
}
OWN = {"tamis": "Tamis", "blas": "im2col + OpenBLAS"}


def title(engine):
    return OWN.get(engine) or PEERS[engine].title


# In a process of its own: arguments in and the result out are JSON.

def tests_module(name):
    """One of Tests/Python, not the namesake here; PyTorch comes with it."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tests/Python"))
    return importlib.import_module(name)


def names():
    return list(tests_module("networks").MODELS)


def version(peer):
    if converter := PEERS[peer].converter:
        importlib.import_module(converter)
    return importlib.import_module(peer).__version__.split("-")[0]


def peak_bytes():
    """The most memory this process had. (That of getrusage counts its parent's, too.)"""
    return 1024 * int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text()).group(1))


def time_runs(run, seconds):
    """Milliseconds of each run, sorted, as `tamis bench` measures them."""
    run()
    warm = time.perf_counter() + min(0.3 * seconds, 0.6)
    while time.perf_counter() < warm:
        run()
    times, end = [], time.perf_counter() + seconds
    while (time.perf_counter() < end or len(times) < 5) and len(times) < 20_000:
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times)


def checked_error(answer, wanted):
    """The error of an answer, which must be small."""
    if answer.size != wanted.size:
        raise ValueError(f"an answer must have {wanted.size} numbers; received {answer.size}")
    error = float(numpy.abs(answer.reshape(-1) - wanted.reshape(-1)).max() / numpy.abs(wanted).max())
    if not error <= TOLERANCE:
        raise ValueError(f"an answer's error must be at most {TOLERANCE:.0e} of its largest; received {error:.1e}")
    return error


def measure(peer, path, images, wanted, threads, seconds):
    """Measures a peer. Its load is all from the file to the first answer, but not the import of its module."""
    importlib.import_module(peer)
    images = numpy.load(images)
    module_bytes, start = peak_bytes(), time.perf_counter()
    run = PEERS[peer].open(path, images, threads)
    run()
    load = 1000 * (time.perf_counter() - start)
    times = time_runs(run, seconds)
    result = {"median_ms": times[len(times) // 2], "p10_ms": times[len(times) // 10], "load_ms": load,
              "peak_bytes": peak_bytes(), "module_bytes": module_bytes}
    answer = numpy.concatenate([numpy.array(image).reshape(-1) for image in run()])
    return result | {"error": checked_error(answer, numpy.load(wanted))}


def prepare(name, folder, scratch, count, for_ncnn):
    """Makes what is missing of a network's files: in `scratch`, to be moved whole or not at all."""
    import torch
    networks = tests_module("networks")
    folder, scratch = pathlib.Path(folder), pathlib.Path(scratch)
    shape = networks.MODELS[name][1]
    images = numpy.random.default_rng(7).standard_normal((count, *shape), dtype=numpy.float32)
    network = networks.build(name)
    if not (folder / f"{name}.onnx").exists():
        tests_module("export_networks").export(name, scratch / f"{name}.onnx", dynamo=False)
    if for_ncnn and not has_ncnn(folder, name):
        import pnnx
        torch.jit.trace(network, torch.from_numpy(images[:1])).save(scratch / f"{name}.pt")
        # The converter itself: the module's function also imports the Python file it writes, which is no valid
        # Python for networks whose layers have numbers.
        subprocess.run([pnnx.EXEC_PATH, f"{name}.pt", "inputshape=" + json.dumps([1, *shape], separators=(",", ":")),
                        "fp16=0"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    if not has_answers(folder, name, count):
        network.double()
        with torch.no_grad():  # image by image: a batch in double would take gigabytes
            answers = torch.cat([network(torch.from_numpy(image[None]).double()) for image in images])
        numpy.save(scratch / f"{name}.images.npy", images)
        numpy.save(scratch / f"{name}.answers.npy", answers.numpy().astype(numpy.float32))
    for ending in ("onnx", "ncnn.bin", "ncnn.param", "images.npy", "answers.npy"):
        if (made := scratch / f"{name}.{ending}").exists():
            os.replace(made, folder / made.name)


def has_ncnn(folder, name):
    return all((folder / f"{name}.ncnn.{ending}").exists() for ending in ("bin", "param"))


def has_answers(folder, name, count):
    try:
        return all(len(numpy.load(folder / f"{name}.{part}.npy", mmap_mode="r")) >= count
                   for part in ("images", "answers"))
    except (OSError, ValueError):
        return False


TASKS = {task.__name__: task for task in (names, version, measure, prepare)}


# The processes.

class Failed(Exception):
    """A process that did not do what it was asked to."""


def progress(text):
    """Shows what goes on, on a terminal, until the next text."""
    if sys.stderr.isatty():
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        print(f"\r\x1b[2K{text[:columns - 1]}", end="", file=sys.stderr, flush=True)


def show(text, stream=None):
    progress("")
    print(text, file=stream, flush=True)


def processors_at_hand():
    """Those this process may use, one of each core first: two threads of one core would measure something else."""
    def shares_core(number):
        try:
            siblings = pathlib.Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list").read_text()
        except OSError:
            return False
        return any(int(sibling) < number for sibling in re.findall(r"\d+", siblings))
    return sorted(os.sched_getaffinity(0), key=lambda number: (shares_core(number), number))


def seconds_of_others(processors):
    """Seconds these processors have worked so far, but not for this process and those it started."""
    busy, hertz = 0.0, os.sysconf("SC_CLK_TCK")
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name[3:] in map(str, processors):
            user, nice, system, _, _, interrupts, soft_interrupts, stolen = map(int, ticks[:8])
            busy += (user + nice + system + interrupts + soft_interrupts + stolen) / hertz
    own = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return busy - sum(used.ru_utime + used.ru_stime for used in own)


def ran(command, processors, seconds=0.0):
    """What a program prints, run with a thread for each of these processors; nothing it starts outlives this one."""
    os.sched_setaffinity(0, processors)
    environment = os.environ | {"OMP_NUM_THREADS": str(len(processors))}
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
    try:
        output, message = process.communicate(timeout=PATIENCE + seconds)
    except BaseException as interruption:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if isinstance(interruption, subprocess.TimeoutExpired):
            raise Failed(f"no answer in {PATIENCE + seconds:.0f} s") from None
        raise
    if process.returncode:
        said = message.strip().splitlines()[-1:]
        raise Failed(said[0] if said else f"{command[0]} ended with status {process.returncode}")
    return output


def result_of(task, arguments, processors, seconds=0.0):
    """The result of one of TASKS in a process of its own. What modules print comes before it."""
    command = [sys.executable, "-W", "ignore", __file__, task.__name__, json.dumps(arguments, default=str)]
    return json.loads(ran(command, processors, seconds).splitlines()[-1])


# The comparison.

def setting(threads, batch):
    return f"batch {batch}, {threads} {'thread' if threads == 1 else 'threads'}"


class Comparison:
    """What is measured, by whom, and what came of it."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.processors = processors_at_hand()
        self.versions, self.missing, self.failures = {}, {}, []
        self.records = []
        self.kernels, self.module_bytes = "", []

    @property
    def engines(self):
        return [*OWN, *(peer for peer in PEERS if peer in self.versions)]

    def find_engines(self):
        self.versions["tamis"] = ran([self.options.tamis, "--version"], self.processors).strip()
        for peer in self.options.peers:
            progress(title(peer))
            try:
                self.versions[peer] = result_of(version, {"peer": peer}, self.processors)
            except Failed as failure:
                self.missing[peer] = str(failure)

    def prepare(self):
        folder, count, for_ncnn = self.options.folder, max(self.options.batches), "ncnn" in self.versions
        for name in self.options.networks:
            if not (folder / f"{name}.onnx").exists() or not has_answers(folder, name, count) or (
                    for_ncnn and not has_ncnn(folder, name)):
                progress(f"{name}: export, images and answers")
                result_of(prepare, {"name": name, "folder": folder, "scratch": self.scratch, "count": count,
                                    "for_ncnn": for_ncnn}, self.processors)

    def measure(self):
        for threads, batch in self.settings:
            table = Table(self.engines)
            show(f"\n{setting(threads, batch)}\n\n{table.line(table.header)}")
            for name in self.options.networks:
                self.records.append(self.measured(name, threads, batch))
                show(table.line(table.row(self.records[-1])))
            if mean := table.mean_row(self.of_setting(threads, batch)):
                show(table.line(mean))

    @property
    def settings(self):
        return [(threads, batch) for threads in self.options.threads for batch in self.options.batches]

    def of_setting(self, threads, batch):
        return [record for record in self.records if (record["threads"], record["batch"]) == (threads, batch)]

    def measured(self, name, threads, batch):
        """A network at one setting: of each engine what its rounds come to."""
        images, wanted = self.scratch / "images.npy", self.scratch / "wanted.npy"
        for part, target in (("images", images), ("answers", wanted)):
            numpy.save(target, numpy.load(self.options.folder / f"{name}.{part}.npy", mmap_mode="r")[:batch])
        # Whose turn is first does not wait for the disk.
        for suffix in (".onnx", ".ncnn.bin"):
            if (file := self.options.folder / f"{name}{suffix}").exists():
                file.read_bytes()
        rounds = {engine: [] for engine in self.engines}
        for number in range(1, self.options.rounds + 1):
            for engine in list(rounds):
                progress(f"{setting(threads, batch)}: {name}, round {number} of {self.options.rounds}, {title(engine)}")
                try:
                    by = self.own if engine in OWN else self.peer
                    others, start = seconds_of_others(self.processors), time.perf_counter()
                    result = by(engine, self.options.folder / name, images, wanted, threads)
                    others = (seconds_of_others(self.processors) - others) / (time.perf_counter() - start)
                    rounds[engine].append(result | {"others": max(0.0, others)})
                except (Failed, ValueError) as failure:
                    del rounds[engine]
                    self.failures.append(f"{name}, {setting(threads, batch)}, {title(engine)}: {failure}")
                    show(f"FAILED: {self.failures[-1]}", sys.stderr)
        return {"network": name, "threads": threads, "batch": batch,
                "engines": {engine: summary(results) for engine, results in rounds.items()}}

    def peer(self, engine, path, images, wanted, threads):
        seconds = self.options.seconds
        result = result_of(measure, {"peer": engine, "path": path, "images": images, "wanted": wanted,
                                     "threads": threads, "seconds": seconds}, self.processors[:threads], seconds)
        self.module_bytes.append(result["module_bytes"])
        return result

    def own(self, engine, path, images, wanted, threads):
        """Tamis's command measures itself; `tamis run` gives the answers, of the algorithms it chooses."""
        processors, seconds = self.processors[:threads], self.options.seconds
        answers = numpy.load(wanted)
        options = ["--convolution", "blas"] if engine == "blas" else []
        found = json.loads(ran(
            [self.options.tamis, "bench", f"{path}.onnx", "--batch", len(answers), "--threads", threads, "--seconds",
             seconds, "--json", *options], processors, seconds))
        self.kernels = f"kernels {found['cpu_level']}, OpenBLAS core {found['blas_core']}"
        result = {name: found[name] for name in ("median_ms", "p10_ms")} | {
            "load_ms": found["load_ms"] + found["plan_ms"] + found["first_ms"], "peak_bytes": found["peak_rss_bytes"]}
        if engine == "blas":
            return result
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            ran([self.options.tamis, "run", f"{path}.onnx", "--input", f"0={images}", "--threads", threads,
                 "--output-dir", folder], processors)
            return result | {"error": checked_error(numpy.load(f"{folder}/output.npy"), answers)}

    # What came of it

    @property
    def machine(self):
        names = re.findall(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
        try:
            system = platform.freedesktop_os_release()["PRETTY_NAME"]
        except OSError:
            system = platform.system()
        processor = names[0] if names else platform.machine()
        return f"{processor}, {len(self.processors)} at hand, {self.kernels}; {system}"

    @property
    def caption(self):
        rounds = self.options.rounds
        versions = ", ".join(f"{title(engine)} {text}" for engine, text in self.versions.items())
        lines = [f"{self.machine}; {datetime.date.today()}; {versions}."]
        lines.append(
            f"Milliseconds of a run, float32: the median of {rounds} interleaved rounds' medians, in brackets the "
            "least 10 % quantile. Spread: from the least of the medians to the greatest, of the engine with the widest."
            if rounds > 1 else "Milliseconds of a run, float32: the median, in brackets the 10 % quantile.")
        whose = "Tamis / the least of the peers" if self.module_bytes else "Tamis"
        lines.append(
            "Memory (the most resident MB of the whole process) and load (ms from the file to the first answer): "
            f"{whose}.")
        if self.module_bytes:
            own = statistics.median(self.module_bytes) / 1e6
            lines.append(f"Of a peer's memory {own:.0f} MB are Python, numpy and the peer's module.")
        others = max((engine["others"] for record in self.records for engine in record["engines"].values()), default=0)
        if others > DISTURBANCE:
            lines.append(f"Disturbed: in those rows other programs worked meanwhile, on up to {others:.1f} processors.")
        lines += [f"Not installed: {', '.join(map(title, self.missing))}."] if self.missing else []
        return " ".join(lines)

    def json(self):
        return json.dumps({
            "date": str(datetime.date.today()), "machine": self.machine, "versions": self.versions,
            "missing": self.missing, "rounds": self.options.rounds, "seconds": self.options.seconds,
            "failures": self.failures, "results": self.records}, indent=1) + "\n"

    def markdown(self):
        parts = [self.caption]
        for threads, batch in self.settings:
            table = Table(self.engines)
            records = self.of_setting(threads, batch)
            mean = table.mean_row(records)
            rows = [*map(table.row, records), *([[f"**{mean[0]}**", *mean[1:]]] if mean else [])]
            parts.append("\n".join([
                f"| {setting(threads, batch)} | " + " | ".join(table.header[1:]) + " |",
                "|---|" + "--:|" * (len(table.header) - 1),
                *("| " + " | ".join(row) + " |" for row in rows)]))
        return "\n\n".join(parts) + "\n"


def summary(results):
    """What the turns of an engine come to: those that nobody disturbed, if there are any."""
    results = [result for result in results if result["others"] <= DISTURBANCE] or results
    medians = [result["median_ms"] for result in results]
    return {"median_ms": statistics.median(medians), "p10_ms": min(result["p10_ms"] for result in results),
            "spread": (max(medians) - min(medians)) / statistics.median(medians),
            "load_ms": statistics.median(result["load_ms"] for result in results),
            "peak_bytes": statistics.median(result["peak_bytes"] for result in results),
            "error": max((result["error"] for result in results if "error" in result), default=None),
            "others": max(result["others"] for result in results), "medians_ms": medians}


class Table:
    """The rows of a setting: a cell is several numbers and how they are written, so that they have means."""

    def __init__(self, engines):
        self.engines = engines
        self.header = ["network", *map(title, engines), "best peer ÷ Tamis", "OpenBLAS ÷ Tamis", "memory", "load",
                       "spread"]

    def figures(self, record):
        """The numbers of each cell after the name; None where there are none."""
        results = record["engines"]
        peers = [results[peer] for peer in PEERS if peer in results]

        own = results.get("tamis")

        def ratio(others):
            return [min(other["median_ms"] for other in others) / own["median_ms"]] if own and others else None

        def beside_least(key):
            return [own[key], *([min(peer[key] for peer in peers)] if peers else [])] if own else None

        times = [[results[engine]["median_ms"], results[engine]["p10_ms"]] if engine in results else None
                 for engine in self.engines]
        return [*times, ratio(peers), ratio([results["blas"]] if "blas" in results else []),
                beside_least("peak_bytes"), beside_least("load_ms")]

    def cells(self, figures):
        *engines, best, blas, memory, load = figures
        return [*("–" if pair is None else f"{digits(pair[0])} ({digits(pair[1])})" for pair in engines),
                *("–" if pair is None else f"{pair[0]:.2f}" for pair in (best, blas)),
                "–" if memory is None else " / ".join(f"{bytes / 1e6:.0f}" for bytes in memory),
                "–" if load is None else " / ".join(map(digits, load))]

    def row(self, record):
        spread, others = (max((engine[key] for engine in record["engines"].values()), default=0)
                          for key in ("spread", "others"))
        return [record["network"], *self.cells(self.figures(record)),
                f"{100 * spread:.0f} %" + (", disturbed" if others > DISTURBANCE else "")]

    def mean_row(self, records):
        """The geometric mean of each column that has all its numbers; nothing for a single network."""
        if len(records) < 2:
            return None
        columns = zip(*map(self.figures, records))
        return ["geometric mean", *self.cells([
            None if None in column else list(map(statistics.geometric_mean, zip(*column))) for column in columns]), ""]

    def line(self, row):
        widths = [15, *(max(18, len(title(engine))) for engine in self.engines), 18, 17, 12, 14, 18]
        return row[0].ljust(widths[0]) + "".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))


def digits(number):
    """Three digits that count."""
    return f"{number:.{min(6, max(0, 2 - math.floor(math.log10(number))))}f}" if number > 0 else "0"


# Files and options.

def replaced(readme, text):
    """The README with `text` between the markers."""
    begin, end = MARKERS
    parts = re.split(f"{begin}|{end}", readme)
    if len(parts) != 3 or readme.index(begin) > readme.index(end):
        raise ValueError(f"it must have one {begin} and after it one {end}")
    return f"{parts[0]}{begin}\n{text}{end}{parts[2]}"


def write(path, text):
    """All of the text or none of it."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        with open(temporary, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def numbers(text):
    """Whole numbers from 1, each once, in order."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}(,[1-9][0-9]{0,3})*", text):
        raise argparse.ArgumentTypeError(f"it must be whole numbers from 1 to 9999, with commas; received '{text}'")
    return sorted(set(map(int, text.split(","))))


def whole(text):
    values = numbers(text)
    if "," in text:
        raise argparse.ArgumentTypeError(f"it must be one number; received '{text}'")
    return values[0]


def duration(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"it must be more than 0 and at most 3600; received '{text}'")
    return seconds


def chosen(text, known, option, parser):
    """Names with commas, in the order of those known."""
    received = text.split(",")
    if unknown := [name for name in received if name not in known]:
        parser.error(f"argument {option}: the names are {', '.join(known)}; received '{unknown[0]}'")
    return [name for name in known if name in received]


def parsed():
    processors = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tamis", type=pathlib.Path, help="the command, built for release")
    parser.add_argument("folder", type=pathlib.Path, help="for exports, images and answers")
    parser.add_argument("--rounds", type=whole, default=5, metavar="N", help="turns of each engine (5)")
    parser.add_argument("--seconds", type=duration, default=1.0, metavar="S", help="that a turn measures (1)")
    parser.add_argument("--threads", type=numbers, default="1,2" if processors > 1 else "1", metavar="N,N",
                        help="(1,2)")
    parser.add_argument("--batches", type=numbers, default="1,8", metavar="N,N", help="images of a run (1,8)")
    parser.add_argument("--networks", metavar="A,B", help="of the twelve (all)")
    parser.add_argument("--peers", default=",".join(PEERS), metavar="A,B", help=f"({','.join(PEERS)})")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all results there, and what failed")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE",
                        help="write the tables there, if nothing failed")
    parser.add_argument("--readme", type=pathlib.Path, metavar="FILE",
                        help="write them between the markers of this file")
    options = parser.parse_args()
    if not os.access(options.tamis, os.X_OK) or options.tamis.is_dir():
        parser.error(f"argument tamis: it must be a program; received '{options.tamis}'")
    options.tamis = options.tamis.resolve()
    if options.threads[-1] > processors:
        parser.error(
            f"argument --threads: at most {processors}, the processors at hand; received {options.threads[-1]}")
    options.peers = chosen(options.peers, list(PEERS), "--peers", parser)
    # What cannot be written is better known before an hour of measuring than after it.
    for path in filter(None, (options.json, options.markdown, options.readme)):
        if not os.access(path.parent, os.W_OK):
            parser.error(f"'{path}': its folder must be there and be writable")
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        if options.readme:
            replaced(options.readme.read_text(), "")
    except OSError as error:
        parser.error(str(error))
    except ValueError as error:
        parser.error(f"argument --readme: '{options.readme}': {error}")
    try:
        known = result_of(names, {}, processors_at_hand())
    except Failed as failure:
        parser.error(f"PyTorch is needed for the networks: {failure}")
    options.networks = chosen(options.networks or ",".join(known), known, "--networks", parser)
    return options


def main():
    if len(sys.argv) == 3 and sys.argv[1] in TASKS:
        print("\n" + json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    options = parsed()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        comparison = Comparison(options, pathlib.Path(scratch))
        comparison.find_engines()
        comparison.prepare()
        comparison.measure()
    show(f"\n{comparison.caption}")
    if options.json:
        write(options.json, comparison.json())
    if comparison.failures:  # a table with holes is nobody's: only the JSON tells of them
        sys.exit("\n".join([*comparison.failures, f"{len(comparison.failures)} measurements failed"]))
    if options.markdown:
        write(options.markdown, comparison.markdown())
    if options.readme:
        write(options.readme, replaced(options.readme.read_text(), comparison.markdown()))


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"networks.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
