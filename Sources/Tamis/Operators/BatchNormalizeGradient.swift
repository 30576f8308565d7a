import CTamisKernels
import TamisKernels

/// The gradients of batch normalisation with respect to x, scale and bias.
///
/// x, dy: … × C; scale, mean, variance: C; dx as x, dscale and dbias: C. With r = 1 / √(variance + epsilon):
/// dbias = Σ dy, dscale = r Σ dy (x − mean), and dx = scale r dy for given statistics; where they are the batch's own, each
/// of M rows moves them too: dx = scale r (dy − dbias / M − (x − mean) r dscale / M).
public struct BatchNormalizeGradient: Operator {
    /// Added to the variance.
    public let epsilon: Double
    /// Whether mean and variance are those of x itself.
    public let hasBatchStatistics: Bool

    public init(epsilon: Double, hasBatchStatistics: Bool) {
        self.epsilon = epsilon
        self.hasBatchStatistics = hasBatchStatistics
    }

    public var kind: String { "BatchNormalizeGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 5...5)
        let (elementType, x) = try inputs.floats(0, "x", rank: 2...64)
        let channels: ValueType = .tensor(elementType, [x[x.count - 1]])
        for (index, role) in [(1, "scale"), (2, "mean"), (3, "variance")] {
            try inputs.expect(channels, of: index, role)
        }
        try inputs.expect(.tensor(elementType, x), of: 4, "dy")
        return [.tensor(elementType, x), channels, channels]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let columns = x.shape[x.shape.rank - 1]
        let reduction = RowReduction(rows: x.shape.elementCount / max(1, columns), columns: columns)
        let (rows, size) = (reduction.rows, kernels.type.byteCount)
        let bytes = rows * columns * size
        let (epsilon, hasBatchStatistics) = (epsilon, hasBatchStatistics)
        let vector = columns * size
        // Workspace: the chunks' sums of dy, those of dy (x − mean), then the three coefficients of dx.
        let products = reduction.partialScalars * size
        let coefficients = 2 * products
        let sums = Prepared.Stage(tiles: reduction.chunks, bytes: 3 * bytes) { bindings, tiles in
            for chunk in tiles {
                let (first, count) = reduction.rows(of: chunk)
                let offset = first * vector
                kernels.sum_rows(
                    count, columns, bindings.input(4) + offset, columns, bindings.workspace + chunk * vector)
                kernels.sum_products(
                    count, columns, bindings.input(4) + offset, bindings.input(0) + offset, columns, bindings.input(2),
                    bindings.workspace + products + chunk * vector)
            }
            return .done
        }
        let finish = Prepared.Stage { bindings, _ in
            let (dscale, dbias) = (bindings.output(1), bindings.output(2))
            kernels.sum_rows(reduction.chunks, columns, bindings.workspace, columns, dbias)
            kernels.sum_rows(reduction.chunks, columns, bindings.workspace + products, columns, dscale)
            let m = Double(max(1, rows))
            kernels.type.forEachIndex(columns) { c in
                let r = 1 / (c.read(bindings.input(3)) + epsilon).squareRoot()
                let a = c.read(bindings.input(1)) * r
                let scaleGradient = c.read(dscale) * r
                c.write(scaleGradient, dscale)
                let base = bindings.workspace + coefficients
                c.write(a, base)
                c.write(hasBatchStatistics ? -a * r * scaleGradient / m : 0, base + vector)
                c.write(hasBatchStatistics ? -a * c.read(dbias) / m : 0, base + 2 * vector)
            }
            return .done
        }
        let rowsPerTile = max(1, (1 << 14) / max(1, columns))
        let propagate = Prepared.Stage(tiles: (rows + rowsPerTile - 1) / rowsPerTile, bytes: 3 * bytes) {
            bindings, tiles in
            let first = tiles.lowerBound * rowsPerTile
            let count = min(rows, tiles.upperBound * rowsPerTile) - first
            let base = bindings.workspace + coefficients
            kernels.normalization_gradient(
                count, columns, bindings.input(4) + first * vector, bindings.input(0) + first * vector,
                bindings.input(2),
                base, base + vector, base + 2 * vector, bindings.output(0) + first * vector)
            return .done
        }
        return Prepared(
            "sums, then element-wise", stages: [sums, finish, propagate],
            workspaceBytes: coefficients + max(1, 3 * vector), inPlace: [Prepared.InPlace(output: 0, input: 4)])
    }
}
