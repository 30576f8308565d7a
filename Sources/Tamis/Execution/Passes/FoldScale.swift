/// Folds factors and shifts by constants, one for each channel or one for all, into the weights and the bias of the
/// convolution, product or batch normalisation before them, and factors into the weights behind them:
///
///     (x ∗ w + b) · a + c  =  x ∗ (w · a) + (b · a + c)        (x · a) ∗ w  =  x ∗ (a · w)
///
/// Batch normalisation with constant statistics is such a factor and shift. The new weights are computed, in Double, when
/// they are first read.
public struct FoldScale: Pass {
    public init() {}

    public var name: String { "fold scales" }

    public func callAsFunction(_ model: Model) throws(PlanError) -> Model {
        // In a step of training the parameters move.
        guard model.graph.updates.isEmpty else { return model }
        var rewriter = Rewriter(model)
        var folded: Set<Graph.ValueID> = []
        let rewritten = try rewriter.rewrite { (rewriter, node) throws(ShapeError) in
            guard var product = try ScaledProduct(node, in: model) else { return false }
            while !folded.contains(product.x), rewriter.onlyConsumer(of: product.x) != nil,
                let before = rewriter.producer(of: product.x), try product.fold(before: before, in: model)
            {}
            var nodes = [node]
            while let y = nodes.last?.outputs[0], let next = rewriter.onlyConsumer(of: y),
                try product.fold(after: next, of: y, in: model)
            {
                nodes.append(next)
            }
            guard nodes.count > 1 || product.x != node.inputs[0] else { return false }
            var inputs = node.inputs.map { $0.map { rewriter.copy($0) } }
            try product.replaceOperands(of: &inputs, name: nodes[nodes.count - 1].name, in: &rewriter)
            let symbol = try rewriter.graph.append(node.operation, inputs, name: node.name)[0]
            for node in nodes {
                rewriter.replace(node.outputs[0], by: symbol)
                folded.insert(node.outputs[0])
            }
            return true
        }
        // What was folded into weights behind it had been copied already.
        return try DropUnread()(rewritten)
    }
}

/// x · factors + shifts, one of each for each channel, the last axis of x.
private struct ChannelScale {
    var factors: [Double]
    var shifts: [Double]

    /// Leaves `channels` channels as they are.
    init(channels: Int) {
        factors = Array(repeating: 1, count: channels)
        shifts = Array(repeating: 0, count: channels)
    }

    /// What a node does to one of its inputs, where it is that: by constants alone, without stretching it.
    init?(_ node: Graph.Node, of x: Graph.ValueID, channels: Int, in model: Model) throws(ShapeError) {
        self.init(channels: channels)
        switch node.operation {
        case let normalization as BatchNormalize where normalization.activation == .linear && node.inputs[0] == x:
            let constants = node.inputs.dropFirst().compactMap { $0.flatMap(model.constant) }
            guard constants.count == 4, !node.inputs.dropFirst().contains(x) else { return nil }
            let (scale, bias) = (try constants[0].doubles(), try constants[1].doubles())
            let (mean, variance) = (try constants[2].doubles(), try constants[3].doubles())
            guard scale.count == channels else { return nil }
            for c in 0..<channels {
                factors[c] = scale[c] / (variance[c] + normalization.epsilon).squareRoot()
                shifts[c] = bias[c] - mean[c] * factors[c]
            }
        case let arithmetic as Arithmetic:
            guard let first = node.inputs[0], let second = node.inputs[1], (first == x) != (second == x),
                let constant = model.constant(first == x ? second : first),
                let dimensions = model.graph.values[x].type.dimensions, constant.shape.rank <= dimensions.count,
                constant.shape.dimensions.dropLast().allSatisfy({ $0 == 1 })
            else { return nil }
            let values = try constant.doubles()
            guard values.count == 1 || (values.count == channels && dimensions.last == .fixed(channels)) else {
                return nil
            }
            for c in 0..<channels {
                let value = values[values.count == 1 ? 0 : c]
                switch arithmetic.function {
                case .add: shifts[c] = value
                case .subtract where first == x: shifts[c] = -value
                case .subtract: (factors[c], shifts[c]) = (-1, value)
                case .multiply: factors[c] = value
                case .divide where first == x: factors[c] = 1 / value
                default: return nil
                }
            }
        default: return nil
        }
        // Infinite weights would make NaN of zeros.
        guard (factors + shifts).allSatisfy(\.isFinite) else { return nil }
    }

