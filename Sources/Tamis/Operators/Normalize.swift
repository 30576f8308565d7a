import CTamisKernels
import TamisKernels

/// y = (x − mean) / √(variance + epsilon) · scale + bias, with mean and variance of x itself, over some of its axes. ONNX's
/// LayerNormalization, RMSNormalization, InstanceNormalization and GroupNormalization, the last two on channel-last
/// tensors.
///
/// Outputs y, the means and 1 / √(variance + epsilon). The bias is optional where ONNX has it so.
public struct Normalize: DifferentiableOperator, Hashable {
    /// What has a mean and variance of its own: a row of one table.
    public enum Form: Hashable, Sendable {
        /// All axes from `axis` on, together; negative counts from the end. scale, bias: these axes, or what stretches to
        /// them.
        case layer(axis: Int)
        /// The same around 0 in place of the mean, without a bias.
        case rootMeanSquare(axis: Int)
        /// Each channel of each image. x: N × spatial × C; scale, bias: C.
        case instance
        /// So many groups of channels of each image. x: N × spatial × C; scale, bias: C.
        case group(Int)
    }

    /// What has a mean and variance of its own.
    public let form: Form
    /// Added to the variance.
    public let epsilon: Double

    public init(_ form: Form, epsilon: Double = 1e-5) {
        self.form = form
        self.epsilon = epsilon
    }

    public var kind: String {
        switch form {
        case .layer: "LayerNormalization"
        case .rootMeanSquare: "RMSNormalization"
        case .instance: "InstanceNormalization"
        case .group: "GroupNormalization"
        }
    }
    public var widensHalves: Bool { true }

    /// The first axis that is normalised; nil where the form is one of images.
    private var axis: Int? {
        switch form {
        case .layer(let axis), .rootMeanSquare(let axis): axis
        case .instance, .group: nil
        }
    }

