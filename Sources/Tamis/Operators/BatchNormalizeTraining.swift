import CTamisKernels
import TamisKernels

/// Batch normalisation with the statistics of the batch, which move the running ones. ONNX's BatchNormalization with
/// training_mode = 1; as there, the variance is the population's.
///
/// x: … × C; scale, bias, running mean, running variance: C; outputs y, the next running mean and variance
/// (running · momentum + batch · (1 − momentum)), and the batch's mean and variance. Ioffe and Szegedy, 2015.
public struct BatchNormalizeTraining: DifferentiableOperator {
    /// Added to the variance.
    public let epsilon: Double
    /// How much of a running statistic stays at each step of training.
    public let momentum: Double

    public init(epsilon: Double, momentum: Double) {
        self.epsilon = epsilon
        self.momentum = momentum
    }

    public var kind: String { "BatchNormalizeTraining" }
    public var widensHalves: Bool { true }

    /// In a file exported for training nobody reads the next statistics; a step makes them the running ones.
    public var training: TrainingForm? { TrainingForm(operation: self, updates: [(1, 3), (2, 4)]) }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let x = try BatchNormalize.checkedInput(inputs)
        let channels: ValueType = .tensor(x.elementType ?? .float32, [x.dimensions?.last ?? .unknown])
        return [x, channels, channels, channels, channels]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let columns = x.shape[x.shape.rank - 1]
        let reduction = RowReduction(rows: x.shape.elementCount / max(1, columns), columns: columns)
        let (rows, size) = (reduction.rows, kernels.type.byteCount)
        let bytes = rows * columns * size
        let (epsilon, momentum) = (epsilon, momentum)
        let wanted = context.isOutputWanted
        // Workspace: the chunks' sums, then factor and shift.
        let coefficients = reduction.partialScalars * size

        /// Turns the chunks' sums into the mean of the columns at `target`.
        @Sendable func finishMean(_ bindings: borrowing Bindings, _ target: UnsafeMutableRawPointer) {
            kernels.sum_rows(reduction.chunks, columns, bindings.workspace, columns, target)
            kernels.type.forEachIndex(columns) { $0.write($0.read(target) / Double(max(1, rows)), target) }
        }
        let sum = Prepared.Stage(tiles: reduction.chunks, bytes: bytes) { bindings, tiles in
            for chunk in tiles {
                let (first, count) = reduction.rows(of: chunk)
                kernels.sum_rows(
                    count, columns, bindings.input(0) + first * columns * size, columns,
                    bindings.workspace + chunk * columns * size)
            }
            return .done
        }
        let mean = Prepared.Stage { bindings, _ in
            finishMean(bindings, bindings.output(3))
            return .done
        }
        let deviations = Prepared.Stage(tiles: reduction.chunks, bytes: bytes) { bindings, tiles in
            for chunk in tiles {
                let (first, count) = reduction.rows(of: chunk)
                kernels.sum_squared_deviations(
                    count, columns, bindings.input(0) + first * columns * size, columns, bindings.output(3),
                    bindings.workspace + chunk * columns * size)
            }
            return .done
        }
        let finish = Prepared.Stage { bindings, _ in
            finishMean(bindings, bindings.output(4))
            kernels.type.forEachIndex(columns) { c in
                let (mean, variance) = (c.read(bindings.output(3)), c.read(bindings.output(4)))
                let factor = c.read(bindings.input(1)) / (variance + epsilon).squareRoot()
                c.write(factor, bindings.workspace + coefficients)
                c.write(c.read(bindings.input(2)) - mean * factor, bindings.workspace + coefficients + columns * size)
                if wanted[1] {
                    c.write(c.read(bindings.input(3)) * momentum + mean * (1 - momentum), bindings.output(1))
                }
                if wanted[2] {
                    c.write(c.read(bindings.input(4)) * momentum + variance * (1 - momentum), bindings.output(2))
                }
            }
            return .done
        }
        let rowsPerTile = max(1, (1 << 14) / max(1, columns))
        let apply = Prepared.Stage(tiles: (rows + rowsPerTile - 1) / rowsPerTile, bytes: 2 * bytes) { bindings, tiles in
            let first = tiles.lowerBound * rowsPerTile
            let count = min(rows, tiles.upperBound * rowsPerTile) - first
            let factors = bindings.workspace + coefficients
            kernels.scale_shift(
                count, columns, bindings.input(0) + first * columns * size, columns, factors, factors + columns * size,
                .identity, bindings.output(0) + first * columns * size, columns)
            return .done
        }
        return Prepared(
            "batch statistics, scale and shift", stages: [sum, mean, deviations, finish, apply],
            workspaceBytes: coefficients + max(1, 2 * columns * size))
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard outputs.dropFirst().allSatisfy({ $0 == nil }) else {
            throw .mismatch(
                rule: "the statistics of BatchNormalizeTraining have no gradient", received: "a loss of them")
        }
        guard let dy = outputs[0] else { return node.inputs.map { _ in nil } }
        guard !wanted[3], !wanted[4] else {
            throw .mismatch(
                rule: "BatchNormalizeTraining's running statistics have no gradient; they must not be trainable",
                received: "trainable")
        }
        let gradients = try graph.append(
            BatchNormalizeGradient(epsilon: epsilon, hasBatchStatistics: true),
            [node.inputs[0], node.inputs[1], node.outputs[3], node.outputs[4], dy], name: "\(node.name)/gradient")
        return [gradients[0], gradients[1], gradients[2], nil, nil]
    }
}
