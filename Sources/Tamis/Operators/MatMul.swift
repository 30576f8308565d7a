import CTamisKernels
import TamisKernels

/// The matrix product as numpy has it: the last two axes multiply, the axes before them broadcast. ONNX's MatMul.
///
/// a: … × M × K, b: … × K × N, bias (optional): N, residual (optional): as y; y: … × M × N = activation(a · b + bias +
/// residual). An operand of one axis gets a second of extent 1, which y then lacks; with a bias b has two or more.
public struct MatMul: DifferentiableOperator, Hashable {
    /// Applied to each output.
    public let activation: Activation

    public init(activation: Activation = .linear) { self.activation = activation }

    public var kind: String { "MatMul" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...4)
        let (open, other) = (try inputs.tensor(0, "a"), try inputs.tensor(1, "b"))
        if open.dimensions == nil || other.dimensions == nil { return [.tensor(open.elementType, nil)] }
        let (elementType, a) = try inputs.numbers(0, "a", rank: 1...64)
        try inputs.expect(elementType, of: 1, "b")
        let b = try inputs.numbers(1, "b", rank: 1...64).dimensions
        _ = try inputs.common(a[a.count - 1], b[max(0, b.count - 2)], "K, the last axis of a and the last but one of b")
        var output = try Broadcast.dimensions(Array(a.dropLast(2)), Array(b.dropLast(2)), of: kind)
        if a.count > 1 { output.append(a[a.count - 2]) }
        if b.count > 1 { output.append(b[b.count - 1]) }
        if inputs.optional(2) != nil {
            try inputs.expect(elementType, of: 2, "bias")
            let bias = try inputs.numbers(2, "bias", rank: 1...1).dimensions
            guard b.count > 1 else {
                throw .mismatch(rule: "MatMul with a bias needs a b of two axes or more", received: "\(b)")
            }
            output[output.count - 1] = try inputs.common(b[b.count - 1], bias[0], "N, the last axis of b")
        }
        let y = ValueType.tensor(elementType, output)
        if inputs.optional(3) != nil { try inputs.expect(y, of: 3, "residual") }
        return [y]
    }

    public func keepsApart(_ images: [Bool], of inputs: Operands) -> Bool {
        let (a, b) = (inputs.optional(0)?.type.dimensions, inputs.optional(1)?.type.dimensions)
        return a?.count ?? 0 >= 2 && b?.count ?? .max <= 2 && inputs.hold(images, exactlyAt: [0, 3])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (a, b) = (try context.input(0), try context.input(1))
        let k = a.shape[a.shape.rank - 1]
        let n = b.shape.rank > 1 ? b.shape[b.shape.rank - 1] : 1
        // One b for all: the axes before K are rows of one product.
        let hasOneMatrix = b.shape.rank <= 2
        let m =
            hasOneMatrix ? a.shape.dimensions.dropLast().reduce(1, *) : a.shape.rank > 1 ? a.shape[a.shape.rank - 2] : 1
        let broadcast: Broadcast
        do throws(ShapeError) {
            broadcast = try Broadcast(
                Shape(hasOneMatrix ? [] : Array(a.shape.dimensions.dropLast(2))),
                Shape(Array(b.shape.dimensions.dropLast(2))))
        } catch {
            throw .shape(error)
        }
        guard a.elementType.isFloat else {
            return try IntegerProduct(m: m, n: n, k: k, batch: broadcast, activation: activation, kind: kind)
                .prepared(a.elementType)
        }
        let kernels = try context.kernels(for: a.elementType)
        if hasOneMatrix {
            return try .product(
                context, kernels: kernels, transposeX: false, transposeW: false, m: m, n: n, k: k,
                activation: activation)
        }
        try context.checkProduct(m, n, k)
        let matrices = broadcast.extents.reduce(1, *)
        let size = kernels.type.byteCount
        let activation = activation.kernel
        return Prepared(
            "OpenBLAS, matrix by matrix", tiles: matrices, operations: 2 * Double(matrices * m) * Double(n) * Double(k)
        ) { bindings, tiles in
            for tile in tiles {
                let matrix = broadcast.offsets(of: tile)
                let y = bindings.output(0) + tile * m * n * size
                BLAS.multiply(
                    kernels.type, m: m, n: n, k: k, x: bindings.input(0) + matrix.a * m * k * size, ldx: max(1, k),
                    w: bindings.input(1) + matrix.b * k * n * size, ldw: max(1, n), y: y, ldy: max(1, n))
                let residual = bindings.optionalInput(3).map { $0 + tile * m * n * size }
                if bindings.optionalInput(2) != nil || residual != nil || activation.curve != TAMIS_IDENTITY {
                    kernels.epilogue(m, n, bindings.optionalInput(2), residual, n, activation, y, n)
                }
            }
            return .done
        }
    }

    public func fused(with activation: Activation) -> (any Operator)? {
        self.activation == .linear ? MatMul(activation: activation) : nil
    }

    public var residualOperand: Int? { activation == .linear ? 3 : nil }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard
            let dy = try activation.gradient(
                of: outputs[0], through: node, unfused: MatMul(), in: graph),
            let a = node.inputs[0], let b = node.inputs[1], let rankA = a.dimensions?.count,
            let rankB = b.dimensions?.count
        else { return node.inputs.map { _ in nil } }
        guard rankA > 1, rankB > 1 else {
            return try gradientsOfVectors(node, a, b, dy, wanted: wanted, in: graph)
        }
        func swapped(_ symbol: Symbol, rank: Int) throws(ShapeError) -> Symbol {
            var order = Array(0..<rank)
            order.swapAt(rank - 2, rank - 1)
            return try graph.call(Transpose(Permutation(order)), symbol)
        }
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        if wanted[0] {
            let full = try graph.call(MatMul(), dy, swapped(b, rank: rankB), name: "\(node.name)/a_gradient")
            gradients[0] = try Unbroadcast.append(full, like: a, in: graph)
        }
        if wanted[1] {
            // One b for all: the rows of all matrices of a meet the rows of all matrices of dy.
            if rankB == 2, rankA > 2 {
                let rows = try graph.call(Flatten(axis: rankA - 1), a)
                let rowGradients = try graph.call(Flatten(axis: rankA - 1), dy)
                gradients[1] = try graph.call(
                    Gemm(transposeX: true), rows, rowGradients, name: "\(node.name)/b_gradient")
            } else {
                let full = try graph.call(MatMul(), swapped(a, rank: rankA), dy, name: "\(node.name)/b_gradient")
                gradients[1] = try Unbroadcast.append(full, like: b, in: graph)
            }
        }
        if wanted.count > 2, wanted[2], let bias = node.inputs[2] {
            gradients[2] = try graph.call(Unbroadcast(), dy, bias, name: "\(node.name)/bias_gradient")
        }
        if wanted.count > 3, wanted[3] { gradients[3] = dy }
        return gradients
    }

    /// The gradients where an operand has one axis: those of the product with its second one.
    private func gradientsOfVectors(
        _ node: NodeSymbols, _ a: Symbol, _ b: Symbol, _ dy: Symbol, wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        let (isRow, isColumn) = (a.dimensions?.count == 1, b.dimensions?.count == 1)
        let wideA = isRow ? try graph.call(Reshape(to: [1, -1]), a) : a
        let wideB = isColumn ? try graph.call(Reshape(to: [-1, 1]), b) : b
        // The axes of the batch keep their extents: 0.
        let batch = [Int](repeating: 0, count: max(0, (dy.dimensions?.count ?? 0) - 1))
        let wideY = try graph.call(Reshape(to: batch + [isRow ? 1 : -1, isColumn ? 1 : -1]), dy)
        let wide = NodeSymbols(name: node.name, inputs: [wideA, wideB], outputs: node.outputs)
        let found = try MatMul().gradients(at: wide, of: [wideY], wanted: Array(wanted[..<2]), in: graph)
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        for (index, operand) in [a, b].enumerated() where wanted[index] {
            gradients[index] = try found[index].map { (gradient) throws(ShapeError) in
                try graph.call(ReshapeLike(), gradient, operand)
            }
        }
        return gradients
    }
}
