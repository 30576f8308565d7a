import CTamisKernels

/// Which positions of a tensor another one shows: along each axis, runs of positions of the same axis. What Slice, Pad and
/// CenterCropPad make of their attributes.
struct Selection: Sendable {
    /// Positions that follow one another at a constant step.
    struct Run: Sendable, Hashable {
        var count: Int
        /// The first position; nil where none is shown, but a constant.
        var start: Int?
        var step: Int

        /// Positions from `start` on.
        static func positions(_ start: Int, step: Int = 1, count: Int) -> Run {
            Run(count: count, start: start, step: step)
        }
        /// So many times the constant.
        static func constant(count: Int) -> Run { Run(count: count, start: nil, step: 1) }
    }

    /// An axis: its extent in the input, and what is shown of it.
    struct Axis: Sendable {
        var extent: Int
        var runs: [Run]

        init(_ extent: Int, _ runs: [Run]) {
            self.extent = extent
            self.runs = runs.filter { $0.count > 0 }
        }

        /// The extent of what is shown.
        var count: Int { runs.reduce(0) { $0 + $1.count } }
        /// Whether everything is shown in its order.
        var isWhole: Bool { extent == 0 ? runs.isEmpty : runs == [.positions(0, count: extent)] }
    }

    /// The axes in order.
    var axes: [Axis]

    init(_ axes: [Axis]) { self.axes = axes }

    /// The shape of what is shown.
    func shape() throws(ShapeError) -> Shape { try Shape(axes.map(\.count)) }

    /// The axes from the first to the last that is not shown whole, whole neighbours merged, and the number of elements that
    /// move together.
    private var merged: (axes: [Axis], unit: Int) {
        var merged: [Axis] = []
        for axis in axes where !(axis.isWhole && axis.extent == 1) {
            if axis.isWhole, let last = merged.last, last.isWhole {
                let extent = last.extent * axis.extent
                merged[merged.count - 1] = Axis(extent, [.positions(0, count: extent)])
            } else {
                merged.append(axis)
            }
        }
        guard let last = merged.last, last.isWhole else { return (merged, 1) }
        return (Array(merged.dropLast()), last.extent)
    }

    /// The copy of input 0 that is output 0; the constant is the element of the input at `constant`, or zero.
    func prepared(_ algorithm: String, elementBytes: Int, constant: Int? = nil) -> Prepared {
        let (axes, unit) = merged
        guard let row = axes.last else { return .view }
        if axes.count == 1, row.runs.count == 1, let start = row.runs[0].start, row.runs[0].step == 1 {
            return .views(at: [start * unit * elementBytes])
        }
        let (outer, rowCount) = (axes.dropLast().map { ($0, $0.count) }, row.count)
        // Elements between neighbours along each outer axis.
        var strides = [Int](repeating: row.extent * unit, count: outer.count)
        for axis in outer.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * outer[axis + 1].0.extent }
        let rows = outer.reduce(1) { $0 * $1.1 }
        let units = rows * rowCount
        let unitBytes = unit * elementBytes
        // A tile is a run of units, which may begin and end within a row.
        let run = max(1, (1 << 16) / max(1, unitBytes))
        return Prepared(
            algorithm, tiles: (units + run - 1) / run, bytes: 2 * units * unitBytes
        ) { [strides] bindings, tiles in
            let (x, y) = (bindings.input(0), bindings.output(0))
            let fill = constant.flatMap { bindings.optionalInput($0) }
            var first = tiles.lowerBound * run
            let end = min(units, tiles.upperBound * run)
            while first < end {
                let (index, begin) = first.quotientAndRemainder(dividingBy: rowCount)
                let stop = min(rowCount, begin + end - first)
                // Where the row lies in x; nil where an outer axis shows the constant.
                var (rest, source) = (index, Optional(x))
                for axis in outer.indices.reversed() {
                    let (quotient, place) = rest.quotientAndRemainder(dividingBy: outer[axis].1)
                    rest = quotient
                    let position = outer[axis].0.position(place)
                    source = source.flatMap { at in position.map { at + $0 * strides[axis] * elementBytes } }
                }
                var before = 0
                for run in row.runs {
                    let (from, to) = (max(begin, before), min(stop, before + run.count))
                    if from < to {
                        let target = y + (index * rowCount + from) * unitBytes
                        if let source, let start = run.start {
                            Selection.copy(
                                to - from, unitBytes, elementBytes, step: run.step,
                                from: source + (start + (from - before) * run.step) * unitBytes, to: target)
                        } else {
                            fillElements((to - from) * unit, elementBytes, with: fill, at: target)
                        }
                    }
                    before += run.count
                }
                first += stop - begin
            }
            return .done
        }
    }

    /// Copies units that lie `step` units apart to neighbouring ones.
    private static func copy(
        _ count: Int, _ unitBytes: Int, _ elementBytes: Int, step: Int, from source: UnsafeRawPointer,
        to target: UnsafeMutableRawPointer
    ) {
        if step == 1 {
            target.copyMemory(from: source, byteCount: count * unitBytes)
        } else if unitBytes == elementBytes {
            withUnsafePointer(to: count) { count in
                withUnsafePointer(to: step) { tamis_strided_copy(1, count, $0, elementBytes, source, target) }
            }
        } else {
            for index in 0..<count {
                (target + index * unitBytes).copyMemory(from: source + index * step * unitBytes, byteCount: unitBytes)
            }
        }
    }
}

extension Selection.Axis {
    /// The position shown at a place; nil for the constant.
    fileprivate func position(_ place: Int) -> Int? {
        var place = place
        for run in runs {
            if place < run.count { return run.start.map { $0 + place * run.step } }
            place -= run.count
        }
        return nil
    }
}

/// Writes one element, or zero where it is nil, `count` times.
func fillElements(
    _ count: Int, _ elementBytes: Int, with element: UnsafeRawPointer?, at target: UnsafeMutableRawPointer
) {
    guard let element else {
        target.initializeMemory(as: UInt8.self, repeating: 0, count: count * elementBytes)
        return
    }
    func fill<Bits>(_ type: Bits.Type) {
        target.initializeMemory(as: type, repeating: element.loadUnaligned(as: type), count: count)
    }
    switch elementBytes {
    case 1: fill(UInt8.self)
    case 2: fill(UInt16.self)
    case 4: fill(UInt32.self)
    case 8: fill(UInt64.self)
    default: fill(UInt128.self)
    }
}

/// An operator that shows a selection of its first input.
protocol SelectingOperator: DifferentiableOperator {
    /// What it shows of an input of this shape.
    func selection(of x: Shape, _ inputs: Operands) throws(ShapeError) -> Selection
}

extension SelectingOperator {
    /// The gradient of the first input.
    func selectedGradient(
        at node: NodeSymbols, of dy: Symbol, in graph: GraphBuilder
    ) throws(ShapeError) -> Symbol {
        try graph.append(SelectionGradient(self), [dy] + node.inputs, name: "\(node.name)/gradient")[0]
    }
}