    /// The form with its axis in another place.
    private func moved(to axis: Int) -> Normalize {
        switch form {
        case .layer: Normalize(.layer(axis: axis), epsilon: epsilon)
        case .rootMeanSquare: Normalize(.rootMeanSquare(axis: axis), epsilon: epsilon)
        case .instance, .group: self
        }
    }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        switch form {
        case .layer: try inputs.expect(count: 2...3)
        case .rootMeanSquare: try inputs.expect(count: 2...2)
        case .instance, .group: try inputs.expect(count: 3...3)
        }
        let (elementType, x) = try inputs.floats(0, "x", rank: (axis == nil ? 2 : 1)...64)
        let statistics = try statistics(x, inputs)
        let scaled = try scaledDimensions(x, inputs)
        for (index, role) in [(1, "scale"), (2, "bias")] where inputs.optional(index) != nil {
            try inputs.expect(elementType, of: index, role)
            let given = try inputs.floats(index, role, rank: axis == nil ? 1...1 : 0...64).dimensions
            let met = try Broadcast.dimensions(scaled, given, of: kind)
            guard met.count == scaled.count, axis != nil || scaled[0] == 1 || given[0] != 1,
                zip(met, scaled).allSatisfy({ $0.value == nil || $1.value == nil || $0 == $1 })
            else {
                throw .mismatch(rule: "\(kind)'s \(role) must have the extents \(scaled)", received: "\(given)")
            }
        }
        let statisticsType = elementType.isHalf ? ElementType.float32 : elementType
        return [
            .tensor(elementType, x), .tensor(statisticsType, statistics), .tensor(statisticsType, statistics),
        ]
    }

    /// The dimensions of the means and variances.
    func statistics(_ x: [Dimension], _ inputs: Operands) throws(ShapeError) -> [Dimension] {
        switch form {
        case .layer, .rootMeanSquare:
            let first = try inputs.axis(axis ?? 0, rank: x.count)
            return x.enumerated().map { $0.offset < first ? $0.element : 1 }
        case .instance: return [x[0], x[x.count - 1]]
        case .group(let groups):
            guard groups > 0, x[x.count - 1].value.map({ $0 % groups == 0 }) ?? true else {
                throw .mismatch(
                    rule: "\(kind)'s groups must divide the channels", received: "\(groups) of \(x[x.count - 1])")
            }
            return [x[0], .fixed(groups)]
        }
    }

    /// The dimensions that have a scale and a bias of their own.
    func scaledDimensions(_ x: [Dimension], _ inputs: Operands) throws(ShapeError) -> [Dimension] {
        guard let axis else { return [x[x.count - 1]] }
        return Array(x[try inputs.axis(axis, rank: x.count)...])
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        let x = try context.input(0)
        let kernels = try context.kernels(for: x.elementType)
        let layout = NormalizationLayout(self, x.shape)
        if layout.isRows {
            let scale = Expansion(try context.input(1).shape, to: layout.scaled, kernels, at: 0)
            let bias =
                context.hasInput(2)
                ? Expansion(try context.input(2).shape, to: layout.scaled, kernels, at: scale.end) : nil
            return rows(layout, kernels, scale: scale, bias: bias)
        }
        return columns(layout, kernels)
    }

    /// A mean and variance for each row of a matrix.
    private func rows(
        _ layout: NormalizationLayout, _ kernels: KernelTable, scale: Expansion, bias: Expansion?
    ) -> Prepared {
        let (rows, count, size) = (layout.outer, layout.channels, kernels.type.byteCount)
        let (epsilon, centers) = (epsilon, layout.centers)
        let run = max(1, (1 << 13) / max(1, count))
        let apply = Prepared.Stage(
            tiles: (rows + run - 1) / run, operations: 8 * Double(rows) * Double(count), slowness: 4,
            bytes: 2 * rows * count * size
        ) { bindings, tiles in
            let first = tiles.lowerBound * run
            kernels.layer_normalization(
                min(tiles.upperBound * run, rows) - first, count, epsilon, centers,
                bindings.input(0) + first * count * size, scale.pointer(bindings, input: 1),
                bias?.pointer(bindings, input: 2), bindings.output(0) + first * count * size,
                bindings.output(1) + first * size, bindings.output(2) + first * size)
            return .done
        }
        return Prepared(
            "row by row", stages: scale.stages(input: 1) + (bias?.stages(input: 2) ?? []) + [apply],
            workspaceBytes: (bias ?? scale).end, inPlace: [Prepared.InPlace(output: 0, input: 0)])
    }

    /// A mean and variance for each group of columns of the matrix that an image is.
    private func columns(_ layout: NormalizationLayout, _ kernels: KernelTable) -> Prepared {
        let (images, channels, size) = (layout.outer, layout.channels, kernels.type.byteCount)
        let reduction = RowReduction(rows: layout.rows, columns: channels)
        let (chunks, epsilon) = (reduction.chunks, epsilon)
        let (vector, imageBytes) = (channels * size, layout.rows * channels * size)
        // Workspace: the chunks' sums of each image, then for each image means and factors, and zeros.
        let (means, factors) = (images * chunks * vector, images * (chunks + 1) * vector)
        let zeros = factors + images * vector
        func sums(
            _ sum:
                @escaping @Sendable (borrowing Bindings, _ image: Int, _ first: Int, _ count: Int, _ chunk: Int) -> Void
        ) -> Prepared.Stage {
            Prepared.Stage(tiles: images * chunks, bytes: images * imageBytes) { bindings, tiles in
                for tile in tiles {
                    let (first, count) = reduction.rows(of: tile % chunks)
                    sum(bindings, tile / chunks, (tile / chunks * layout.rows + first) * vector, count, tile * vector)
                }
                return .done
            }
        }
        let sum = sums { bindings, _, first, count, chunk in
            kernels.sum_rows(count, channels, bindings.input(0) + first, channels, bindings.workspace + chunk)
        }
        let mean = Prepared.Stage(tiles: images) { bindings, tiles in
            for image in tiles {
                let target = bindings.workspace + means + image * vector
                kernels.sum_rows(
                    chunks, channels, bindings.workspace + image * chunks * vector, channels, target)
                layout.meanOfGroups(target, kernels.type)
                layout.copyGroups(target, image, to: bindings.output(1), kernels.type)
            }
            return .done
        }
        let deviations = sums { bindings, image, first, count, chunk in
            kernels.sum_squared_deviations(
                count, channels, bindings.input(0) + first, channels, bindings.workspace + means + image * vector,
                bindings.workspace + chunk)
        }
        let factor = Prepared.Stage(tiles: images) { bindings, tiles in
            for image in tiles {
                let target = bindings.workspace + factors + image * vector
                kernels.sum_rows(
                    chunks, channels, bindings.workspace + image * chunks * vector, channels, target)
                layout.meanOfGroups(target, kernels.type)
                kernels.type.forEachIndex(channels) { $0.write(1 / ($0.read(target) + epsilon).squareRoot(), target) }
                layout.copyGroups(target, image, to: bindings.output(2), kernels.type)
                kernels.binary(1, channels, TAMIS_MULTIPLY, target, channels, 1, bindings.input(1), channels, 1, target)
                if image == 0 { kernels.type.forEachIndex(channels) { $0.write(0, bindings.workspace + zeros) } }
            }
            return .done
        }
        // y = 0 · x + factor · (x − mean) + bias: in this form nothing cancels where the mean is large.
        let apply = layout.rowTiles(bytes: 2 * images * imageBytes) { bindings, image, first, count in
            kernels.normalization_gradient(
                count, channels, bindings.input(0) + first * vector, bindings.input(0) + first * vector,
                bindings.workspace + means + image * vector, bindings.workspace + zeros,
                bindings.workspace + factors + image * vector, bindings.input(2), bindings.output(0) + first * vector)
        }
        return Prepared(
            "image by image", stages: [sum, mean, deviations, factor, apply], workspaceBytes: zeros + max(1, vector),
            inPlace: [Prepared.InPlace(output: 0, input: 0)])
    }

    public func permuted(by order: Permutation, inputs: Operands) -> PermutedOperator? {
        guard let axis, let first = try? inputs.axis(axis, rank: order.rank),
            order.order[first...].allSatisfy({ $0 >= first }),
            let tail = try? Permutation(order.order[first...].map { $0 - first })
        else { return nil }
        var orders: [Permutation?] = [order]
        for operand in inputs.all.dropFirst() {
            if tail.isIdentity || operand == nil {
                orders.append(nil)
            } else if operand?.type.dimensions?.count == tail.rank {
                orders.append(tail)
            } else {
                return nil
            }
        }
        return PermutedOperator(operation: moved(to: first), inputs: orders, outputs: [order, order, order])
    }

    public func gradients(
        at node: NodeSymbols, of outputs: [Symbol?], wanted: [Bool], in graph: GraphBuilder
    ) throws(ShapeError) -> [Symbol?] {
        guard outputs.dropFirst().allSatisfy({ $0 == nil }) else {
            throw .mismatch(rule: "the statistics of \(kind) have no gradient", received: "a loss of them")
        }
        var gradients: [Symbol?] = node.inputs.map { _ in nil }
        guard let dy = outputs[0], let x = node.inputs[0] else { return gradients }
        let found = try graph.append(
            NormalizeGradient(self), [x, node.inputs[1], node.outputs[1], node.outputs[2], dy],
            name: "\(node.name)/gradient")
        if wanted[0] { gradients[0] = found[0] }
        for index in 1..<wanted.count where wanted[index] {
            if let parameter = node.inputs[index] {
                gradients[index] = try Unbroadcast.append(found[index], like: parameter, in: graph)
            }
        }
        return gradients
    }
}

