import TamisKernels

/// The position of the largest or smallest element along an axis, as int64. ONNX's ArgMax and ArgMin.
///
/// The first NaN, where there is one, counts as the largest and as the smallest, as in numpy.
public struct ArgReduce: Operator, Hashable {
    /// What is looked for.
    public enum Function: String, Sendable, CaseIterable {
        case largest = "ArgMax"
        case smallest = "ArgMin"
    }

    /// What is looked for.
    public let function: Function
    /// The axis; negative counts from the end.
    public let axis: Int
    /// Whether the axis stays, with one element.
    public let keepsDimensions: Bool
    /// Whether of equal elements the last is taken, not the first.
    public let takesLast: Bool

    public init(_ function: Function, axis: Int = 0, keepsDimensions: Bool = true, takesLast: Bool = false) {
        self.function = function
        self.axis = axis
        self.keepsDimensions = keepsDimensions
        self.takesLast = takesLast
    }

    public var kind: String { function.rawValue }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s x must be numbers", received: elementType)
        }
        guard let dimensions else { return [.tensor(.int64, nil)] }
        let reduced = try ReducedAxes([axis], rank: dimensions.count, keepsDimensions: keepsDimensions, of: kind)
        guard dimensions[reduced.axes[0]].value != 0 else {
            throw .mismatch(rule: "\(kind) needs an element along axis \(axis)", received: "\(dimensions)")
        }
        return [.tensor(.int64, reduced.output(dimensions))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = Slices(x.shape, axis: axis)
        let search = ExtremeSearch(slices: slices, isLargest: function == .largest, takesLast: takesLast)
        guard let run = x.elementType.visit(ArgReduceLoops(search: search)) else {
            throw .unsupported(operator: kind, rule: "it compares numbers", received: x.elementType.rawValue)
        }
        return Prepared("search", stages: [slices.stage(body: run)])
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        let reduced = try? ReducedAxes([axis], rank: order.rank, keepsDimensions: keepsDimensions, of: kind)
        guard let (axes, output) = reduced?.permuted(by: order) else { return nil }
        return PermutedOperator(
            operation: ArgReduce(function, axis: axes[0], keepsDimensions: keepsDimensions, takesLast: takesLast),
            inputs: [order], outputs: [output])
    }
}

/// The search for the largest or smallest element of slices.
struct ExtremeSearch: Sendable {
    let slices: Slices
    let isLargest: Bool
    let takesLast: Bool

    /// The position of the element in a slice of at least one.
    @inline(__always)
    func position<Scalar: NumericScalar>(_ x: UnsafePointer<Scalar>, slice: Int) -> Int {
        let start = x + slices.start(of: slice, count: slices.count)
        var (best, position) = (start[0], 0)
        for index in 1..<max(1, slices.count) {
            let value = start[index * slices.inner]
            let isBetter = isLargest ? value > best : value < best
            let isAsGood = value == best || (value.isNotANumber && best.isNotANumber)
            if !best.isNotANumber && (isBetter || value.isNotANumber) || takesLast && isAsGood {
                (best, position) = (value, index)
            }
        }
        return position
    }
}

private struct ArgReduceLoops: NumericVisitor {
    let search: ExtremeSearch

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        { [search] bindings, slices in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Int64.self)
            for slice in slices { y[slice] = Int64(search.position(x, slice: slice)) }
        }
    }
}
