import CTamisKernels
import TamisKernels

/// A layer whose state goes from step to step of a sequence. ONNX's LSTM, GRU and RNN, Hochreiter and Schmidhuber, 1997;
/// Cho et al., 2014; Elman, 1990.
///
/// Inputs as ONNX has them: x, W: D × G·H × I, R: D × G·H × H, biases of W and R (optional): D × 2·G·H, lengths (int32,
/// optional): N, and the first states (optional): hidden, and for an LSTM cell and peepholes: D × 3·H. Outputs: all hidden
/// states, zero behind a sequence's end; the last hidden state; for an LSTM the last cell. With D directions, G gates, H
/// hidden numbers, T steps, x is T × N × I, y T × D × N × H and a state D × N × H; with the batch first N × T × I,
/// N × T × D × H and N × D × H. A sequence of no steps has no last state: it is 0.
public struct Recurrent: DifferentiableOperator, Hashable {
    /// What a step does with the gates a, the shares of x and of the last hidden state h.
    public enum Cell: Hashable, Sendable {
        /// Gates i, o, f, c: C = f(aᶠ) C + f(aⁱ) g(aᶜ), h = f(aᵒ) h(C); the forget gate may be 1 − f(aⁱ).
        case lstm(couplesGates: Bool = false)
        /// Gates z, r, h: h = (1 − f(aᶻ)) g(aʰ) + f(aᶻ) h; the reset gate f(aʳ) multiplies h before the product with Rʰ,
        /// or the product.
        case gru(resetsAfterProduct: Bool = false)
        /// One gate: h = f(a).
        case simple

        /// ONNX's name of the operator.
        var name: String {
            switch self {
            case .lstm: "LSTM"
            case .gru: "GRU"
            case .simple: "RNN"
            }
        }

        var gates: Int {
            switch self {
            case .lstm: 4
            case .gru: 3
            case .simple: 1
            }
        }

        /// The gates whose shares of h come of one product.
        var products: [Range<Int>] {
            switch self {
            case .lstm: [0..<4]
            case .gru: [0..<2, 2..<3]
            case .simple: [0..<1]
            }
        }

        /// The gates to which both biases are added at once.
        var joinedBiases: Int { self == .gru(resetsAfterProduct: true) ? 2 : gates }

        /// The functions where a file does not say: f, g, h.
        var functions: [GateFunction] {
            switch self {
            case .lstm: [GateFunction(.sigmoid), GateFunction(.tanh), GateFunction(.tanh)]
            case .gru: [GateFunction(.sigmoid), GateFunction(.tanh)]
            case .simple: [GateFunction(.tanh)]
            }
        }

        var isLSTM: Bool { self == .lstm() || self == .lstm(couplesGates: true) }
        /// The number of inputs.
        var inputs: Int { isLSTM ? 8 : 6 }
    }

    /// The way through a sequence.
    public enum Direction: String, Sendable, CaseIterable {
        case forward, reverse, bidirectional

        var count: Int { self == .bidirectional ? 2 : 1 }
        func isReverse(_ index: Int) -> Bool { self == .reverse || index == 1 }
    }

    /// What a step computes.
    public let cell: Cell
    /// The way through a sequence.
    public let direction: Direction
    /// The functions f, g and h of the first direction, then those of the second.
    public let functions: [GateFunction]
    /// Beyond what distance from 0 the functions' arguments are cut off; an LSTM's h is not.
    public let clip: Double?
    /// Whether the batch is the first axis, not the steps.
    public let isBatchFirst: Bool

    /// A layer; functions not given are those of the cell, sigmoid for gates and tanh elsewhere.
    public init(
        _ cell: Cell, direction: Direction = .forward, functions: [GateFunction]? = nil, clip: Double? = nil,
        isBatchFirst: Bool = false
    ) {
        self.cell = cell
        self.direction = direction
        self.functions = functions ?? (0..<direction.count).flatMap { _ in cell.functions }
        self.clip = clip
        self.isBatchFirst = isBatchFirst
    }

