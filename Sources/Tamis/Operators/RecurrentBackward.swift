import CTamisKernels
import TamisKernels

/// The steps of a recurrent layer from the last to the first. What the gates held becomes the gradient of their arguments;
/// of it, the gradients of x and of the weights are products for all steps at once.
struct RecurrentBackward<Scalar: RecurrentScalar>: Sendable {
    typealias Scalars = UnsafeMutablePointer<Scalar>
    typealias Constants = UnsafePointer<Scalar>

    let forward: RecurrentForward<Scalar>
    /// The recurrent weights as they are: gates · R.
    let panels: RecurrentLayer.Panels
    /// The offsets of what is kept of each step, and of the tiles' sums of the peepholes' gradients.
    let (hidden, cell, reset, peepholes): (Int, Int, Int, Int)

    init(
        forward: RecurrentForward<Scalar>, panels: RecurrentLayer.Panels, hidden: Int, cell: Int, reset: Int,
        peepholes: Int
    ) {
        self.forward = forward
        self.panels = panels
        (self.hidden, self.cell, self.reset, self.peepholes) = (hidden, cell, reset, peepholes)
    }

    private var layer: RecurrentLayer { forward.layer }
    private var kernels: KernelTable { layer.kernels }
    private var extent: Int { layer.hidden }
    private var columns: Int { layer.columns }
    private var size: Int { MemoryLayout<Scalar>.stride }

    /// Two gradients of states, a product's result for each of a tile, and five rows more.
    private var backwardBytes: Int { (3 * RecurrentLayer.tileImages + 5) * extent * size }
    var scratchBytes: Int { max(forward.scratchBytes, backwardBytes) }

    private func scalars(_ bindings: borrowing Bindings, _ offset: Int) -> Scalars {
        (bindings.workspace + offset).assumingMemoryBound(to: Scalar.self)
    }

    private func given(_ bindings: borrowing Bindings, _ index: Int) -> Constants? {
        bindings.optionalInput(index)?.assumingMemoryBound(to: Scalar.self)
    }

