"""Holds what the command makes of real networks and real pictures to what onnxruntime makes of them.

    check_models.py FOLDER TAMIS [NAME...]

FOLDER is that of models.py. Each network gets a picture as its package prepares it. Strict answers may differ from
onnxruntime's by 2e-5 of the largest number, or by 20 times what onnxruntime's own answers differ by between its levels
of optimisation and numbers of threads; default answers by 1e-4. What a person would read of an answer must be the same,
and what is in the picture. With names, only the networks whose names contain one.
"""
import functools
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

FOLDER = pathlib.Path()
STRICT, DEFAULT = 2e-5, 1e-4


# Pictures, and how networks want them.

def photograph(name):
    return Image.open(FOLDER / "images" / name).convert("RGB")


def drawn(text, size, font_size, corner=(8, 4)):
    """A text on white, in Pillow's own font."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text(corner, text, "black", ImageFont.load_default(font_size))
    return image


def table_picture(rows, columns):
    """A ruled table with a word in each cell."""
    image = Image.new("RGB", (columns * 110 + 20, rows * 44 + 20), "white")
    draw = ImageDraw.Draw(image)
    words = "Name Year Price Count Apple 2024 3.20 17 Pear 2025 2.80 25 Plum 2026 4.10 9".split()
    for row in range(rows):
        for column in range(columns):
            left, top = 10 + column * 110, 10 + row * 44
            draw.rectangle((left, top, left + 110, top + 44), outline="black", width=2)
            draw.text((left + 18, top + 10), words[row * columns + column], "black", ImageFont.load_default(20))
    return image


def pixels(image, mean, deviation, reverses=False):
    """The picture as 1 × channels × height × width: (p − mean) / deviation of pixels in 0…255, BGR if it `reverses`."""
    array = numpy.asarray(image, numpy.float32)
    if array.ndim == 2:
        array = array[..., None]
    if reverses:
        array = array[..., ::-1]
    array = (array - numpy.float32(mean)) / numpy.float32(deviation)
    return numpy.ascontiguousarray(array.transpose(2, 0, 1)[None], numpy.float32)


IMAGENET = numpy.array([0.485, 0.456, 0.406]) * 255, numpy.array([0.229, 0.224, 0.225]) * 255
HALVES = 127.5, 127.5


def resized(image, width, height, method=Image.BILINEAR):
    return image.resize((width, height), method)


def padded(array, width):
    """The array with zeros on the right."""
    return numpy.pad(array, [(0, 0)] * 3 + [(0, width - array.shape[3])])


def cropped(image, box, extent):
    """A square of a picture as MTCNN wants it: channel-last, height and width swapped."""
    face = resized(image.crop(box), extent, extent)
    return pixels(face, 127.5, 128).transpose(0, 3, 2, 1)


def line(image):
    """A line of text as PaddleOCR's reader wants it."""
    width = -(-image.width * 48 // image.height)
    return padded(pixels(resized(image, width, 48), *HALVES, reverses=True), max(320, width))


# What a person reads of answers.

def greedy(best, blank, text):
    """The characters of a connectionist classification: repetitions and blanks fall out."""
    kept = [one for index, one in enumerate(best) if one != blank and (index == 0 or one != best[index - 1])]
    return "".join(text[one] for one in kept)


@functools.cache
def metadata(name):
    properties = onnx.load(FOLDER / "open" / f"{name}.onnx").metadata_props
    return next(entry.value for entry in properties if entry.key == "character").splitlines()


def read_line(outputs):
    return greedy(outputs[0].argmax(2)[0], 0, ["", *metadata("text_reader"), " "])


def read_characters(outputs):
    names = json.loads((FOLDER / "open" / "character_reader.json").read_text())
    return greedy(outputs[0].argmax(2)[:, 0], 0, names)


def read_captcha(outputs):
    return greedy(outputs[0].argmax(2)[:, 0], 36, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_")


def count_lines(outputs):
    """The runs of rows that hold pixels of text."""
    rows = numpy.concatenate([[False], (outputs[0][0, 0] > 0.3).sum(1) > 8])
    return f"{(rows[1:] & ~rows[:-1]).sum()} lines"


def count_characters(outputs):
    """YOLOX: scores, and boxes in the units of three grids; of those that overlap the best stays."""
    found = outputs[0][0].astype(float)
    grid = [(x, y, stride) for stride in (8, 16, 32) for y in range(416 // stride) for x in range(416 // stride)]
    x, y, stride = numpy.array(grid).T
    centre = (found[:, :2] + numpy.stack([x, y], 1)) * stride[:, None]
    half = numpy.exp(found[:, 2:4]) * stride[:, None] / 2
    boxes, scores, kept = numpy.hstack([centre - half, centre + half]), found[:, 4] * found[:, 5], []
    for index in numpy.argsort(-scores):
        if scores[index] > 0.3 and all(overlap(boxes[index], boxes[other]) < 0.45 for other in kept):
            kept.append(index)
    return f"{len(kept)} characters"


def overlap(a, b):
    common = numpy.prod(numpy.maximum(0, numpy.minimum(a[2:], b[2:]) - numpy.maximum(a[:2], b[:2])))
    return common / (numpy.prod(a[2:] - a[:2]) + numpy.prod(b[2:] - b[:2]) - common)


def faces(outputs):
    """Which pictures of a batch hold a face."""
    chances = next(output for output in outputs if output.shape[-1] == 2)[:, 1]
    return ", ".join("face" if chance > 0.9 else "none" for chance in chances)


def face_places(outputs):
    chances = next(output for output in outputs if output.shape[-1] == 2)[0, :, :, 1]
    x, y = numpy.unravel_index(chances.argmax(), chances.shape)
    return f"face at {round(2 * x / PYRAMID)}, {round(2 * y / PYRAMID)}"


def count_cells(outputs):
    structure = next(output for output in outputs if output.shape[-1] != 4)[0].argmax(1)
    tokens = [token for token in metadata("table") if token != "<td>"]
    tokens = ["", *tokens, *(["<td></td>"] if "<td></td>" not in tokens else []), "end"]
    words = [tokens[index] for index in structure]
    words = words[:words.index("end")] if "end" in words else words
    rows, cells = words.count("<tr>"), words.count("<td></td>") + words.count("<td")
    return f"{rows} rows, {cells} cells"


def turned(outputs):
    return ", ".join(metadata("page_orientation")[index] for index in outputs[0].argmax(1))


def upside_down(outputs):
    return ", ".join(("0", "180")[index] for index in outputs[0].argmax(1))


def classes(outputs):
    """The three best classes; nobody trained these networks, so they only name the answer."""
    return " ".join(str(index) for index in numpy.argsort(-outputs[0].reshape(-1))[:3])


# The cases: a name, a network, its picture, what a person reads of the answer, and what is in the picture.

# The share of its size at which a face in the picture is as small as the first network looks for.
PYRAMID = 0.12
FACE, PLATE = (176, 60, 276, 180), (40, 40, 160, 160)


def detector_picture(image):
    """A page as PaddleOCR's detector wants it: the shorter side 736, both multiples of 32."""
    scale = 736 / min(image.size)
    return pixels(resized(image, *(round(int(side * scale) / 32) * 32 for side in image.size)), *HALVES, reverses=True)


def letters(image, text):
    """Letters here and there on a picture, which YOLOX wants in the corner of a grey square."""
    image = resized(image, 416, 260)
    for letter, place in zip(text, [(40, 30), (150, 120), (240, 30), (330, 150)]):
        ImageDraw.Draw(image).text(place, letter, "yellow", ImageFont.load_default(40))
    square = Image.new("RGB", (416, 416), (114, 114, 114))
    square.paste(image, (0, 0))
    return square


def turns(image):
    """The four turns of a page, as PaddleClas prepares them: the shorter side 256, the middle 224 × 224."""
    def one(image):
        scale = 256 / min(image.size)
        image = resized(image, *(round(side * scale) for side in image.size), Image.LANCZOS)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        return pixels(image.crop((left, top, left + 224, top + 224)), *IMAGENET, reverses=True)
    return numpy.concatenate([one(image.rotate(angle, expand=True)) for angle in (0, 90, 180, 270)])


def table_input(image):
    scale = 488 / max(image.size)
    array = pixels(resized(image, *(int(side * scale) for side in image.size)), *IMAGENET, reverses=True)
    return numpy.pad(array, [(0, 0), (0, 0), (0, 488 - array.shape[2]), (0, 488 - array.shape[3])])


def both_ways(image):
    def one(image):
        width = min(192, -(-image.width * 48 // image.height))
        return padded(pixels(resized(image, width, 48), *HALVES, reverses=True), 192)
    return numpy.concatenate([one(image), one(image.rotate(180))])


def scaled(image, scale):
    return pixels(resized(image, int(image.width * scale), int(image.height * scale)), 127.5, 128)


def cases():
    page, astronaut, coffee = photograph("page.png"), photograph("astronaut.png"), photograph("coffee.png")
    text = drawn("Hello KServe 2026", (320, 48), 32)
    both = numpy.concatenate
    yield "text_detector", detector_picture(page), count_lines, "7 lines"
    yield "text_reader", line(text), read_line, "Hello KServe 2026"
    yield "text_direction", both_ways(text), upside_down, "0, 180"
    yield ("character_detector", pixels(letters(photograph("chelsea.png"), "WXYZ"), 0, 1, reverses=True),
           count_characters, "4 characters")
    yield ("character_reader", pixels(drawn("7RA3", (160, 64), 44, (24, 6)).convert("L"), 0, 255), read_characters,
           "7RA3")
    yield "face_proposals", scaled(astronaut, PYRAMID).transpose(0, 3, 2, 1), face_places, "face at 167, 67"
    yield ("face_refinement", both([cropped(astronaut, FACE, 24), cropped(coffee, PLATE, 24)]), faces, "face, none")
    yield ("face_landmarks", both([cropped(astronaut, FACE, 48), cropped(coffee, PLATE, 48)]), faces, "face, none")
    yield "page_orientation", turns(page), turned, "0, 270, 180, 90"
    yield ("captcha", pixels(drawn("7KP3", (160, 60), 44, (20, 4)), 0, 1, reverses=True), read_captcha, "7KP3")
    yield "table", table_input(table_picture(3, 4)), count_cells, "3 rows, 12 cells"
    for path in sorted((FOLDER / "light").glob("*.onnx")):
        cat = pixels(resized(photograph("chelsea.png"), 224, 224), *IMAGENET)
        yield path.stem, cat, classes, None


# Comparing.

def onnxruntime_answers(path, value):
    """What onnxruntime answers, and by how much its answers differ among themselves, relative to the largest number."""
    levels, runs = onnxruntime.GraphOptimizationLevel, []
    for level, threads in [(levels.ORT_ENABLE_ALL, 1), (levels.ORT_DISABLE_ALL, 1), (levels.ORT_ENABLE_BASIC, 2)]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level, options.intra_op_num_threads = level, threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        runs.append(session.run(None, {session.get_inputs()[0].name: value}))
        names = [output.name for output in session.get_outputs()]
    noise = max(distance(other, runs[0]) for other in runs[1:])
    return names, runs[0], noise


def distance(outputs, wanted):
    """The largest difference of two answers, relative to the largest number of each output."""
    if [output.shape for output in outputs] != [output.shape for output in wanted]:
        return numpy.inf
    def one(output, wanted):
        difference = numpy.abs(output.astype(float) - wanted).max(initial=0)
        return difference / max(numpy.abs(wanted.astype(float)).max(initial=0), 1e-30)
    return max(one(a, b) for a, b in zip(outputs, wanted))


def tamis_answers(tamis, path, value, names, precision):
    """What the command answers, and the seconds it took; a text where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(f"{folder}/input.npy", value)
        start = time.monotonic()
        process = subprocess.run(
            [tamis, "run", path, "--input", f"0={folder}/input.npy", "--output-dir", f"{folder}/out", "--precision",
             precision], capture_output=True, text=True, errors="replace", timeout=900)
        if process.returncode:
            return " ".join(process.stderr.replace(f"{path}: ", "").split()) or f"exit {process.returncode}", 0
        outputs = [numpy.load(f"{folder}/out/{re.sub('[/:]', '_', name)}.npy") for name in names]
        return outputs, time.monotonic() - start


def check(tamis, name, value, decode, expected):
    """A line of the table, and what is wrong with the answers."""
    path = FOLDER / "open" / f"{name}.onnx"
    path = path if path.exists() else FOLDER / "light" / f"{name}.onnx"
    names, wanted, noise = onnxruntime_answers(path, value)
    read = decode(wanted)
    problems = [] if expected in (None, read) else [f"the picture shows {expected}; onnxruntime reads {read}"]
    bounds = {"strict": max(20 * noise, STRICT), "default": max(20 * noise, DEFAULT)}
    cells = [name, "×".join(map(str, value.shape)), f"{noise:.0e}"]
    for precision, bound in bounds.items():
        outputs, seconds = tamis_answers(tamis, path, value, names, precision)
        if isinstance(outputs, str):
            cells.append("–")
            problems.append(outputs)
            break
        error = distance(outputs, wanted)
        cells.append(f"{error:.0e}")
        if not error <= bound:
            problems.append(f"{precision}: the largest difference must be at most {bound:.0e}; received {error:.0e}")
        if decode(outputs) != read:
            problems.append(f"{precision}: read {decode(outputs)}")
    return cells + [""] * (5 - len(cells)) + [read], list(dict.fromkeys(problems))


def main():
    global FOLDER
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    FOLDER, tamis, wanted = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    onnxruntime.set_default_logger_severity(3)
    layout = "{:20} {:14} {:>8} {:>8} {:>8}  {}"
    print(layout.format("network", "input", "ort", "strict", "default", "read"))
    count, failed = 0, 0
    for name, value, decode, expected in cases():
        if wanted and not any(text in name for text in wanted):
            continue
        cells, problems = check(tamis, name, value, decode, expected)
        print(layout.format(*cells), flush=True)
        for problem in problems:
            print(f"    {problem}", flush=True)
        count, failed = count + 1, failed + bool(problems)
    if failed or not count:
        sys.exit(f"{failed} of {count} networks fail")
    print(f"{count} networks agree with onnxruntime")


if __name__ == "__main__":
    main()
