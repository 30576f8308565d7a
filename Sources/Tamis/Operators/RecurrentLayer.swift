import CTamisKernels
import TamisKernels

/// How the tensors of a recurrent layer lie in memory, and how its work is cut: what forward and backward share.
///
///     x          steps × batch × width            (batch × steps × width where batch comes first)
///     gates      direction × rows of x × gates · hidden
///     y          steps × directions × batch × hidden     (batch × steps × directions × hidden)
///     states     directions × batch × hidden             (batch × directions × hidden)
struct RecurrentLayer: Sendable {
    let kernels: KernelTable
    let level: KernelLevel
    let operation: Recurrent
    let (steps, batch, width, hidden): (Int, Int, Int, Int)

    init(_ operation: Recurrent, _ context: Preparation) throws(PlanError) {
        let x = try context.input(0)
        kernels = try context.kernels(for: x.elementType)
        level = context.level
        self.operation = operation
        steps = x.shape[operation.isBatchFirst ? 1 : 0]
        batch = x.shape[operation.isBatchFirst ? 0 : 1]
        width = x.shape[2]
        hidden = try context.input(2).shape[2]
    }

    var directions: Int { operation.direction.count }
    /// The rows of x as a matrix.
    var rows: Int { steps * batch }
    /// The columns of a direction's gates.
    var columns: Int { operation.cell.gates * hidden }
    /// The distance, in rows of x, of neighbours in the batch.
    var imageStride: Int { operation.isBatchFirst ? steps : 1 }

    /// The row of x for a step of one of the batch.
    func row(step: Int, image: Int) -> Int { operation.isBatchFirst ? image * steps + step : step * batch + image }
    /// The row of y for a step of one of the batch.
    func outputRow(direction: Int, step: Int, image: Int) -> Int {
        operation.isBatchFirst
            ? (image * steps + step) * directions + direction : (step * directions + direction) * batch + image
    }
    /// The row of the states for one of the batch.
    func stateRow(direction: Int, image: Int) -> Int {
        operation.isBatchFirst ? image * directions + direction : direction * batch + image
    }

    /// The step that a direction takes as its `index`th.
    func step(_ index: Int, direction: Int) -> Int {
        operation.direction.isReverse(direction) ? steps - 1 - index : index
    }

    // MARK: Tiles

    /// One direction of some of the batch, through all steps.
    struct Tile {
        var index: Int
        var direction: Int
        var images: Range<Int>
    }

    /// As many of the batch as share one pass over the recurrent weights.
    static let tileImages = 16
    private var tilesPerDirection: Int { (batch + Self.tileImages - 1) / Self.tileImages }
    var tiles: Int { directions * tilesPerDirection }

    func tile(_ index: Int) -> Tile {
        let first = index % tilesPerDirection * Self.tileImages
        return Tile(
            index: index, direction: index / tilesPerDirection, images: first..<min(first + Self.tileImages, batch))
    }

    /// The tiles of a direction, by their indices.
    func tiles(of direction: Int) -> Range<Int> {
        direction * tilesPerDirection..<(direction + 1) * tilesPerDirection
    }

    /// The float operations of the steps' products.
    var recurrentOperations: Double { 2 * Double(directions * rows) * Double(columns) * Double(hidden) }

    // MARK: Weights in panels

    /// Where the panels of a weight are: made once for a constant, else made at each run.
    struct Panels: Sendable {
        let packed: PackedWeights?
        let offset: Int
        /// What makes them at each run.
        let stage: Prepared.Stage?

        func base(_ bindings: borrowing Bindings) -> UnsafeRawPointer {
            if let packed { return packed.base }
            return UnsafeRawPointer(bindings.workspace + offset)
        }
    }

    /// The panels of the matrices `blocks` of the input weight at `input`, one after the other: each begins at a row of
    /// the weight's matrix and is stored as K × N, or N × K where `isTransposed`.
    func panels(
        _ context: Preparation, input: Int, form: String, blocks: [(row: Int, k: Int, n: Int)], isTransposed: Bool,
        _ workspace: inout Workspace
    ) throws(PlanError) -> Panels {
        let (kernels, size) = (kernels, kernels.type.byteCount)
        let byteCount = blocks.reduce(0) { $0 + kernels.panelScalars(k: $1.k, n: $1.n) } * size
        @Sendable func pack(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer) {
            var target = target
            for block in blocks {
                let stride = isTransposed ? block.k : block.n
                kernels.pack_panels(
                    block.k, block.n, source + block.row * stride * size, stride, isTransposed, target)
                target += kernels.panelScalars(k: block.k, n: block.n) * size
            }
        }
        let packed = try context.packed(
            input, form: "recurrent \(form) \(operation.cell) \(level)", byteCount: byteCount, pack: pack)
        if packed != nil { return Panels(packed: packed, offset: 0, stage: nil) }
        let offset = workspace.reserve(byteCount)
        return Panels(
            packed: nil, offset: offset,
            stage: Prepared.Stage(bytes: 2 * byteCount) { bindings, _ in
                pack(bindings.input(input), bindings.workspace + offset)
                return .done
            })
    }

