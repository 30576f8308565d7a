import CTamisKernels

/// The tensor several times along each axis. ONNX's Tile.
///
/// Inputs: x and, where `repeats` does not say, how often it stands along each axis.
public struct Tile: DifferentiableOperator, Hashable {
    /// How often the tensor stands along each axis; nil where input 1 says it.
    public let repeats: [Int]?

    public init(repeats: [Int]? = nil) { self.repeats = repeats }

    public var kind: String { "Tile" }
    public var valueOperands: [Int] { [1] }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: repeats == nil ? 2...2 : 1...2)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        let known = try inputs.integers(1, "repeats", unless: repeats)
        guard let dimensions else { return [.tensor(elementType, nil)] }
        guard let known else {
            return [.tensor(elementType, Array(repeating: .unknown, count: dimensions.count))]
        }
        guard known.count == dimensions.count, known.allSatisfy({ $0 >= 0 }) else {
            throw .mismatch(
                rule: "Tile's repeats must be \(dimensions.count) numbers of 0 or more", received: "\(known)")
        }
        var tiled: [Dimension] = []
        for (dimension, count) in zip(dimensions, known) { tiled.append(try dimension.times(count)) }
        return [.tensor(elementType, tiled)]
    }

    public func absorbing(_ inputs: Operands) throws(ShapeError) -> (any Operator)? {
        guard repeats == nil, let known = try inputs.integers(1, "repeats") else { return nil }
        return Tile(repeats: known)
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (x, size) = (try context.input(0).shape, try context.elementBytes(0))
        let repeats = Tile.repeats(of: x, in: context.outputs[0].shape)
        if repeats.allSatisfy({ $0 == 1 }) { return .view }
        // Each axis is two: the repetitions, which go nowhere, and the positions.
        let extents = zip(repeats, x.dimensions).flatMap { [$0, $1] }
        var prepared = Prepared.strided(extents, strides: x.strides.flatMap { [0, $0] }, elementBytes: size)
        prepared.unreadInputs = [1]
        return prepared
    }

    /// How often x stands along each axis of y.
    static func repeats(of x: Shape, in y: Shape) -> [Int] {
        zip(x.dimensions, y.dimensions).map { $0 == 0 ? 1 : $1 / $0 }
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard inputs.count == 1, let repeats, repeats.count == order.rank else { return nil }
        return PermutedOperator(
            operation: Tile(repeats: order.inverse.apply(to: repeats)), inputs: [order], outputs: [order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard wanted[0], let dy = outputs[0], let x = node.inputs[0] else { return [nil] }
        return [try graph.call(TileGradient(), dy, x, name: "\(node.name)/gradient")]
    }
}

/// The sum of the tiles of the first input that have the shape of the second, which counts for its shape alone.
public struct TileGradient: Operator {
    public init() {}

    public var kind: String { "TileGradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, dy) = try inputs.tensor(0, "dy")
        let x = try inputs.tensor(1, "x").dimensions
        if let dy, let x {
            let fits =
                dy.count == x.count
                && zip(dy, x).allSatisfy { whole, part in
                    guard let whole = whole.value, let part = part.value else { return true }
                    return part == 0 ? whole == 0 : whole % part == 0
                }
            guard fits else {
                throw .mismatch(rule: "TileGradient's dy must be tiles of x's shape", received: "\(dy), \(x)")
            }
        }
        return [.tensor(elementType, x)]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let (dy, x) = (try context.input(0), try context.input(1).shape)
        let repeats = Tile.repeats(of: x, in: dy.shape)
        let kernels = try context.kernels(for: dy.elementType)
        let extents = zip(repeats, x.dimensions).flatMap { [$0, $1] }
        let sums = AxisReduction(extents, isReduced: extents.indices.map { $0 % 2 == 0 }, kernels)
        guard !sums.isTrivial else { return .view }
        let (stages, workspace) = sums.stages(
            TAMIS_SUM, TAMIS_SUM, source: { $0.input(0) }, target: { $0.output(0) })
        var prepared = Prepared("sum of tiles", stages: stages, workspaceBytes: workspace)
        prepared.unreadInputs = [1]
        return prepared
    }
}