    var scales: Bool { factors.contains { $0 != 1 } }
    var isShifting: Bool { shifts.contains { $0 != 0 } }

    /// This one, then another.
    func then(_ next: ChannelScale) -> ChannelScale {
        var both = self
        for c in factors.indices {
            both.factors[c] *= next.factors[c]
            both.shifts[c] = shifts[c] * next.factors[c] + next.shifts[c]
        }
        return both
    }
}

/// A node whose weights and bias can take factors and shifts of its output's channels, and those of its input's.
private struct ScaledProduct {
    /// The input.
    var x: Graph.ValueID
    private let weights: (id: Graph.ValueID, value: Tensor)
    private let bias: Tensor?
    /// As many elements of the weights in a row belong to one filter, and to one channel of the input; then come those of
    /// the next. Nil where the input's channels do not lie like that.
    private let filterRun: Int
    private let channelRun: Int?
    /// Whether the image is padded with zeros, which a shift before it would not reach.
    private let isPadded: Bool
    /// For the filters, and for the channels of the input.
    private var after: ChannelScale
    private var before: ChannelScale

    init?(_ node: Graph.Node, in model: Model) throws(ShapeError) {
        guard node.inputs.count >= 2, let x = node.inputs[0], model.graph.values[x].type.dimensions?.count ?? 0 >= 2,
            let id = node.inputs[1], let value = model.constant(id), value.elementType.isComputable,
            value.shape.elementCount > 0
        else { return nil }
        let shape = value.shape
        var (filters, channels) = (shape.dimensions.last ?? 0, 0)
        switch node.operation {
        case let conv as Conv where conv.residualOperand.map({ $0 >= node.inputs.count }) ?? false:
            (filterRun, channels) = (1, shape[shape.rank - 2])
            if conv.groups > 1 { channels = channels == 1 ? conv.groups : 0 }
            channelRun = conv.groups == 1 ? filters : channels == conv.groups ? filters / conv.groups : nil
            isPadded = conv.window.isPadded
        case let gemm as Gemm where gemm.activation == .linear && node.inputs.count <= 3:
            (filters, channels) = gemm.transposeW ? (shape[0], shape[1]) : (shape[1], shape[0])
            filterRun = gemm.transposeW ? channels : 1
            channelRun = gemm.transposeX ? nil : gemm.transposeW ? 1 : filters
            isPadded = false
        case let product as MatMul where product.activation == .linear && node.inputs.count <= 3 && shape.rank == 2:
            (filterRun, channelRun, channels, isPadded) = (1, filters, shape[0], false)
        case let normalization as BatchNormalize where normalization.activation == .linear:
            (filterRun, channelRun, isPadded) = (1, nil, false)
        default: return nil
        }
        self.x = x
        weights = (id, value)
        let biasID = node.inputs.count > 2 ? node.inputs[2] : nil
        bias = biasID.flatMap(model.constant)
        guard biasID == nil || bias != nil else { return nil }
        after = ChannelScale(channels: filters)
        before = ChannelScale(channels: channels)
    }

    /// Takes over what a node does to the output, if it can.
    mutating func fold(after node: Graph.Node, of y: Graph.ValueID, in model: Model) throws(ShapeError) -> Bool {
        guard let scale = try ChannelScale(node, of: y, channels: after.factors.count, in: model) else { return false }
        after = after.then(scale)
        return true
    }

    /// Takes over what a node does to one of its inputs before it comes here, if it can; then that is the input.
    mutating func fold(before node: Graph.Node, in model: Model) throws(ShapeError) -> Bool {
        guard channelRun != nil else { return false }
        for case let input? in node.inputs where model.constant(input) == nil {
            guard let scale = try ChannelScale(node, of: input, channels: before.factors.count, in: model),
                !(isPadded && scale.isShifting)
            else { continue }
            before = scale.then(before)
            x = input
            return true
        }
        return false
    }

