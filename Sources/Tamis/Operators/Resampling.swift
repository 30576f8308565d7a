import CTamisKernels
import TamisKernels

/// The work of resizing along some axes, of which each has its table of places and weights.
enum Resampling {
    // MARK: Nearest

    /// Copies the one element each place comes from.
    static func gather(_ shape: Shape, _ axes: [SampledAxis], elementBytes: Int) -> Prepared {
        guard let last = axes.last else { return .view }
        // Lines along the last axis that changes, of rows of what lies behind it.
        let rowBytes = shape.dimensions[(last.axis + 1)...].reduce(elementBytes, *)
        var output = Array(shape.dimensions[..<last.axis])
        for axis in axes.dropLast() { output[axis.axis] = axis.output }
        let outer = output
        let strides = shape.strides
        let before = Array(axes.dropLast())
        let lines = outer.reduce(1, *)
        let lineBytes = last.output * rowBytes
        let tileLines = max(1, (1 << 16) / max(1, lineBytes))
        let indices = last.indices
        return Prepared("nearest", tiles: (lines + tileLines - 1) / tileLines, bytes: 2 * lines * lineBytes) {
            bindings, tiles in
            for tile in tiles {
                var known = -1
                for line in tile * tileLines..<min(lines, (tile + 1) * tileLines) {
                    // The line of x, in elements.
                    var (rest, source, changed) = (line, 0, before.count - 1)
                    for axis in outer.indices.reversed() {
                        let (quotient, place) = rest.quotientAndRemainder(dividingBy: outer[axis])
                        var from = place
                        if changed >= 0, before[changed].axis == axis {
                            from = before[changed].indices[place]
                            changed -= 1
                        }
                        source += from * strides[axis]
                        rest = quotient
                    }
                    let target = bindings.output(0) + line * lineBytes
                    if source == known {
                        target.copyMemory(from: target - lineBytes, byteCount: lineBytes)
                    } else {
                        tamis_gather_rows(
                            indices.count, indices, rowBytes, bindings.input(0) + source * elementBytes, target)
                    }
                    known = source
                }
            }
            return .done
        }
    }

    // MARK: Weighted sums

    /// Weighs the elements of one axis, or of two neighbouring ones, in each pass.
    static func weigh(
        _ shape: Shape, _ axes: [SampledAxis], _ elementType: ElementType, level: KernelLevel
    ) throws(PlanError) -> Prepared {
        guard !axes.isEmpty else { return .view }
        let isFloat = elementType == .float32
        let kernels = level.kernels(for: isFloat ? .float : .double)
        let size = kernels.type.byteCount
        let passes = ResamplingPass.all(shape, axes, kernels)
        if elementType.isComputable {
            var stages: [Prepared.Stage] = []
            var offset = 0
            for (index, pass) in passes.enumerated() {
                let (from, to, isLast) = (
                    offset - passes[max(0, index - 1)].outputScalars * size, offset, index == passes.count - 1
                )
                stages.append(
                    pass.stage { bindings in
                        (
                            index == 0 ? bindings.input(0) : UnsafeRawPointer(bindings.workspace + from),
                            isLast ? bindings.output(0) : bindings.workspace + to
                        )
                    })
                if !isLast { offset += pass.outputScalars * size }
            }
            return Prepared(
                "weighted sums", stages: stages, workspaceBytes: offset,
                scratchBytes: passes.map(\.scratchBytes).max() ?? 0)
        }
        // Integers become doubles, and the nearest integers again.
        let count = shape.elementCount
        let results = passes.last?.outputScalars ?? 0
        guard let widen = elementType.visit(Widening(count: count)),
            let narrow = elementType.visit(
                Narrowing(
                    count: results, offset: (count + passes.dropLast().reduce(0) { $0 + $1.outputScalars }) * size))
        else {
            throw .unsupported(operator: "Resize", rule: "it weighs numbers", received: elementType.rawValue)
        }
        var stages = [widen]
        var offset = 0
        for (index, pass) in passes.enumerated() {
            let from = offset
            offset += (index == 0 ? count : passes[index - 1].outputScalars) * size
            let to = offset
            stages.append(pass.stage { (UnsafeRawPointer($0.workspace + from), $0.workspace + to) })
        }
        stages.append(narrow)
        return Prepared(
            "weighted sums of doubles", stages: stages, workspaceBytes: offset + results * size,
            scratchBytes: passes.map(\.scratchBytes).max() ?? 0)
    }
}

/// One pass over a tensor: outer × input × inner becomes outer × output × inner, or the same along two neighbouring axes.
private struct ResamplingPass: Sendable {
    let kernels: KernelTable
    let outer: Int
    let inner: Int
    /// The axis of the lines, and that within a line where there are two.
    let lines: SampledAxis
    let within: SampledAxis?

