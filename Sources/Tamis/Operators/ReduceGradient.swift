import TamisKernels

/// The gradient of Reduce with respect to its x, from x, the result y and its gradient dy; the axes where they are an input.
///
/// Equal largest (smallest) elements: the first in row-major order takes the gradient, as in MaxPool.
public struct ReduceGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let reduction: Reduce

    public init(_ reduction: Reduce) { self.reduction = reduction }

    public var kind: String { "\(reduction.kind)Gradient" }
    public var valueOperands: [Int] { [3] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 3...4)
        let x = try inputs.tensor(0, "x")
        let axes = inputs.count > 3 ? [inputs.all[3]] : []
        let y = try reduction.outputTypes(for: Operands([inputs.all[0]] + axes, operatorName: kind))[0]
        try inputs.expect(y, of: 1, "y")
        try inputs.expect(y, of: 2, "dy")
        return [.tensor(x.elementType, x.dimensions)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let reduced: ReducedAxes
        do throws(ShapeError) {
            reduced = try reduction.reducedAxes(rank: x.shape.rank, context.constant(3))
        } catch {
            throw .shape(error)
        }
        switch reduction.function {
        case .sum, .mean:
            var prepared = spread(x.shape, reduced, kernels)
            prepared.unreadInputs = [0, 1, 3]
            return prepared
        default:
            let places = ReducedPlaces(x.shape, axes: reduced.axes)
            let loops = ReduceGradientLoops(function: reduction.function, places: places)
            guard let run = x.elementType.visit(loops) else {
                throw .unsupported(operator: kind, rule: "it computes with floats", received: x.elementType.rawValue)
            }
            var prepared = Prepared(
                "element by element", stages: [places.stage(bytesPerElement: 2 * kernels.type.byteCount, body: run)])
            prepared.unreadInputs = [3]
            return prepared
        }
    }

    /// Every element of a sum has the sum's gradient, of a mean a share of it.
    private func spread(_ shape: Shape, _ reduced: ReducedAxes, _ kernels: KernelTable) -> Prepared {
        let size = kernels.type.byteCount
        let places = ReducedPlaces(shape, axes: reduced.axes)
        let kept = shape.dimensions.enumerated().map { reduced.axes.contains($0.offset) ? 1 : $0.element }
        var strides = [Int](repeating: 0, count: kept.count)
        var step = 1
        for axis in kept.indices.reversed() where !reduced.axes.contains(axis) {
            strides[axis] = step
            step *= max(1, kept[axis])
        }
        let isMean = reduction.function == .mean
        let (count, outputs) = (Double(places.count), places.outputCount)
        let extents = shape.dimensions
        var stages: [Prepared.Stage] = []
        if isMean {
            stages.append(
                Prepared.Stage(bytes: 2 * outputs * size) { bindings, _ in
                    kernels.type.forEachIndex(outputs) {
                        $0.write($0.read(bindings.input(2)) / count, bindings.workspace)
                    }
                    return .done
                })
        }
        stages.append(
            Prepared.Stage(bytes: shape.elementCount * size) { [strides] bindings, _ in
                stridedCopy(
                    extents, strides: strides, size,
                    from: isMean ? UnsafeRawPointer(bindings.workspace) : bindings.input(2), to: bindings.output(0))
                return .done
            })
        return Prepared("spread", stages: stages, workspaceBytes: isMean ? outputs * size : 0)
    }
}

/// The loops of the gradients of a reduction.
private struct ReduceGradientLoops: NumericVisitor {
    let function: Reduce.Function
    let places: ReducedPlaces

    func visit<Scalar: NumericScalar>(
        _ type: Scalar.Type
    ) -> @Sendable (borrowing Bindings, Range<Int>) -> KernelStatus {
        let (function, places) = (function, places)
        return { bindings, results in
            let x = bindings.input(0).assumingMemoryBound(to: Scalar.self)
            let y = bindings.input(1).assumingMemoryBound(to: Scalar.self)
            let dy = bindings.input(2).assumingMemoryBound(to: Scalar.self)
            let dx = bindings.output(0).assumingMemoryBound(to: Scalar.self)
            for index in results {
                let (y, dy) = (y[index].double, dy[index].double)
                func each(_ slope: (Double) -> Double) {
                    places.forEach(of: index) { dx[$0] = Scalar(nearest: dy * slope(x[$0].double)) }
                }
                switch function {
                case .sum, .mean: each { _ in 1 }
                case .largest, .smallest:
                    var isTaken = false
                    each { x in
                        let takes = !isTaken && (x == y || (x.isNaN && y.isNaN))
                        if takes { isTaken = true }
                        return takes ? 1 : 0
                    }
                case .product:
                    // The product of the others; where one is 0, only that one moves the product.
                    var (zeros, others) = (0, 1.0)
                    places.forEach(of: index) { place in
                        if x[place].double == 0 { zeros += 1 } else { others *= x[place].double }
                    }
                    each { x in zeros > 1 || (zeros == 1 && x != 0) ? 0 : x == 0 ? others : others / x }
                case .l1: each { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
                case .l2: each { y == 0 ? 0 : $0 / y }
                case .sumOfSquares: each { 2 * $0 }
                case .logSum: each { _ in Double.exp(-y) }
                case .logSumExponentials: each { Double.exp($0 - y) }
                }
            }
            return .done
        }
    }
}
