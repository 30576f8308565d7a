import TamisKernels

/// y = x · w of integers, which wrap, with the bias, residual and activation of Gemm and MatMul: plain loops.
struct IntegerProduct: NumericVisitor {
    let m: Int
    let n: Int
    let k: Int
    var transposeX = false
    var transposeW = false
    /// How the matrices of x and w meet, where there are many.
    var batch: Broadcast?
    let activation: Activation
    let kind: String

    /// The product for an element type.
    func prepared(_ elementType: ElementType) throws(PlanError) -> Prepared {
        guard activation == .linear || activation == .relu, elementType.isInteger,
            let prepared = elementType.visit(self)
        else {
            throw .unsupported(
                operator: kind, rule: "of integers it computes the product and Relu",
                received: "\(activation.name) of \(elementType)")
        }
        return prepared
    }

    func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
        let (m, n, k, transposeX, transposeW) = (m, n, k, transposeX, transposeW)
        let batch = batch
        let rows = (batch?.extents ?? []).reduce(m, *)
        let isRectified = activation == .relu
        let run = max(1, (1 << 14) / max(1, n * k))
        return Prepared(
            "integers", tiles: (rows + run - 1) / run, operations: 2 * Double(rows) * Double(n) * Double(k),
            slowness: 20
        ) { bindings, tiles in
            let zero = Scalar(wrapping: 0)
            for index in tiles.lowerBound * run..<min(tiles.upperBound * run, rows) {
                let (matrix, row) = index.quotientAndRemainder(dividingBy: m)
                let offsets = batch?.offsets(of: matrix) ?? (a: 0, b: 0)
                let x = bindings.input(0).assumingMemoryBound(to: Scalar.self) + offsets.a * m * k
                let w = bindings.input(1).assumingMemoryBound(to: Scalar.self) + offsets.b * k * n
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + index * n
                let bias = bindings.optionalInput(2)?.assumingMemoryBound(to: Scalar.self)
                for column in 0..<n { y[column] = bias?[column] ?? zero }
                for term in 0..<k {
                    let factor = x[transposeX ? term * m + row : row * k + term]
                    if transposeW {
                        for column in 0..<n {
                            y[column] = Scalar.sum(y[column], Scalar.product(factor, w[column * k + term]))
                        }
                    } else {
                        let line = w + term * n
                        for column in 0..<n { y[column] = Scalar.sum(y[column], Scalar.product(factor, line[column])) }
                    }
                }
                if let residual = bindings.optionalInput(3)?.assumingMemoryBound(to: Scalar.self) {
                    for column in 0..<n { y[column] = Scalar.sum(y[column], residual[index * n + column]) }
                }
                if isRectified { for column in 0..<n { y[column] = max(y[column], zero) } }
            }
            return .done
        }
    }
}

extension Operands {
    /// The element type and dimensions of a tensor of floats or integers, of known rank.
    func numbers(_ index: Int, _ role: String, rank: ClosedRange<Int>) throws(ShapeError) -> (
        elementType: ElementType, dimensions: [Dimension]
    ) {
        let (elementType, dimensions) = try tensor(index, role, rank: rank)
        guard elementType.isNumeric || elementType.isFloat else {
            throw .elementType(rule: "\(operatorName)'s \(role) must be numbers", received: elementType)
        }
        if let dimensions { return (elementType, dimensions) }
        guard rank.count == 1 else {
            throw .mismatch(rule: "\(operatorName)'s \(role) must have a known number of axes", received: "any number")
        }
        return (elementType, Array(repeating: .unknown, count: rank.lowerBound))
    }
}
