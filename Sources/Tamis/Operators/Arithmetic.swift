import CTamisKernels
import TamisKernels

/// y = a ∘ b element by element, with numpy's broadcasting. ONNX's Add, Sub, Mul and Div.
public struct Arithmetic: DifferentiableOperator, Hashable {
    /// The function of two operands: a row of one table.
    public enum Function: String, Sendable, CaseIterable {
        case add = "Add"
        case subtract = "Sub"
        case multiply = "Mul"
        case divide = "Div"

        var kernel: tamis_binary {
            switch self {
            case .add: TAMIS_ADD
            case .subtract: TAMIS_SUBTRACT
            case .multiply: TAMIS_MULTIPLY
            case .divide: TAMIS_DIVIDE
            }
        }
    }

    /// What is done to each pair.
    public let function: Function

    public init(_ function: Function) { self.function = function }

    public var kind: String { function.rawValue }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, a) = try inputs.tensor(0, "a")
        try inputs.expect(elementType, of: 1, "b")
        guard elementType.isComputable else {
            throw .elementType(rule: "\(kind)'s operands must be float32 or float64", received: elementType)
        }
        guard let a, let b = try inputs.tensor(1, "b").dimensions else { return [.tensor(elementType, nil)] }
        return [.tensor(elementType, try Broadcast.dimensions(a, b, of: kind))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(1))
        let kernels = try context.kernels(for: a.elementType)
        let size = kernels.type.byteCount
        let kernel = function.kernel
        let count = context.outputs[0].shape.elementCount
        let inPlace = [Prepared.InPlace(output: 0, input: 0), Prepared.InPlace(output: 0, input: 1)]
        let broadcast: Broadcast
        do throws(ShapeError) { broadcast = try Broadcast(a.shape, b.shape) } catch { throw .shape(error) }
        if broadcast.extents.count <= 1 {
            let (stepA, stepB) = (broadcast.stridesA.first ?? 0, broadcast.stridesB.first ?? 0)
            return .elementwise("element-wise", count: count, bytesPerElement: 3 * size, inPlace: inPlace) {
                bindings, first, count in
                kernels.binary(
                    count, kernel, bindings.input(0) + first * stepA * size, stepA,
                    bindings.input(1) + first * stepB * size,
                    stepB, bindings.output(0) + first * size)
            }
        }
        // Runs along the last axis; the axes before it are counted like an odometer.
        let run = broadcast.extents[broadcast.extents.count - 1]
        let outer = Array(broadcast.extents.dropLast())
        let runs = count / max(1, run)
        let runsPerTile = max(1, (1 << 14) / max(1, run))
        let (stepA, stepB) = (broadcast.stridesA[outer.count], broadcast.stridesB[outer.count])
        let (stridesA, stridesB) = (broadcast.stridesA, broadcast.stridesB)
        return Prepared(
            "element-wise, broadcast", tiles: (runs + runsPerTile - 1) / runsPerTile, bytes: 3 * count * size,
            inPlace: inPlace
        ) { bindings, tiles in
            for index in tiles.lowerBound * runsPerTile..<min(runs, tiles.upperBound * runsPerTile) {
                var (rest, offsetA, offsetB) = (index, 0, 0)
                for axis in outer.indices.reversed() {
                    let (quotient, position) = rest.quotientAndRemainder(dividingBy: outer[axis])
                    offsetA += position * stridesA[axis]
                    offsetB += position * stridesB[axis]
                    rest = quotient
                }
                kernels.binary(
                    run, kernel, bindings.input(0) + offsetA * size, stepA, bindings.input(1) + offsetB * size, stepB,
                    bindings.output(0) + index * run * size)
            }
            return .done
        }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        // Fewer axes stretch over the first ones, so they take part in the order; single values do not.
        var orders: [Permutation?] = []
        for index in 0..<2 {
            guard let rank = inputs.optional(index)?.type.dimensions?.count, rank <= order.rank else { return nil }
            orders.append(rank == 0 ? nil : order)
        }
        return PermutedOperator(operation: self, inputs: orders, outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard let dy = outputs[0], let a = node.inputs[0], let b = node.inputs[1] else { return [nil, nil] }
        var gradients: [Symbol?] = [nil, nil]
        if wanted[0] {
            let full: Symbol
            switch function {
            case .add, .subtract: full = dy
            case .multiply: full = try graph.call(Arithmetic(.multiply), dy, b)
            case .divide: full = try graph.call(Arithmetic(.divide), dy, b)
            }
            gradients[0] = try Unbroadcast.append(full, like: a, in: graph)
        }
        if wanted[1] {
            let full: Symbol
            switch function {
            case .add: full = dy
            case .subtract:
                full = try graph.call(Arithmetic(.multiply), dy, graph.scalar(-1, dy.type.elementType ?? .float32))
            case .multiply: full = try graph.call(Arithmetic(.multiply), dy, a)
            case .divide:
                // d(a / b) / db = −(a / b) / b
                let quotient = try graph.call(Arithmetic(.divide), node.outputs[0], b)
                let product = try graph.call(Arithmetic(.multiply), dy, quotient)
                full = try graph.call(Arithmetic(.multiply), product, graph.scalar(-1, dy.type.elementType ?? .float32))
            }
            gradients[1] = try Unbroadcast.append(full, like: b, in: graph)
        }
        return gradients
    }
}