    /// Puts the input, the new weights and the new bias in the place of the old ones.
    func replaceOperands(
        of inputs: inout [Symbol?], name: String, in rewriter: inout Rewriter
    ) throws(ShapeError) {
        inputs[0] = rewriter.copy(x)
        let (old, before, after) = (weights.value, before, after)
        let (filterRun, channelRun) = (filterRun, channelRun ?? 1)
        if after.scales || before.scales {
            let new = try old.scaled(by: before.factors, inRunsOf: channelRun)
                .scaled(by: after.factors, inRunsOf: filterRun)
            inputs[1] = rewriter.graph.parameter("\(rewriter.source.graph.values[weights.id].name)/folded", new)
        }
        guard bias != nil || after.isShifting || before.isShifting else { return }
        let start = try bias?.doubles() ?? Array(repeating: 0, count: after.factors.count)
        // What the weights make of shifts before them they make of each pixel: one more shift a filter.
        let new = try Tensor(deferred: old.elementType, shape: Shape([start.count])) { (base) throws(ShapeError) in
            var bias = start
            if before.isShifting {
                try old.addProducts(with: before.shifts, inRunsOf: channelRun, to: &bias, inRunsOf: filterRun)
            }
            for filter in bias.indices { bias[filter] = bias[filter] * after.factors[filter] + after.shifts[filter] }
            try Tensor(bias).converted(to: old.elementType).withUnsafeBytes { bytes in
                if let source = bytes.baseAddress { base.copyMemory(from: source, byteCount: bytes.count) }
            }
        }
        inputs += Array(repeating: nil, count: max(0, 3 - inputs.count))
        inputs[2] = rewriter.graph.parameter("\(name)/folded", new)
    }
}

extension Tensor {
    /// The elements times the factors: a run of elements takes the first factor, the next run the next, and after the last
    /// the first again. Computed in Double when they are first read.
    fileprivate func scaled(by factors: [Double], inRunsOf run: Int) throws(ShapeError) -> Tensor {
        guard factors.contains(where: { $0 != 1 }) else { return self }
        let (source, count, elementType) = (storage, shape.elementCount, elementType)
        return try Tensor(deferred: elementType, shape: shape) { (base) throws(ShapeError) in
            try source.withTemporary {
                elementType == .float64
                    ? multiply(count, $0, by: factors, inRunsOf: run, into: base, as: Double.self)
                    : multiply(count, $0, by: factors, inRunsOf: run, into: base, as: Float.self)
            }
        }
    }

    /// Adds each element times its factor to its sum, of both as many in a row as a run has.
    fileprivate func addProducts(
        with factors: [Double], inRunsOf factorRun: Int, to sums: inout [Double], inRunsOf sumRun: Int
    ) throws(ShapeError) {
        let (count, elementType) = (shape.elementCount, elementType)
        var total = sums
        try storage.withTemporary { source in
            for index in 0..<count {
                let value =
                    elementType == .float64
                    ? source.load(fromByteOffset: index * 8, as: Double.self)
                    : Double(source.load(fromByteOffset: index * 4, as: Float.self))
                total[index / sumRun % total.count] += value * factors[index / factorRun % factors.count]
            }
        }
        sums = total
    }
}

private func multiply<Scalar: BinaryFloatingPoint>(
    _ count: Int, _ source: UnsafeRawPointer, by factors: [Double], inRunsOf run: Int,
    into target: UnsafeMutableRawPointer, as type: Scalar.Type
) {
    let source = source.assumingMemoryBound(to: Scalar.self)
    let target = target.bindMemory(to: Scalar.self, capacity: count)
    var index = 0
    while index < count {
        for factor in factors {
            let end = min(count, index + run)
            while index < end {
                target[index] = Scalar(Double(source[index]) * factor)
                index += 1
            }
        }
    }
}