    /// The passes that resize a tensor along all axes.
    static func all(_ shape: Shape, _ axes: [SampledAxis], _ kernels: KernelTable) -> [ResamplingPass] {
        var passes: [ResamplingPass] = []
        var dimensions = shape.dimensions
        var first = 0
        while first < axes.count {
            let axis = axes[first]
            var second: SampledAxis?
            // Pairs are counted from the end: the last two axes of a volume, not the first.
            if first + 1 < axes.count, (axes.count - first) % 2 == 0,
                dimensions[axis.axis + 1..<axes[first + 1].axis].allSatisfy({ $0 == 1 })
            {
                second = axes[first + 1]
            }
            let end = second?.axis ?? axis.axis
            passes.append(
                ResamplingPass(
                    kernels: kernels, outer: dimensions[..<axis.axis].reduce(1, *),
                    inner: dimensions[(end + 1)...].reduce(1, *), lines: axis, within: second))
            dimensions[axis.axis] = axis.output
            if let second { dimensions[second.axis] = second.output }
            first += second == nil ? 1 : 2
        }
        return passes
    }

    /// Scalars of one output line.
    private var lineScalars: Int { (within?.output ?? 1) * inner }
    /// Scalars of one input line.
    private var sourceScalars: Int { (within?.input ?? 1) * inner }
    var outputScalars: Int { outer * lines.output * lineScalars }
    /// Memory for a line that is weighed along one axis and not yet along the other.
    var scratchBytes: Int { within == nil ? 0 : sourceScalars * kernels.type.byteCount }

    private var operations: Double {
        let along = Double(sourceScalars * lines.taps)
        return 2 * Double(outer * lines.output) * (along + Double(within.map { lineScalars * $0.taps } ?? 0))
    }

    /// The work; `memory` says where x and y are.
    func stage(
        _ memory: @escaping @Sendable (borrowing Bindings) -> (UnsafeRawPointer, UnsafeMutableRawPointer)
    ) -> Prepared.Stage {
        let size = kernels.type.byteCount
        let count = outer * lines.output
        let tileLines = max(1, (1 << 14) / max(1, lineScalars))
        return Prepared.Stage(
            tiles: (count + tileLines - 1) / tileLines, operations: operations, slowness: 6,
            bytes: (outer * lines.input * sourceScalars + outputScalars) * size
        ) { [self] bindings, tiles in
            let (x, y) = memory(bindings)
            var line = tiles.lowerBound * tileLines
            let end = min(count, tiles.upperBound * tileLines)
            while line < end {
                let (block, place) = line.quotientAndRemainder(dividingBy: lines.output)
                let source = x + block * lines.input * sourceScalars * size
                let target = y + line * lineScalars * size
                if let within {
                    lines.resample(kernels, place..<place + 1, inner: sourceScalars, x: source, y: bindings.scratch)
                    within.resample(kernels, 0..<within.output, inner: inner, x: bindings.scratch, y: target)
                    line += 1
                } else {
                    let places = min(lines.output - place, end - line)
                    lines.resample(kernels, place..<place + places, inner: inner, x: source, y: target)
                    line += places
                }
            }
            return .done
        }
    }
}

extension SampledAxis {
    /// The places `range` of rows of `inner` scalars.
    fileprivate func resample(
        _ kernels: KernelTable, _ range: Range<Int>, inner: Int, x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    ) {
        indices.withUnsafeBufferPointer { indices in
            guard let index = indices.baseAddress else { return }
            let first = range.lowerBound * taps
            func run(_ weights: UnsafeRawPointer?) {
                guard let weights else { return }
                kernels.resample(
                    range.count, taps, inner, index + first, weights + first * kernels.type.byteCount, x, y)
            }
            if kernels.type == .float {
                floats.withUnsafeBytes { run($0.baseAddress) }
            } else {
                weights.withUnsafeBytes { run($0.baseAddress) }
            }
        }
    }
}

/// Input 0 as doubles at the start of the workspace.
private struct Widening: NumericVisitor {
    let count: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared.Stage {
        .elements(count, bytesPerElement: 8 + MemoryLayout<Scalar>.size) { bindings, first, count in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.workspace.assumingMemoryBound(to: Double.self)
            for index in first..<first + count { y[index] = x[index].double }
        }
    }
}

/// Doubles of the workspace as the nearest values of output 0.
private struct Narrowing: NumericVisitor {
    let count: Int
    let offset: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared.Stage {
        .elements(count, bytesPerElement: 8 + MemoryLayout<Scalar>.size) { [offset] bindings, first, count in
            let x = (bindings.workspace + offset).assumingMemoryBound(to: Double.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for index in first..<first + count { y[index] = Scalar(nearest: x[index].rounded(.toNearestOrEven)) }
        }
    }
}

/// Writes one value to all places of output 0 that lie outside along some axis.
struct OutsideFill: NumericVisitor {
    let axes: [SampledAxis]
    let shape: Shape
    let value: Double

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared.Stage {
        let value = Scalar(nearest: value)
        return Prepared.Stage(bytes: shape.elementCount * MemoryLayout<Scalar>.size) { [axes, shape] bindings, _ in
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for axis in axes where !axis.outside.isEmpty {
                let outer = shape.dimensions[..<axis.axis].reduce(1, *)
                let inner = shape.dimensions[(axis.axis + 1)...].reduce(1, *)
                for block in 0..<outer {
                    for place in axis.outside {
                        (y + (block * axis.output + place) * inner).update(repeating: value, count: inner)
                    }
                }
            }
            return .done
        }
    }
}
