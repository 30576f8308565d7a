import TamisKernels

/// 1 at the first largest element along an axis, 0 at the others. ONNX's Hardmax (from opset 13).
public struct Hardmax: Operator, Hashable {
    /// The axis; negative counts from the end.
    public let axis: Int

    public init(axis: Int = -1) { self.axis = axis }

    public var kind: String { "Hardmax" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        [try inputs.floats(along: axis)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let slices = Slices(x.shape, axis: axis)
        let search = ExtremeSearch(slices: slices, isLargest: true, takesLast: false)
        guard let run = x.elementType.visit(HardmaxLoops(search: search)) else {
            throw .unsupported(operator: kind, rule: "it computes with floats", received: x.elementType.rawValue)
        }
        return Prepared("search", stages: [slices.stage(body: run)])
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis = try? inputs.axis(axis, rank: order.rank) else { return nil }
        return PermutedOperator(operation: Hardmax(axis: order.order[axis]), inputs: [order], outputs: [order])
    }
}

private struct HardmaxLoops: NumericVisitor {
    let search: ExtremeSearch

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> @Sendable (borrowing Bindings, Range<Int>) -> Void {
        { [search] bindings, slices in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            let (count, inner) = (search.slices.count, search.slices.inner)
            for slice in slices {
                let position = search.position(x, slice: slice)
                let start = y + search.slices.start(of: slice, count: count)
                for index in 0..<count { start[index * inner] = Scalar(wrapping: index == position ? 1 : 0) }
            }
        }
    }
}
