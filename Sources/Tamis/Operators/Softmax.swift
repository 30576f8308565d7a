import TamisKernels

/// eˣ over the sum of eˣ along an axis, or the logarithm of that. ONNX's Softmax and LogSoftmax (from opset 13).
public struct Softmax: DifferentiableOperator, Hashable {
    /// The axis along which the results sum to 1; negative counts from the end.
    public let axis: Int
    /// Whether the logarithm is wanted.
    public let isLogarithmic: Bool

    public init(axis: Int = -1, isLogarithmic: Bool = false) {
        self.axis = axis
        self.isLogarithmic = isLogarithmic
    }

    public var kind: String { isLogarithmic ? "LogSoftmax" : "Softmax" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.floats(0, "x", rank: 1...64)
        guard (-dimensions.count..<dimensions.count).contains(axis) else {
            throw .mismatch(rule: "\(kind)'s axis must be one of \(dimensions.count) axes", received: "\(axis)")
        }
        return [.tensor(elementType, dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let kernel = isLogarithmic ? kernels.log_softmax : kernels.softmax
        return Slices(x.shape, axis: axis).prepared(kind, kernels, inPlace: 0) { slices, bindings, offset, outer in
            kernel?(outer, slices.count, slices.inner, bindings.input(0) + offset, bindings.output(0) + offset)
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        let axis = axis < 0 ? axis + order.rank : axis
        guard order.order.indices.contains(axis) else { return nil }
        return PermutedOperator(
            operation: Softmax(axis: order.order[axis], isLogarithmic: isLogarithmic), inputs: [order], outputs: [order]
        )
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [
            try graph.call(
                SoftmaxGradient(axis: axis, isLogarithmic: isLogarithmic), node.outputs[0], dy,
                name: "\(node.name)/gradient")
        ]
    }
}

/// A tensor seen as outer × count × inner around one axis.
struct Slices: Sendable {
    let outer: Int
    let count: Int
    let inner: Int

    init(_ shape: Shape, axis: Int) {
        let axis = axis < 0 ? axis + shape.rank : axis
        outer = shape.dimensions[..<axis].reduce(1, *)
        count = shape[axis]
        inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    }

    /// Work on runs of outer slices: `body` gets where a run begins, in bytes, and the number of its slices.
    func prepared(
        _ algorithm: String, _ kernels: KernelTable, inPlace input: Int,
        body: @escaping @Sendable (Slices, borrowing Bindings, _ offset: Int, _ outer: Int) -> Void
    ) -> Prepared {
        let sliceBytes = count * inner * kernels.type.byteCount
        let run = max(1, (1 << 15) / max(1, sliceBytes))
        let outer = outer
        return Prepared(
            algorithm.lowercased(), tiles: (outer + run - 1) / run, operations: Double(outer * count * inner),
            slowness: 30,
            inPlace: [Prepared.InPlace(output: 0, input: input)]
        ) { [self] bindings, tiles in
            for tile in tiles { body(self, bindings, tile * run * sliceBytes, min(run, outer - tile * run)) }
            return .done
        }
    }
}
