import CTamisKernels
import TamisKernels

/// The scalars that recurrent layers compute with: float and double.
typealias RecurrentScalar = BinaryFloatingPoint & NumericScalar

/// The steps of a recurrent layer, for one direction of some of the batch: state in, state out.
struct RecurrentForward<Scalar: RecurrentScalar>: Sendable {
    typealias Scalars = UnsafeMutablePointer<Scalar>
    typealias Constants = UnsafePointer<Scalar>

    let layer: RecurrentLayer
    let memory: RecurrentLayer.Memory

    /// Where the results go.
    struct Outputs {
        var y: Scalars
        var hidden: Scalars
        var cell: Scalars?
    }

    /// What the way back needs of each step, rows as those of x, one direction after the other.
    struct Trace {
        /// The hidden state before the step.
        var hidden: Scalars
        /// The cell before the step, of an LSTM.
        var cell: Scalars
        /// r · h of a GRU, or h · Rʰ + bias where it resets after the product.
        var reset: Scalars
    }

    private var hidden: Int { layer.hidden }
    private var columns: Int { layer.columns }
    private var kernels: KernelTable { layer.kernels }
    private var size: Int { MemoryLayout<Scalar>.stride }

    /// Two states and one more row of hidden numbers for each of a tile.
    var scratchBytes: Int { 3 * RecurrentLayer.tileImages * hidden * size }

    /// Runs all steps. Afterwards the gates hold what the functions made of them.
    func run(_ tile: RecurrentLayer.Tile, _ bindings: borrowing Bindings, outputs: Outputs?, trace: Trace?) {
        let images = tile.images.count
        let h = bindings.scratch.assumingMemoryBound(to: Scalar.self)
        let cell = h + RecurrentLayer.tileImages * hidden
        let extra = cell + RecurrentLayer.tileImages * hidden
        let gates = (bindings.workspace + memory.gates).assumingMemoryBound(to: Scalar.self)
        let lengths = bindings.optionalInput(4)?.assumingMemoryBound(to: Int32.self)
        let gateStride = layer.imageStride * columns
        load(bindings.optionalInput(5), into: h, tile)
        load(layer.operation.cell.isLSTM ? bindings.optionalInput(6) : nil, into: cell, tile)

        for index in 0..<layer.steps {
            let step = layer.step(index, direction: tile.direction)
            let row = tile.direction * layer.rows + layer.row(step: step, image: tile.images.lowerBound)
            let a = gates + row * columns
            if let trace {
                for image in 0..<images {
                    let target = (row + image * layer.imageStride) * hidden
                    (trace.hidden + target).update(from: h + image * hidden, count: hidden)
                    if layer.operation.cell.isLSTM {
                        (trace.cell + target).update(from: cell + image * hidden, count: hidden)
                    }
                }
            }
            multiply(0, tile, h, into: a, stride: gateStride, adds: true, bindings)
            if case .gru(let resetsAfterProduct) = layer.operation.cell {
                reset(
                    a, stride: gateStride, h, extra, tile, resetsAfterProduct: resetsAfterProduct, bindings,
                    trace: trace.map { $0.reset + row * hidden })
            }
            for image in 0..<images {
                let (own, ownGates) = (h + image * hidden, a + image * gateStride)
                let isActive = lengths.map { step < $0[tile.images.lowerBound + image] } ?? true
                if isActive {
                    switch layer.operation.cell {
                    case .lstm(let couplesGates):
                        advanceLSTM(
                            ownGates, own, cell + image * hidden, extra, tile.direction, couplesGates: couplesGates,
                            peepholes: bindings.optionalInput(7)?.assumingMemoryBound(to: Scalar.self))
                    case .gru:
                        let (z, new) = (ownGates, ownGates + 2 * hidden)
                        for i in 0..<hidden { own[i] = (1 - z[i]) * new[i] + z[i] * own[i] }
                    case .simple:
                        apply(0, tile.direction, hidden, ownGates)
                        own.update(from: ownGates, count: hidden)
                    }
                }
                guard let outputs else { continue }
                let place = layer.outputRow(
                    direction: tile.direction, step: step, image: tile.images.lowerBound + image)
                let y = outputs.y + place * hidden
                if isActive { y.update(from: own, count: hidden) } else { y.update(repeating: 0, count: hidden) }
            }
        }
        guard let outputs else { return }
        store(h, into: outputs.hidden, tile, lengths)
        if let target = outputs.cell { store(cell, into: target, tile, lengths) }
    }