    /// The steps forward, then back.
    func run(_ tile: RecurrentLayer.Tile, _ bindings: borrowing Bindings) {
        let trace = RecurrentForward<Scalar>.Trace(
            hidden: scalars(bindings, hidden), cell: scalars(bindings, cell), reset: scalars(bindings, reset))
        forward.run(tile, bindings, outputs: nil, trace: trace)

        let images = tile.images.count
        let dh = bindings.scratch.assumingMemoryBound(to: Scalar.self)
        let dcell = dh + RecurrentLayer.tileImages * extent
        let result = dcell + RecurrentLayer.tileImages * extent
        let extra = result + RecurrentLayer.tileImages * extent
        let lengths = bindings.optionalInput(4)?.assumingMemoryBound(to: Int32.self)
        let isLSTM = layer.operation.cell.isLSTM
        load(given(bindings, 9), into: dh, tile, lengths)
        load(isLSTM ? given(bindings, 10) : nil, into: dcell, tile, lengths)
        let dp = scalars(bindings, peepholes) + tile.index * 3 * extent
        dp.update(repeating: 0, count: 3 * extent)
        let p = given(bindings, 7).map { $0 + tile.direction * 3 * extent }

        for index in (0..<layer.steps).reversed() {
            let step = layer.step(index, direction: tile.direction)
            let row = tile.direction * layer.rows + layer.row(step: step, image: tile.images.lowerBound)
            let a = scalars(bindings, forward.memory.gates) + row * columns
            func isActive(_ image: Int) -> Bool {
                lengths.map { step < $0[tile.images.lowerBound + image] } ?? true
            }
            for image in 0..<images {
                let own = row + image * layer.imageStride
                let gates = a + image * layer.imageStride * columns
                guard isActive(image) else {
                    gates.update(repeating: 0, count: columns)
                    if layer.resetCount > 0 { (trace.reset + own * extent).update(repeating: 0, count: extent) }
                    continue
                }
                let gradient = dh + image * extent
                if let dy = given(bindings, 8) {
                    let place = layer.outputRow(
                        direction: tile.direction, step: step, image: tile.images.lowerBound + image)
                    for i in 0..<extent { gradient[i] += dy[place * extent + i] }
                }
                switch layer.operation.cell {
                case .lstm(let couplesGates):
                    returnLSTM(
                        gates, dh: gradient, dcell: dcell + image * extent, before: trace.cell + own * extent, extra,
                        tile.direction, couplesGates: couplesGates, p, dp)
                case .gru(let resetsAfterProduct):
                    returnGRU(
                        gates, dh: gradient, before: trace.hidden + own * extent,
                        reset: trace.reset + own * extent, extra, tile.direction,
                        resetsAfterProduct: resetsAfterProduct)
                case .simple:
                    derive(0, tile.direction, extent, gates, gradient, into: gates)
                    gradient.update(repeating: 0, count: extent)
                }
            }
            if case .gru(let resetsAfterProduct) = layer.operation.cell {
                if resetsAfterProduct {
                    let source = trace.reset + row * extent
                    multiply(1, tile, source, stride: layer.imageStride * extent, into: dh, adds: true, bindings)
                } else {
                    multiply(
                        1, tile, a + 2 * extent, stride: layer.imageStride * columns, into: result, adds: false,
                        bindings)
                    for image in 0..<images where isActive(image) {
                        let r = a + image * layer.imageStride * columns + extent
                        let before = trace.hidden + (row + image * layer.imageStride) * extent
                        let (own, gradient) = (result + image * extent, dh + image * extent)
                        for i in 0..<extent {
                            gradient[i] += own[i] * r[i]
                            own[i] *= before[i]
                        }
                        derive(0, tile.direction, extent, r, own, into: r)
                    }
                }
            }
            multiply(0, tile, a, stride: layer.imageStride * columns, into: dh, adds: true, bindings)
        }
        store(dh, into: bindings.output(4), tile)
        if isLSTM { store(dcell, into: bindings.output(5), tile) }
    }

    /// From the gradients of the cell and the hidden state after a step to those of the gates' arguments and of the cell
    /// before; that of the hidden state before comes of the gates alone.
    private func returnLSTM(
        _ gates: Scalars, dh: Scalars, dcell: Scalars, before: Constants, _ extra: Scalars, _ direction: Int,
        couplesGates: Bool, _ p: Constants?, _ dp: Scalars
    ) {
        let (i, o, f, new) = (gates, gates + extent, gates + 2 * extent, gates + 3 * extent)
        let (cell, result, di, df, dnew) = (
            extra, extra + extent, extra + 2 * extent, extra + 3 * extent, extra + 4 * extent
        )
        for k in 0..<extent { cell[k] = f[k] * before[k] + i[k] * new[k] }
        if let kernel = kernel(2, direction) { kernels.activate(extent, kernel, cell, result) }
        // dh becomes what goes into the cell, di (not needed yet) the gradient of the output gate.
        for k in 0..<extent {
            di[k] = dh[k] * result[k]
            dh[k] *= o[k]
        }
        derive(2, direction, extent, result, dh, into: dh)
        derive(0, direction, extent, o, di, into: o)
        for k in 0..<extent { dcell[k] += dh[k] }
        if let p {
            for k in 0..<extent {
                dcell[k] += o[k] * p[extent + k]
                dp[extent + k] += o[k] * cell[k]
            }
        }
        for k in 0..<extent {
            di[k] = dcell[k] * new[k]
            df[k] = dcell[k] * before[k]
            dnew[k] = dcell[k] * i[k]
            dcell[k] *= f[k]
        }
        if couplesGates {
            for k in 0..<extent {
                di[k] -= df[k]
                f[k] = 0
            }
        } else {
            derive(0, direction, extent, f, df, into: f)
        }
        derive(0, direction, extent, i, di, into: i)
        derive(1, direction, extent, new, dnew, into: new)
        if let p {
            for k in 0..<extent {
                dcell[k] += i[k] * p[k] + f[k] * p[2 * extent + k]
                dp[k] += i[k] * before[k]
                dp[2 * extent + k] += f[k] * before[k]
            }
        }
        dh.update(repeating: 0, count: extent)
    }

