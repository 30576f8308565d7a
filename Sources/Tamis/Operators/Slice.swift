/// Along some axes only every `step`-th position from `start` up to `end`. ONNX's Slice.
///
/// Inputs: x and, where `ranges` does not say, the starts, the ends, the axes (all from the first by default) and the
/// steps (1 by default), each a list of int32 or int64.
public struct Slice: SelectingOperator, Hashable {
    /// What is kept of an axis. As in numpy, a negative start or end counts from the end of the axis, one beyond the axis is
    /// brought back to it, and a negative step walks backwards.
    public struct Range: Sendable, Hashable {
        public var axis: Int
        public var start: Int
        public var end: Int
        public var step: Int

        public init(axis: Int, start: Int, end: Int, step: Int = 1) {
            self.axis = axis
            self.start = start
            self.end = end
            self.step = step
        }

        /// Whether all positions are kept, however many there are.
        fileprivate var isWhole: Bool { start == 0 && step == 1 && end >= Shape.largest }

        /// The positions of an axis of so many that are kept.
        fileprivate func run(extent: Int) -> Selection.Run {
            // Steps beyond every extent are one like the other.
            let step = max(-Shape.largest, min(step, Shape.largest))
            let (lowest, highest) = step > 0 ? (0, extent) : (-1, extent - 1)
            func clamped(_ position: Int) -> Int {
                min(max(position < 0 ? position + extent : position, lowest), highest)
            }
            let (first, last) = (clamped(start), clamped(end))
            let distance = step > 0 ? last - first : first - last
            let count = max(0, (distance + abs(step) - 1) / abs(step))
            return .positions(first, step: count == 1 ? 1 : step, count: count)
        }
    }

    /// The ranges, an axis each; nil where the inputs say them.
    public let ranges: [Range]?

    public init(_ ranges: [Range]? = nil) { self.ranges = ranges }

    public var kind: String { "Slice" }
    public var valueOperands: [Int] { [1, 2, 3, 4] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: ranges == nil ? 3...5 : 1...5)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let known = try knownRanges(inputs)
        guard var dimensions else { return [.tensor(elementType, nil)] }
        guard let known else {
            for axis in try openAxes(inputs, rank: dimensions.count) { dimensions[axis] = .unknown }
            return [.tensor(elementType, dimensions)]
        }
        let axes = try inputs.axes(known.map(\.axis), rank: dimensions.count)
        for (axis, range) in zip(axes, known) where !range.isWhole {
            dimensions[axis] = dimensions[axis].value.map { .fixed(range.run(extent: $0).count) } ?? .unknown
        }
        return [.tensor(elementType, dimensions)]
    }

    func selection(of x: Shape, _ inputs: Operands) throws(ShapeError) -> Selection {
        guard let known = try knownRanges(inputs) else {
            throw .mismatch(rule: "Slice's ranges must be known when a plan is made", received: "inputs")
        }
        var axes = x.dimensions.map { Selection.Axis($0, [.positions(0, count: $0)]) }
        for (axis, range) in zip(try inputs.axes(known.map(\.axis), rank: x.rank), known) {
            axes[axis] = Selection.Axis(x[axis], [range.run(extent: x[axis])])
        }
        return Selection(axes)
    }

    /// The ranges, if they are there already.
    private func knownRanges(_ inputs: Operands) throws(ShapeError) -> [Range]? {
        let (starts, ends) = (try inputs.integers(1, "starts"), try inputs.integers(2, "ends"))
        let (axes, steps) = (try inputs.integers(3, "axes"), try inputs.integers(4, "steps"))
        var known = ranges
        if known == nil {
            guard let starts, let ends, axes != nil || inputs.optional(3) == nil,
                steps != nil || inputs.optional(4) == nil
            else { return nil }
            let counts = [ends.count, axes?.count, steps?.count].compactMap(\.self)
            guard counts.allSatisfy({ $0 == starts.count }) else {
                throw .mismatch(
                    rule: "Slice's starts, ends, axes and steps must be as many", received: "\([starts.count] + counts)"
                )
            }
            known = starts.indices.map { index in
                Range(
                    axis: axes?[index] ?? index, start: starts[index], end: ends[index], step: steps?[index] ?? 1)
            }
        }
        guard known?.allSatisfy({ $0.step != 0 }) ?? true else {
            throw .mismatch(rule: "Slice's steps must not be 0", received: "0")
        }
        return known
    }

    /// The axes whose extents depend on values that are not there yet.
    private func openAxes(_ inputs: Operands, rank: Int) throws(ShapeError) -> [Int] {
        if let axes = try inputs.integers(3, "axes") { return try inputs.axes(axes, rank: rank) }
        let count = inputs.optional(3) == nil ? try inputs.tensor(1, "starts").dimensions?.first?.value : nil
        return Array(0..<min(rank, count ?? rank))
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard ranges == nil, let known = try knownRanges(inputs) else { return nil }
        return Slice(known)
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        ranges.map { inputs.keepApart(images, workingAlong: $0.map(\.axis)) } ?? false
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0), try context.elementBytes(0))
        let selection = try context.shaped { () throws(ShapeError) in
            try self.selection(of: x.shape, context.operands)
        }
        var prepared = selection.prepared("slice", elementBytes: size)
        prepared.unreadInputs = Array(1..<max(1, context.inputs.count))
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let ranges, inputs.count == 1 else { return nil }
        var moved: [Range] = []
        for var range in ranges {
            guard let axis = order.source(of: range.axis) else { return nil }
            range.axis = axis
            moved.append(range)
        }
        return PermutedOperator(operation: Slice(moved), inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try selectedGradient(at: node, of: dy, in: graph)]
    }
}