    /// i, o, f, c → the cell and the hidden state.
    private func advanceLSTM(
        _ a: Scalars, _ h: Scalars, _ cell: Scalars, _ extra: Scalars, _ direction: Int, couplesGates: Bool,
        peepholes: Constants?
    ) {
        let (i, o, f, new) = (a, a + hidden, a + 2 * hidden, a + 3 * hidden)
        let p = peepholes.map { $0 + direction * 3 * hidden }
        if let p {
            addProduct(p, cell, to: i)
            if !couplesGates { addProduct(p + 2 * hidden, cell, to: f) }
        }
        apply(0, direction, hidden, i)
        if couplesGates {
            for k in 0..<hidden { f[k] = 1 - i[k] }
        } else {
            apply(0, direction, hidden, f)
        }
        apply(1, direction, hidden, new)
        for k in 0..<hidden { cell[k] = f[k] * cell[k] + i[k] * new[k] }
        if let p { addProduct(p + hidden, cell, to: o) }
        apply(0, direction, hidden, o)
        extra.update(from: cell, count: hidden)
        apply(2, direction, hidden, extra, clips: false)
        for k in 0..<hidden { h[k] = o[k] * extra[k] }
    }

    /// The gates z and r, then the new state that r lets through.
    private func reset(
        _ a: Scalars, stride: Int, _ h: Scalars, _ extra: Scalars, _ tile: RecurrentLayer.Tile,
        resetsAfterProduct: Bool, _ bindings: borrowing Bindings, trace: Scalars?
    ) {
        let images = tile.images.count
        for image in 0..<images {
            let own = a + image * stride
            apply(0, tile.direction, 2 * hidden, own)
            let r = own + hidden
            if !resetsAfterProduct {
                for i in 0..<hidden { extra[image * hidden + i] = r[i] * h[image * hidden + i] }
            }
        }
        if resetsAfterProduct {
            let bias = bindings.optionalInput(3).map {
                $0 + ((tile.direction * 2 + 1) * columns + 2 * hidden) * size
            }
            multiply(1, tile, h, into: extra, stride: hidden, adds: false, bias: bias, bindings)
        } else {
            multiply(1, tile, extra, into: a + 2 * hidden, stride: stride, adds: true, bindings)
        }
        for image in 0..<images {
            let (r, new) = (a + image * stride + hidden, a + image * stride + 2 * hidden)
            if let trace {
                (trace + image * layer.imageStride * hidden).update(from: extra + image * hidden, count: hidden)
            }
            if resetsAfterProduct {
                for i in 0..<hidden { new[i] += r[i] * extra[image * hidden + i] }
            }
            apply(1, tile.direction, hidden, new)
        }
    }

    /// The product of a tile's rows with the recurrent weights of a group of gates.
    private func multiply(
        _ product: Int, _ tile: RecurrentLayer.Tile, _ x: Scalars, into y: Scalars, stride: Int, adds: Bool,
        bias: UnsafeRawPointer? = nil, _ bindings: borrowing Bindings
    ) {
        let offset = layer.recurrentPanelOffset(direction: tile.direction, product: product, isBackward: false)
        let gates = layer.operation.cell.products[product].count
        kernels.multiply_panels(
            tile.images.count, gates * hidden, hidden, x, hidden, memory.recurrentPanels.base(bindings) + offset, bias,
            adds ? UnsafeRawPointer(y) : nil, stride, .identity, y, stride)
    }

    private func addProduct(_ factor: Constants, _ other: Scalars, to target: Scalars) {
        for i in 0..<hidden { target[i] += factor[i] * other[i] }
    }

    /// One of a direction's functions f, g, h, on numbers where they lie.
    private func apply(_ index: Int, _ direction: Int, _ count: Int, _ x: Scalars, clips: Bool = true) {
        let operation = layer.operation
        let function = operation.functions[direction * operation.cell.functions.count + index]
        if clips, let clip = operation.clip {
            let limit = Scalar(clip)
            for i in 0..<count { x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i] }
        }
        let (inner, activation, outer, shift) = function.parts(Scalar.self)
        if inner != 1 {
            for i in 0..<count { x[i] *= Scalar(inner) }
        }
        kernels.activate(count, activation.kernel, x, x)
        if (outer, shift) != (1, 0) || activation == .linear {
            for i in 0..<count { x[i] = Scalar(outer) * x[i] + Scalar(shift) }
        }
    }

    // MARK: States

    /// The first states of a tile; 0 where none are given.
    private func load(_ source: UnsafeRawPointer?, into state: Scalars, _ tile: RecurrentLayer.Tile) {
        for (index, image) in tile.images.enumerated() {
            let target = state + index * hidden
            guard let source = source?.assumingMemoryBound(to: Scalar.self) else {
                target.update(repeating: 0, count: hidden)
                continue
            }
            let row = layer.stateRow(direction: tile.direction, image: image)
            target.update(from: source + row * hidden, count: hidden)
        }
    }

    private func store(
        _ state: Scalars, into output: Scalars, _ tile: RecurrentLayer.Tile, _ lengths: UnsafePointer<Int32>?
    ) {
        for (index, image) in tile.images.enumerated() {
            let target = output + layer.stateRow(direction: tile.direction, image: image) * hidden
            if layer.steps == 0 || lengths?[image] == 0 {
                target.update(repeating: 0, count: hidden)
            } else {
                target.update(from: state + index * hidden, count: hidden)
            }
        }
    }
}