/// How a normalisation sees its tensor: outer × rows × channels, with statistics for each outer and each group of channels.
struct NormalizationLayout: Sendable {
    /// Images, or the rows of a matrix.
    let outer: Int
    /// Pixels of an image.
    let rows: Int
    /// Columns: the channels, or all elements of a row.
    let channels: Int
    private let groups: Int
    /// Whether each row has statistics of its own.
    let isRows: Bool
    /// Whether the mean is taken out.
    let centers: Bool
    /// The extents that have a scale of their own.
    let scaled: [Int]

    init(_ operation: Normalize, _ shape: Shape) {
        switch operation.form {
        case .layer(let axis), .rootMeanSquare(let axis):
            let first = axis < 0 ? axis + shape.rank : axis
            scaled = Array(shape.dimensions[first...])
            (outer, rows) = (shape.dimensions[..<first].reduce(1, *), 1)
            (channels, groups) = (scaled.reduce(1, *), 1)
            isRows = true
        case .instance, .group:
            let channels = shape[shape.rank - 1]
            scaled = [channels]
            (outer, rows) = (shape[0], shape.dimensions[1..<shape.rank - 1].reduce(1, *))
            self.channels = channels
            if case .group(let groups) = operation.form { self.groups = groups } else { groups = channels }
            isRows = false
        }
        if case .rootMeanSquare = operation.form { centers = false } else { centers = true }
    }