    public var kind: String { cell.name }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        let types = try types(for: inputs)
        return [types.y] + [ValueType](repeating: types.state, count: cell.isLSTM ? 2 : 1)
    }

    /// The types of what the layer computes, and of all its inputs, once they are found to fit.
    func types(for inputs: Operands) throws(ShapeError) -> (y: ValueType, state: ValueType, inputs: [ValueType]) {
        try inputs.expect(count: 3...cell.inputs)
        guard functions.count == direction.count * cell.functions.count else {
            throw .mismatch(
                rule: "\(kind) must have \(cell.functions.count) functions a direction", received: "\(functions.count)")
        }
        let (elementType, x) = try inputs.tensor(0, "x", rank: 3...3)
        guard elementType.isFloat else {
            throw .elementType(rule: "\(kind)'s x must be of floats", received: elementType)
        }
        var (steps, batch, width) = (Dimension.unknown, Dimension.unknown, Dimension.unknown)
        if let x { (steps, batch, width) = isBatchFirst ? (x[1], x[0], x[2]) : (x[0], x[1], x[2]) }
        let directions = Dimension.fixed(direction.count)
        // The extents of the gates must be G times the hidden extent, which any of the weights may give.
        var hidden = Dimension.unknown
        if let r = try inputs.tensor(2, "R", rank: 3...3).dimensions { hidden = r[2] }
        func gates(_ number: Int) throws(ShapeError) -> Dimension {
            guard let hidden = hidden.value else { return .unknown }
            return .fixed(try Shape([number, hidden]).elementCount)
        }
        let state = try ValueType.tensor(
            elementType, isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden])
        let wanted: [(role: String, type: ValueType)] = [
            ("x", .tensor(elementType, x)),
            ("W", .tensor(elementType, [directions, try gates(cell.gates), width])),
            ("R", .tensor(elementType, [directions, try gates(cell.gates), hidden])),
            ("B", .tensor(elementType, [directions, try gates(2 * cell.gates)])),
            ("sequence_lens", .tensor(.int32, [batch])),
            ("initial_h", state), ("initial_c", state),
            ("P", .tensor(elementType, [directions, try gates(3)])),
        ]
        for (index, (role, type)) in wanted.enumerated() where index < 3 || inputs.optional(index) != nil {
            try inputs.expect(type, of: index, role)
        }
        let y: [Dimension] = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
        return (.tensor(elementType, y), state, wanted.map(\.type))
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let layer = try RecurrentLayer(self, context)
        return layer.kernels.type == .float
            ? try prepare(context, layer, Float.self) : try prepare(context, layer, Double.self)
    }

    private func prepare<Scalar: RecurrentScalar>(
        _ context: Preparation, _ layer: RecurrentLayer, _ type: Scalar.Type
    ) throws(PlanError) -> Prepared {
        var workspace = Workspace()
        let (stages, memory) = try layer.inputStages(context, &workspace)
        let forward = RecurrentForward<Scalar>(layer: layer, memory: memory)
        let isLSTM = cell.isLSTM
        let steps = Prepared.Stage(
            tiles: layer.tiles, operations: layer.recurrentOperations, slowness: 2
        ) { bindings, tiles in
            let outputs = RecurrentForward<Scalar>.Outputs(
                y: bindings.output(0).assumingMemoryBound(to: Scalar.self),
                hidden: bindings.output(1).assumingMemoryBound(to: Scalar.self),
                cell: isLSTM ? bindings.output(2).assumingMemoryBound(to: Scalar.self) : nil)
            for tile in tiles {
                forward.run(layer.tile(tile), bindings, outputs: outputs, trace: nil)
            }
            return .done
        }
        var prepared = Prepared(
            "x for all steps at once, then step by step, packed panels", stages: stages + [steps],
            workspaceBytes: workspace.byteCount, scratchBytes: forward.scratchBytes)
        prepared.unreadInputs = memory.unreadInputs
        return prepared
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        let operation = RecurrentGradient(self)
        let given = node.inputs + [Symbol?](repeating: nil, count: 8 - node.inputs.count) + outputs
        let last = (given.lastIndex { $0 != nil } ?? 0) + 1
        let found = try graph.append(operation, Array(given[..<last]), name: "\(node.name)/gradient")
        // The outputs stand for the inputs in order, without the lengths.
        return node.inputs.indices.map { index in
            index == 4 || !wanted[index] ? nil : found[index < 4 ? index : index - 1]
        }
    }
}
