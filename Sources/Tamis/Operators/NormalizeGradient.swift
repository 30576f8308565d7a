import CTamisKernels
import TamisKernels

/// The gradients of Normalize with respect to x, scale and bias, from x, scale, the means, the inverses
/// r = 1 / √(variance + epsilon), and dy; those of scale and bias as if they were not stretched.
///
/// With x̂ = (x − mean) · r and g = scale · dy: dbias = Σ dy, dscale = Σ dy · x̂, and over the elements of one mean
/// dx = r · (g − mean of g − x̂ · mean of (g · x̂)).
public struct NormalizeGradient: Operator, Hashable {
    /// What it is the gradient of.
    public let operation: Normalize

    public init(_ operation: Normalize) { self.operation = operation }

    public var kind: String { "\(operation.kind)Gradient" }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 5...5)
        let (elementType, x) = try inputs.floats(0, "x", rank: 1...64)
        let bias: [Operand?]
        switch operation.form {
        case .layer, .rootMeanSquare: bias = []
        case .instance, .group: bias = [inputs.all[1]]
        }
        let y = try operation.outputTypes(for: Operands(Array(inputs.all[..<2]) + bias, operatorName: kind))
        try inputs.expect(y[1], of: 2, "means")
        try inputs.expect(y[2], of: 3, "inverses")
        try inputs.expect(y[0], of: 4, "dy")
        let scaled = ValueType.tensor(elementType, try operation.scaledDimensions(x, inputs))
        return [y[0], scaled, scaled]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let layout = NormalizationLayout(operation, x.shape)
        if layout.isRows {
            let scale = Expansion(try context.input(1).shape, to: layout.scaled, kernels, at: 0)
            return rows(layout, kernels, scale, wanted: context.isOutputWanted)
        }
        return columns(layout, kernels)
    }

    private func rows(
        _ layout: NormalizationLayout, _ kernels: KernelTable, _ scale: Expansion, wanted: [Bool]
    ) -> Prepared {
        let (rows, count, size) = (layout.outer, layout.channels, kernels.type.byteCount)
        let centers = layout.centers
        let products = scale.end
        var end = products + (rows * count * size + 63) / 64 * 64
        let run = max(1, (1 << 13) / max(1, count))
        var stages = scale.stages(input: 1)
        // The bias first: dx may take the memory of dy.
        func sums(_ output: Int, _ source: @escaping @Sendable (borrowing Bindings) -> UnsafeRawPointer) {
            let reduction = AxisReduction([rows, count], isReduced: [true, false], kernels, workspaceOffset: end)
            let (made, reached) = reduction.stages(
                TAMIS_SUM, TAMIS_SUM, source: source, target: { $0.output(output) })
            stages += made
            end = max(end, reached)
        }
        if wanted[2] { sums(2) { $0.input(4) } }
        stages.append(
            Prepared.Stage(
                tiles: (rows + run - 1) / run, operations: 12 * Double(rows) * Double(count), slowness: 4,
                bytes: 4 * rows * count * size
            ) { bindings, tiles in
                let first = tiles.lowerBound * run
                let offset = first * count * size
                kernels.layer_normalization_gradient(
                    min(tiles.upperBound * run, rows) - first, count, centers, bindings.input(0) + offset,
                    scale.pointer(bindings, input: 1), bindings.input(2) + first * size,
                    bindings.input(3) + first * size, bindings.input(4) + offset, bindings.output(0) + offset,
                    bindings.workspace + products + offset)
                return .done
            })
        if wanted[1] { sums(1) { UnsafeRawPointer($0.workspace + products) } }
        return Prepared(
            "row by row", stages: stages, workspaceBytes: end, inPlace: [Prepared.InPlace(output: 0, input: 4)])
    }

    private func columns(_ layout: NormalizationLayout, _ kernels: KernelTable) -> Prepared {
        let (images, channels, size) = (layout.outer, layout.channels, kernels.type.byteCount)
        let reduction = RowReduction(rows: layout.rows, columns: channels)
        let (chunks, vector) = (reduction.chunks, channels * size)
        let bytes = images * layout.rows * vector
        // Workspace, each a vector of columns: for each image means, inverses, sums of dy, of dy (x − mean), and the three
        // coefficients of dx; then for each chunk the two sums.
        let slots = 7
        let partials = images * slots * vector
        @Sendable func slot(_ bindings: borrowing Bindings, _ image: Int, _ index: Int) -> UnsafeMutableRawPointer {
            bindings.workspace + (index * images + image) * vector
        }
        let spread = Prepared.Stage(tiles: images) { bindings, tiles in
            for image in tiles {
                layout.spreadGroups(bindings.input(2), image, to: slot(bindings, image, 0), kernels.type)
                layout.spreadGroups(bindings.input(3), image, to: slot(bindings, image, 1), kernels.type)
            }
            return .done
        }
        let sums = Prepared.Stage(tiles: images * chunks, bytes: 3 * bytes) { bindings, tiles in
            for tile in tiles {
                let (first, count) = reduction.rows(of: tile % chunks)
                let offset = (tile / chunks * layout.rows + first) * vector
                let target = bindings.workspace + partials + tile * vector
                kernels.sum_rows(count, channels, bindings.input(4) + offset, channels, target)
                kernels.sum_products(
                    count, channels, bindings.input(4) + offset, bindings.input(0) + offset, channels,
                    slot(bindings, tile / chunks, 0), target + images * chunks * vector)
            }
            return .done
        }
        let coefficients = Prepared.Stage(tiles: images) { bindings, tiles in
            for image in tiles {
                let first = bindings.workspace + partials + image * chunks * vector
                let (sum, products) = (slot(bindings, image, 2), slot(bindings, image, 3))
                kernels.sum_rows(chunks, channels, first, channels, sum)
                kernels.sum_rows(chunks, channels, first + images * chunks * vector, channels, products)
                let (inverses, scale) = (slot(bindings, image, 1), bindings.input(1))
                let (a, b, c) = (slot(bindings, image, 4), slot(bindings, image, 5), slot(bindings, image, 6))
                kernels.binary(1, channels, TAMIS_MULTIPLY, products, channels, 1, inverses, channels, 1, products)
                kernels.binary(1, channels, TAMIS_MULTIPLY, products, channels, 1, scale, channels, 1, b)
                kernels.binary(1, channels, TAMIS_MULTIPLY, sum, channels, 1, scale, channels, 1, c)
                layout.meanOfGroups(b, kernels.type)
                layout.meanOfGroups(c, kernels.type)
                kernels.type.forEachIndex(channels) { column in
                    let inverse = column.read(inverses)
                    column.write(inverse * column.read(scale), a)
                    column.write(-inverse * inverse * column.read(b), b)
                    column.write(-inverse * column.read(c), c)
                }
            }
            return .done
        }
        let propagate = layout.rowTiles(bytes: 3 * bytes) { bindings, image, first, count in
            kernels.normalization_gradient(
                count, channels, bindings.input(4) + first * vector, bindings.input(0) + first * vector,
                slot(bindings, image, 0), slot(bindings, image, 4), slot(bindings, image, 5),
                slot(bindings, image, 6), bindings.output(0) + first * vector)
        }
        let parameters = Prepared.Stage(bytes: 2 * images * vector) { bindings, _ in
            kernels.sum_rows(images, channels, slot(bindings, 0, 3), channels, bindings.output(1))
            kernels.sum_rows(images, channels, slot(bindings, 0, 2), channels, bindings.output(2))
            return .done
        }
        return Prepared(
            "image by image", stages: [spread, sums, coefficients, propagate, parameters],
            workspaceBytes: partials + max(1, 2 * images * chunks * vector),
            inPlace: [Prepared.InPlace(output: 0, input: 4)])
    }
}