    private var width: Int { channels / max(1, groups) }
    /// The elements with a mean and variance in common.
    var groupCount: Int { rows * width }

    /// Turns sums of columns into the mean over each group's columns and rows, at each of its columns.
    func meanOfGroups(_ sums: UnsafeMutableRawPointer, _ type: ScalarType) {
        for group in 0..<groups {
            let columns = group * width..<(group + 1) * width
            let total = columns.reduce(0.0) { $0 + ScalarType.Index(type: type, index: $1).read(sums) }
            for column in columns {
                ScalarType.Index(type: type, index: column).write(total / Double(groupCount), sums)
            }
        }
    }

    /// Writes what stands at the columns of each group, the same at all, as the group's statistic of an image.
    func copyGroups(
        _ columns: UnsafeRawPointer, _ image: Int, to statistics: UnsafeMutableRawPointer, _ type: ScalarType
    ) {
        for group in 0..<groups where width > 0 {
            let value = ScalarType.Index(type: type, index: group * width).read(columns)
            ScalarType.Index(type: type, index: image * groups + group).write(value, statistics)
        }
    }

    /// Writes an image's statistic of each group at each of its columns.
    func spreadGroups(
        _ statistics: UnsafeRawPointer, _ image: Int, to columns: UnsafeMutableRawPointer, _ type: ScalarType
    ) {
        for column in 0..<channels {
            let value = ScalarType.Index(type: type, index: image * groups + column / max(1, width)).read(statistics)
            ScalarType.Index(type: type, index: column).write(value, columns)
        }
    }

    /// Work on runs of rows of the images: `body` gets the image, the first row, counted over all images, and their number.
    func rowTiles(
        bytes: Int, body: @escaping @Sendable (borrowing Bindings, _ image: Int, _ first: Int, _ count: Int) -> Void
    ) -> Prepared.Stage {
        let rowsPerTile = max(1, (1 << 14) / max(1, channels))
        let tilesPerImage = (rows + rowsPerTile - 1) / rowsPerTile
        return Prepared.Stage(tiles: outer * tilesPerImage, bytes: bytes) { [rows] bindings, tiles in
            for tile in tiles {
                let first = tile % tilesPerImage * rowsPerTile
                let image = tile / tilesPerImage
                body(bindings, image, image * rows + first, min(rowsPerTile, rows - first))
            }
            return .done
        }
    }
}

/// A parameter that may have to be stretched to the shape it applies to, in a piece of the workspace.
struct Expansion: Sendable {
    private let extents: [Int]
    private let strides: [Int]
    private let isExpanded: Bool
    private let offset: Int
    private let size: Int
    /// The end of the piece.
    let end: Int

    init(_ shape: Shape, to extents: [Int], _ kernels: KernelTable, at offset: Int) {
        self.extents = extents
        self.offset = offset
        size = kernels.type.byteCount
        let missing = extents.count - shape.rank
        strides = [Int](repeating: 0, count: missing) + zip(shape.dimensions, shape.strides).map { $0 == 1 ? 0 : $1 }
        let count = extents.reduce(1, *)
        isExpanded = shape.elementCount != count
        end = isExpanded ? offset + (count * size + 63) / 64 * 64 : offset
    }

    /// What stretches the input.
    func stages(input: Int) -> [Prepared.Stage] {
        guard isExpanded else { return [] }
        return [
            Prepared.Stage(bytes: end - offset) { [self] bindings, _ in
                stridedCopy(
                    extents, strides: strides, size, from: bindings.input(input), to: bindings.workspace + offset)
                return .done
            }
        ]
    }

    /// The stretched input.
    func pointer(_ bindings: borrowing Bindings, input: Int) -> UnsafeRawPointer {
        isExpanded ? UnsafeRawPointer(bindings.workspace + offset) : bindings.input(input)
    }
}
