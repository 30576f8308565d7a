import TamisKernels

/// The k largest or smallest elements along an axis, best first, and their positions, as int64. ONNX's TopK.
///
/// Inputs: x, and where k follows from other values, that as int64. Of equal elements the first goes first; NaN counts as
/// larger than all numbers.
public struct TopK: DifferentiableOperator, Hashable {
    /// How many; nil where it is the second input.
    public let k: Int?
    /// The axis; negative counts from the end.
    public let axis: Int
    /// Whether the largest are wanted.
    public let takesLargest: Bool

    public init(_ k: Int? = nil, axis: Int = -1, takesLargest: Bool = true) {
        self.k = k
        self.axis = axis
        self.takesLargest = takesLargest
    }

    public var kind: String { "TopK" }
    public var valueOperands: [Int] { [1] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: k == nil ? 2...2 : 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s x must be numbers", received: elementType)
        }
        let wanted = try wanted(inputs)
        guard var dimensions else { return [.tensor(elementType, nil), .tensor(.int64, nil)] }
        let axis = try inputs.axis(axis, rank: dimensions.count)
        if let wanted, !(0...(dimensions[axis].value ?? .max)).contains(wanted) {
            throw .mismatch(
                rule: "\(kind)'s k must be 0 or more, and no more than there are elements along axis \(axis)",
                received: "\(wanted) of \(dimensions[axis])")
        }
        dimensions[axis] = wanted.map(Dimension.fixed) ?? .unknown
        return [.tensor(elementType, dimensions), .tensor(.int64, dimensions)]
    }

    /// How many are wanted; nil where that is not known.
    private func wanted(_ inputs: Operands) throws(ShapeError) -> Int? {
        guard let given = try inputs.integers(1, "k", unless: k.map { [$0] }) else { return nil }
        guard let only = given.first, given.count == 1 else {
            throw .mismatch(rule: "\(kind)'s k must be one number", received: "\(given)")
        }
        return only
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard k == nil, let wanted = try wanted(inputs) else { return nil }
        return TopK(wanted, axis: axis, takesLargest: takesLargest)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = Slices(x.shape, axis: axis)
        let k = Slices(context.outputs[0].shape, axis: axis).count
        guard let run = x.elementType.visit(TopKLoops(slices: slices, k: k, takesLargest: takesLargest)) else {
            throw .unsupported(operator: kind, rule: "it compares numbers", received: x.elementType.rawValue)
        }
        var prepared = Prepared(
            "heap of \(k)", stages: [slices.stage(slowness: 60, body: run)],
            scratchBytes: k * MemoryLayout<Int>.stride)
        prepared.unreadInputs = [1]
        return prepared
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = try? inputs.axis(axis, rank: order.rank) else { return nil }
        return PermutedOperator(
            operation: TopK(k, axis: order.order[axis], takesLargest: takesLargest),
            inputs: [order] + inputs.all.dropFirst().map { _ in nil }, outputs: [order, order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard wanted[0], let dy = outputs[0] else { return gradients }
        gradients[0] = try graph.call(
            TopKGradient(axis: axis), node.inputs[0], node.outputs[1], dy, name: "\(node.name)/gradient")
        return gradients
    }
}

private struct TopKLoops: NumericVisitor {
    let slices: Slices
    let k: Int
    let takesLargest: Bool

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        let (k, takesLargest) = (k, takesLargest)
        return { [slices] bindings, range in
            guard k > 0 else { return }
            let inner = slices.inner
            let heap = bindings.scratch.assumingMemoryBound(to: Int.self)
            for slice in range {
                let x =
                    bindings.input(0).assumingMemoryBound(to: Scalar.self)
                    + slices.start(of: slice, count: slices.count)
                /// Whether the element at one position goes before that at another.
                func goesBefore(_ left: Int, _ right: Int) -> Bool {
                    let (a, b) = (x[left * inner], x[right * inner])
                    if a.isNotANumber || b.isNotANumber {
                        return a.isNotANumber == b.isNotANumber ? left < right : a.isNotANumber == takesLargest
                    }
                    return a == b ? left < right : (a > b) == takesLargest
                }
                // The heap's root is the element that goes last.
                func sink(_ position: Int, from place: Int, count: Int) {
                    var place = place
                    while 2 * place + 1 < count {
                        var child = 2 * place + 1
                        if child + 1 < count, goesBefore(heap[child], heap[child + 1]) { child += 1 }
                        guard goesBefore(position, heap[child]) else { break }
                        heap[place] = heap[child]
                        place = child
                    }
                    heap[place] = position
                }
                for position in 0..<k { heap[position] = position }
                for place in (0..<k / 2).reversed() { sink(heap[place], from: place, count: k) }
                for position in k..<max(k, slices.count) where goesBefore(position, heap[0]) {
                    sink(position, from: 0, count: k)
                }
                for last in (1..<max(1, k)).reversed() {
                    let position = heap[last]
                    heap[last] = heap[0]
                    sink(position, from: 0, count: last)
                }
                let start = slices.start(of: slice, count: k)
                let values = bindings.output(0).assumingMemoryBound(to: Scalar.self) + start
                let positions = bindings.output(1).assumingMemoryBound(to: Int64.self) + start
                for index in 0..<k {
                    values[index * inner] = x[heap[index] * inner]
                    positions[index * inner] = Int64(heap[index])
                }
            }
        }
    }
}

/// The gradient of TopK with respect to x: dy at the positions it found, 0 elsewhere. Inputs: x for its shape, the
/// positions, dy.
public struct TopKGradient: Operator, Hashable {
    /// The axis; negative counts from the end.
    public let axis: Int

    public init(axis: Int) { self.axis = axis }

    public var kind: String { "TopKGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...3)
        let (elementType, dimensions) = try inputs.floats(0, "x", rank: 1...64)
        _ = try inputs.axis(axis, rank: dimensions.count)
        try inputs.expect(.int64, of: 1, "positions")
        try inputs.expect(.tensor(elementType, try inputs.tensor(1, "positions").dimensions), of: 2, "dy")
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = Slices(x.shape, axis: axis)
        let k = Slices(try context.input(1).shape, axis: axis).count
        guard let run = x.elementType.visit(TopKGradientLoops(slices: slices, k: k)) else {
            throw .unsupported(operator: kind, rule: "it moves floats", received: x.elementType.rawValue)
        }
        var prepared = Prepared("scatter", stages: [slices.stage(body: run)])
        prepared.unreadInputs = [0]
        return prepared
    }
}

private struct TopKGradientLoops: NumericVisitor {
    let slices: Slices
    let k: Int

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        { [slices, k] bindings, range in
            let inner = slices.inner
            for slice in range {
                let from = slices.start(of: slice, count: k)
                let positions = bindings.input(1).assumingMemoryBound(to: Int64.self) + from
                let dy = bindings.input(2).assumingMemoryBound(to: Scalar.self) + from
                let dx =
                    bindings.output(0).assumingMemoryBound(to: Scalar.self)
                    + slices.start(of: slice, count: slices.count)
                for index in 0..<slices.count { dx[index * inner] = Scalar(wrapping: 0) }
                for index in 0..<k {
                    let position = Int(positions[index * inner])
                    guard (0..<slices.count).contains(position) else { continue }
                    dx[position * inner] = dy[index * inner]
                }
            }
        }
    }
}