    /// From the gradient of the hidden state after a step to those of the arguments of z and the new state, and to the
    /// share of the state before that z lets through. That of r comes here only where it resets after the product.
    private func returnGRU(
        _ gates: Scalars, dh: Scalars, before: Constants, reset: Scalars, _ extra: Scalars, _ direction: Int,
        resetsAfterProduct: Bool
    ) {
        let (z, r, new) = (gates, gates + extent, gates + 2 * extent)
        let (dz, dnew) = (extra, extra + extent)
        for k in 0..<extent {
            dz[k] = dh[k] * (before[k] - new[k])
            dnew[k] = dh[k] * (1 - z[k])
            dh[k] *= z[k]
        }
        derive(0, direction, extent, z, dz, into: z)
        derive(1, direction, extent, new, dnew, into: new)
        guard resetsAfterProduct else { return }
        let dr = extra
        for k in 0..<extent {
            dr[k] = new[k] * reset[k]
            reset[k] = new[k] * r[k]
        }
        derive(0, direction, extent, r, dr, into: r)
    }

    // MARK: Products for all steps

    /// dx = Σ dgates · W over the directions.
    func inputStage(_ weights: RecurrentLayer.Panels) -> Prepared.Stage {
        let (rows, width, columns, size) = (layer.rows, layer.width, columns, size)
        let tileRows = 48
        let panelBytes = kernels.panelScalars(k: columns, n: width) * size
        let (kernels, directions, gates) = (kernels, layer.directions, forward.memory.gates)
        return Prepared.Stage(
            tiles: (rows + tileRows - 1) / tileRows,
            operations: 2 * Double(directions * rows) * Double(columns) * Double(width)
        ) { bindings, tiles in
            for tile in tiles {
                let (first, count) = (tile * tileRows, min(tileRows, rows - tile * tileRows))
                let y = bindings.output(0) + first * width * size
                for direction in 0..<directions {
                    kernels.multiply_panels(
                        count, width, columns,
                        bindings.workspace + gates + (direction * rows + first) * columns * size, columns,
                        weights.base(bindings) + direction * panelBytes, nil,
                        direction == 0 ? nil : UnsafeRawPointer(y), width, .identity, y, width)
                }
            }
            return .done
        }
    }

    /// dW = dgatesᵀ · x, dR = dgatesᵀ · h, and the sums of dgates for the biases; a tile is a direction.
    func weightStage() -> Prepared.Stage {
        let directions = layer.directions
        let products = 2 * Double(directions * layer.rows) * Double(columns)
        return Prepared.Stage(tiles: directions, operations: products * Double(layer.width + extent)) {
            bindings, tiles in
            for direction in tiles { weightGradients(direction, bindings) }
            return .done
        }
    }