    /// The recurrent weights in panels, a group of gates after the other: h · Rᵀ, or for the way back gates · R.
    func recurrentPanels(
        _ context: Preparation, isBackward: Bool, _ workspace: inout Workspace
    ) throws(PlanError) -> Panels {
        let blocks = (0..<directions).flatMap { direction in
            operation.cell.products.map { gates in
                let row = direction * columns + gates.lowerBound * hidden
                let count = gates.count * hidden
                return isBackward ? (row: row, k: count, n: hidden) : (row: row, k: hidden, n: count)
            }
        }
        return try panels(
            context, input: 2, form: isBackward ? "R" : "Rᵀ", blocks: blocks, isTransposed: !isBackward, &workspace)
    }

    /// Where the panels of a direction's group of gates begin.
    func recurrentPanelOffset(direction: Int, product: Int, isBackward: Bool) -> Int {
        let products = operation.cell.products
        let scalars = products.map {
            isBackward
                ? kernels.panelScalars(k: $0.count * hidden, n: hidden)
                : kernels.panelScalars(k: hidden, n: $0.count * hidden)
        }
        return (direction * scalars.reduce(0, +) + scalars.prefix(product).reduce(0, +)) * kernels.type.byteCount
    }

    // MARK: What the gates get from x

    /// The offsets of what the steps read.
    struct Memory: Sendable {
        /// The gates: x · Wᵀ and the biases that can be added before the steps.
        let gates: Int
        let recurrentPanels: Panels
        /// The weights that no run reads, because their panels are there.
        let unreadInputs: [Int]
    }

    /// The stages that come before the steps: biases joined, weights packed, the gates' share of x for all steps at once.
    func inputStages(
        _ context: Preparation, _ workspace: inout Workspace
    ) throws(PlanError) -> (stages: [Prepared.Stage], memory: Memory) {
        let (kernels, size) = (kernels, kernels.type.byteCount)
        let (directions, columns, rows, steps, batch) = (directions, columns, rows, steps, batch)
        let product = MatrixProduct(
            kernels: kernels, form: .panels, transposeW: true, m: rows, n: columns, k: width,
            activation: Activation.linear.kernel)
        let blocks = (0..<directions).map { (row: $0 * columns, k: width, n: columns) }
        let weights = try panels(context, input: 1, form: "W", blocks: blocks, isTransposed: true, &workspace)
        let recurrent = try recurrentPanels(context, isBackward: false, &workspace)
        let gates = workspace.reserve(directions * rows * columns * size)
        let hasBias = context.hasInput(3)
        let bias = hasBias ? workspace.reserve(directions * columns * size) : 0
        // The recurrent bias of a gate that the reset gate multiplies joins it in its step.
        let joined = operation.cell.joinedBiases * hidden
        let prepare = Prepared.Stage { bindings, _ in
            if let lengths = bindings.optionalInput(4)?.assumingMemoryBound(to: Int32.self) {
                for image in 0..<batch where !(0...steps).contains(Int(lengths[image])) {
                    return .indexOutOfRange(position: image, index: Int(lengths[image]), limit: steps + 1)
                }
            }
            guard let given = bindings.optionalInput(3) else { return .done }
            for direction in 0..<directions {
                let source = given + direction * 2 * columns * size
                let target = bindings.workspace + bias + direction * columns * size
                target.copyMemory(from: source, byteCount: columns * size)
                kernels.binary(1, joined, TAMIS_ADD, source, joined, 1, source + columns * size, joined, 1, target)
            }
            return .done
        }
        let panelBytes = product.panelBytes
        let share = Prepared.Stage(
            tiles: directions * product.tiles, operations: Double(directions) * product.operations,
            bytes: directions * (rows * columns) * size
        ) { bindings, tiles in
            for tile in tiles {
                let (direction, tile) = tile.quotientAndRemainder(dividingBy: product.tiles)
                product.run(
                    tile..<tile + 1, x: bindings.input(0), w: weights.base(bindings) + direction * panelBytes,
                    bias: hasBias ? UnsafeRawPointer(bindings.workspace + bias + direction * columns * size) : nil,
                    residual: nil, y: bindings.workspace + gates + direction * rows * columns * size)
            }
            return .done
        }
        let unread = [(1, weights.packed), (2, recurrent.packed)].compactMap { $0.1 == nil ? nil : $0.0 }
        return (
            [prepare] + [weights.stage, recurrent.stage].compactMap(\.self) + [share],
            Memory(gates: gates, recurrentPanels: recurrent, unreadInputs: unread)
        )
    }
}

/// Memory that the tiles of an operator share, given out piece by piece.
struct Workspace {
    private(set) var byteCount = 0

    /// The offset of `bytes` bytes that begin at a line of the cache.
    mutating func reserve(_ bytes: Int) -> Int {
        let offset = byteCount
        byteCount += (bytes + 63) / 64 * 64
        return offset
    }
}
