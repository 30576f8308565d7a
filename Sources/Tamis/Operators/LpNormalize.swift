import TamisKernels

/// x over its norm along an axis, 0 where the norm is. ONNX's LpNormalization.
public struct LpNormalize: DifferentiableOperator, Hashable {
    /// The norm: Σ |x|, or √Σ x².
    public enum Norm: Int, Sendable, CaseIterable {
        case l1 = 1
        case l2 = 2
    }

    /// The norm.
    public let norm: Norm
    /// The axis; negative counts from the end.
    public let axis: Int

    public init(_ norm: Norm = .l2, axis: Int = -1) {
        self.norm = norm
        self.axis = axis
    }

    public var kind: String { "LpNormalization" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        [try inputs.floats(along: axis)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = Slices(x.shape, axis: axis)
        guard let run = x.elementType.visit(LpNormalizeLoops(slices: slices, norm: norm)) else {
            throw .unsupported(operator: kind, rule: "it computes with floats", received: x.elementType.rawValue)
        }
        return Prepared(
            "slice by slice", stages: [slices.stage(body: run)], inPlace: [Prepared.InPlace(output: 0, input: 0)])
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = try? inputs.axis(axis, rank: order.rank) else { return nil }
        return PermutedOperator(
            operation: LpNormalize(norm, axis: order.order[axis]), inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        // With n the norm: dx = (dy − n'(x) · Σ dy · y) / n.
        let reduction = Reduce(norm == .l1 ? .l1 : .l2, axes: [axis])
        let length = try graph.call(reduction, x)
        let product = try graph.call(Arithmetic(.multiply), dy, node.outputs[0])
        let sum = try graph.call(Reduce(.sum, axes: [axis]), product)
        let along = try graph.call(ReduceGradient(reduction), x, length, sum)
        let across = try graph.call(Arithmetic(.subtract), dy, along)
        return [try graph.call(Arithmetic(.divide), across, length, name: "\(node.name)/gradient")]
    }
}

private struct LpNormalizeLoops: NumericVisitor {
    let slices: Slices
    let norm: LpNormalize.Norm

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        { [slices, norm] bindings, range in
            let (count, inner) = (slices.count, slices.inner)
            for slice in range {
                let start = slices.start(of: slice, count: count)
                let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + start
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + start
                var sum = 0.0
                for index in 0..<count {
                    let value = x[index * inner].double
                    sum += norm == .l1 ? abs(value) : value * value
                }
                let length = norm == .l1 ? sum : sum.squareRoot()
                for index in 0..<count {
                    y[index * inner] = Scalar(nearest: length == 0 ? 0 : x[index * inner].double / length)
                }
            }
        }
    }
}
