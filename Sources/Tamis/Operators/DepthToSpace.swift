/// In which order the channels of a pixel hold a square of pixels.
public enum ChannelOrder: String, Sendable, CaseIterable {
    /// Row of the square × column × channel.
    case depthLast = "DCR"
    /// Channel × row of the square × column.
    case depthFirst = "CRD"

    /// Channels between neighbouring rows, columns and channels of a square.
    fileprivate func strides(block: Int, channels: Int) -> (row: Int, column: Int, channel: Int) {
        switch self {
        case .depthLast: (block * channels, channels, 1)
        case .depthFirst: (block, 1, block * block)
        }
    }
}

/// Each pixel spread over a square of pixels, each with its part of the channels. ONNX's DepthToSpace on channel-last images.
///
/// x: N × H × W × C; y: N × (H · block) × (W · block) × (C / block²).
public struct DepthToSpace: DifferentiableOperator, Hashable {
    /// The side of the square.
    public let block: Int
    /// The order of the channels of x.
    public let order: ChannelOrder

    public init(block: Int, order: ChannelOrder = .depthLast) {
        self.block = block
        self.order = order
    }

    public var kind: String { "DepthToSpace" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 4...4)
        let square = try inputs.square(of: block)
        guard let x = dimensions else { return [.tensor(elementType, Array(repeating: .unknown, count: 4))] }
        guard x[3].value.map({ $0 % square == 0 }) ?? true else {
            throw .mismatch(rule: "DepthToSpace's channels must be a multiple of \(square)", received: "\(x[3])")
        }
        let channels = x[3].value.map { Dimension.fixed($0 / square) } ?? .unknown
        return [.tensor(elementType, [x[0], try x[1].times(block), try x[2].times(block), channels])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        let channels = x[3] / (block * block)
        let strides = order.strides(block: block, channels: channels)
        return .strided(
            [x[0], x[1], block, x[2], block, channels],
            strides: [x.strides[0], x.strides[1], strides.row, x.strides[2], strides.column, strides.channel],
            elementBytes: size)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try graph.call(SpaceToDepth(block: block, order: order), dy, name: "\(node.name)/gradient")]
    }
}

/// The pixels of each square gathered in the channels of one. ONNX's SpaceToDepth on channel-last images.
///
/// x: N × (H · block) × (W · block) × C; y: N × H × W × (C · block²).
public struct SpaceToDepth: DifferentiableOperator, Hashable {
    /// The side of the square.
    public let block: Int
    /// The order of the channels of y.
    public let order: ChannelOrder

    public init(block: Int, order: ChannelOrder = .depthLast) {
        self.block = block
        self.order = order
    }

    public var kind: String { "SpaceToDepth" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x", rank: 4...4)
        let square = try inputs.square(of: block)
        guard let x = dimensions else { return [.tensor(elementType, Array(repeating: .unknown, count: 4))] }
        let extents = try x[1...2].map { (extent) throws(ShapeError) -> Dimension in
            guard let value = extent.value else { return block == 1 ? extent : .unknown }
            guard value % block == 0 else {
                throw .mismatch(rule: "SpaceToDepth's extents must be multiples of \(block)", received: "\(value)")
            }
            return .fixed(value / block)
        }
        return [.tensor(elementType, [x[0], extents[0], extents[1], try x[3].times(square)])]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        // Row, column and channel of a square, in the order that y has them.
        let axes = [(block, x.strides[1]), (block, x.strides[2]), (x[3], 1)]
        let square = order == .depthLast ? axes : [axes[2], axes[0], axes[1]]
        return .strided(
            [x[0], x[1] / block, x[2] / block] + square.map(\.0),
            strides: [x.strides[0], x.strides[1] * block, x.strides[2] * block] + square.map(\.1), elementBytes: size)
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0] else { return [nil] }
        return [try graph.call(DepthToSpace(block: block, order: order), dy, name: "\(node.name)/gradient")]
    }
}

extension Operands {
    /// The pixels of a square of this side.
    fileprivate func square(of block: Int) throws(ShapeError) -> Int {
        guard (1...(1 << 16)).contains(block) else {
            throw .mismatch(rule: "\(operatorName)'s block must be 1 to 65536", received: "\(block)")
        }
        return block * block
    }
}