    private func weightGradients(_ direction: Int, _ bindings: borrowing Bindings) {
        let (rows, width) = (layer.rows, layer.width)
        let place = direction * rows
        let dgates = scalars(bindings, forward.memory.gates) + place * columns
        let states = scalars(bindings, hidden) + place * extent
        let resets = scalars(bindings, reset) + place * extent
        let resetsAfterProduct = layer.operation.cell == .gru(resetsAfterProduct: true)

        /// y = xᵀ · w over all rows.
        func product(_ x: Scalars, ldx: Int, m: Int, _ w: UnsafeRawPointer, n: Int, _ y: UnsafeMutableRawPointer) {
            BLAS.multiply(
                kernels.type, transposeX: true, m: m, n: n, k: rows, x: x, ldx: max(1, ldx), w: w, ldw: max(1, n), y: y,
                ldy: max(1, n))
        }
        product(
            dgates, ldx: columns, m: columns, bindings.input(0), n: width,
            bindings.output(1) + direction * columns * width * size)
        for (index, gates) in layer.operation.cell.products.enumerated() {
            // The gate behind a reset: its operand is r · h, or its gradient is that of the product.
            let isReset = index == 1
            let target = bindings.output(2) + (direction * columns + gates.lowerBound * extent) * extent * size
            let count = gates.count * extent
            if isReset && resetsAfterProduct {
                product(resets, ldx: extent, m: count, states, n: extent, target)
            } else {
                product(
                    dgates + gates.lowerBound * extent, ldx: columns, m: count, isReset ? resets : states, n: extent,
                    target)
            }
        }
        let bias = bindings.output(3) + direction * 2 * columns * size
        kernels.sum_rows(rows, columns, dgates, columns, bias)
        (bias + columns * size).copyMemory(from: bias, byteCount: columns * size)
        if resetsAfterProduct {
            kernels.sum_rows(rows, extent, resets, extent, bias + (columns + 2 * extent) * size)
        }
        if layer.operation.cell.isLSTM {
            let tiles = layer.tiles(of: direction)
            kernels.sum_rows(
                tiles.count, 3 * extent, scalars(bindings, peepholes) + tiles.lowerBound * 3 * extent, 3 * extent,
                bindings.output(6) + direction * 3 * extent * size)
        }
    }

    // MARK: Parts

    /// What the gradients of a group of gates give to that of the hidden state before.
    private func multiply(
        _ product: Int, _ tile: RecurrentLayer.Tile, _ x: Scalars, stride: Int, into y: Scalars, adds: Bool,
        _ bindings: borrowing Bindings
    ) {
        let offset = layer.recurrentPanelOffset(direction: tile.direction, product: product, isBackward: true)
        let gates = layer.operation.cell.products[product].count
        kernels.multiply_panels(
            tile.images.count, extent, gates * extent, x, stride, panels.base(bindings) + offset, nil,
            adds ? UnsafeRawPointer(y) : nil, extent, .identity, y, extent)
    }

    /// One of a direction's functions f, g, h.
    private func kernel(_ index: Int, _ direction: Int) -> tamis_activation? {
        let operation = layer.operation
        return operation.functions[direction * operation.cell.functions.count + index].differentiable?.kernel
    }

    /// The gradient of a function's arguments from that of its results.
    private func derive(
        _ index: Int, _ direction: Int, _ count: Int, _ results: Constants, _ gradient: Constants, into target: Scalars
    ) {
        guard let kernel = kernel(index, direction) else { return }
        kernels.activate_gradient(count, kernel, results, gradient, target)
    }

    /// The gradients of the last states; 0 where none are given, and where a sequence has no last state.
    private func load(
        _ source: Constants?, into state: Scalars, _ tile: RecurrentLayer.Tile, _ lengths: UnsafePointer<Int32>?
    ) {
        for (index, image) in tile.images.enumerated() {
            let target = state + index * extent
            guard let source, layer.steps > 0, lengths?[image] != 0 else {
                target.update(repeating: 0, count: extent)
                continue
            }
            target.update(
                from: source + layer.stateRow(direction: tile.direction, image: image) * extent, count: extent)
        }
    }

    private func store(_ state: Scalars, into output: UnsafeMutableRawPointer, _ tile: RecurrentLayer.Tile) {
        let output = output.assumingMemoryBound(to: Scalar.self)
        for (index, image) in tile.images.enumerated() {
            let target = output + layer.stateRow(direction: tile.direction, image: image) * extent
            target.update(from: state + index * extent, count: extent)
        }
    }
}
