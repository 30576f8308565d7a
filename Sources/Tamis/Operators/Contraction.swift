import CTamisKernels
import TamisKernels

/// Sums of products of tensors over labelled axes: each element of the target is the sum, over the labels that the target
/// has not, of the product of the sources' elements there.
struct Contraction: Sendable {
    /// A tensor with a label an axis. One label on two axes is their diagonal.
    struct Term: Sendable {
        /// The labels of the axes of more than one element, with the distance of neighbours along them; each once.
        let strides: [Int: Int]
        let extents: [Int: Int]
        let elementCount: Int

        init(_ labels: [Int], _ shape: Shape) {
            var (strides, extents) = ([Int: Int](), [Int: Int]())
            for (axis, label) in labels.enumerated() where axis < shape.rank && shape[axis] != 1 {
                strides[label, default: 0] += shape.strides[axis]
                extents[label] = shape[axis]
            }
            (self.strides, self.extents, elementCount) = (strides, extents, shape.elementCount)
        }

        /// The labels as the elements lie, outermost first.
        var labels: [Int] { strides.keys.sorted { (strides[$0] ?? 0, $1) > (strides[$1] ?? 0, $0) } }
    }

    private let target: Term
    private let sources: [Term]
    private let extents: [Int: Int]
    /// The labels of the target, as it lies, and those that are summed over.
    private let kept: [Int]
    private let summed: [Int]

    init(target: Term, sources: [Term]) {
        self.target = target
        self.sources = sources
        var extents = target.extents
        for source in sources { extents.merge(source.extents) { first, _ in first } }
        self.extents = extents
        kept = target.labels
        let others = Set(extents.keys).subtracting(kept)
        // The innermost label of the first source that has one runs innermost.
        summed = others.sorted { left, right in
            let strides = sources.map { ($0.strides[left] ?? 0, $0.strides[right] ?? 0) }
            return strides.first { $0 != $1 }.map { $0 > $1 } ?? (left < right)
        }
    }

    /// The work on sources that are the inputs from `firstInput` on.
    func prepared(_ context: Preparation, firstInput: Int) throws(PlanError) -> Prepared {
        let elementType = context.outputs[0].elementType
        if elementType.isFloat {
            let kernels = try context.kernels(for: elementType)
            if let product = MatrixForm(self) { return product.prepared(kernels, firstInput: firstInput) }
        }
        guard let prepared = elementType.visit(Loops(contraction: self, firstInput: firstInput)) else {
            throw .unsupported(operator: "Einsum", rule: "it computes with numbers", received: elementType.rawValue)
        }
        return prepared
    }

    private func extents(_ labels: [Int]) -> [Int] { labels.map { extents[$0] ?? 1 } }
    private func count(_ labels: [Int]) -> Int { extents(labels).reduce(1, *) }

    // MARK: One element after the other

    private struct Loops: NumericVisitor {
        let contraction: Contraction
        let firstInput: Int

        func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Prepared {
            let c = contraction
            let (kept, outer) = (c.extents(c.kept), c.extents(Array(c.summed.dropLast())))
            let inner = c.summed.last.map { c.extents[$0] ?? 1 } ?? 1
            let targetStrides = c.kept.map { c.target.strides[$0] ?? 0 }
            let keptStrides = c.sources.map { source in c.kept.map { source.strides[$0] ?? 0 } }
            let outerStrides = c.sources.map { source in c.summed.dropLast().map { source.strides[$0] ?? 0 } }
            let innerStrides = c.sources.map { source in c.summed.last.flatMap { source.strides[$0] } ?? 0 }
            let (results, outerCount) = (c.count(c.kept), outer.reduce(1, *))
            let run = max(1, (1 << 13) / max(1, outerCount * inner))
            let isDiagonal = results != c.target.elementCount
            let elements = c.target.elementCount
            let sources = c.sources.indices
            var stages: [Prepared.Stage] = []
            if isDiagonal {
                stages.append(
                    Prepared.Stage { bindings, _ in
                        bindings.output(0).assumingMemoryBound(to: Scalar.self)
                            .update(repeating: Scalar(wrapping: 0), count: elements)
                        return .done
                    })
            }
            stages.append(
                Prepared.Stage(
                    tiles: (results + run - 1) / run,
                    operations: 2 * Double(results) * Double(outerCount) * Double(inner * sources.count), slowness: 40
                ) { [firstInput] bindings, tiles in
                    let y = bindings.output(0).assumingMemoryBound(to: Scalar.self)
                    // Where each source is.
                    let places = bindings.scratch.assumingMemoryBound(to: Int.self)
                    for result in tiles.lowerBound * run..<min(tiles.upperBound * run, results) {
                        var total = Scalar(wrapping: 0)
                        for step in 0..<outerCount {
                            for source in sources {
                                places[source] =
                                    place(result, kept, keptStrides[source]) + place(step, outer, outerStrides[source])
                            }
                            for index in 0..<inner {
                                var product = Scalar(wrapping: 1)
                                for source in sources {
                                    let x = bindings.input(firstInput + source).assumingMemoryBound(to: Scalar.self)
                                    let at = places[source] + index * innerStrides[source]
                                    product = Scalar.product(product, x[at])
                                }
                                total = Scalar.sum(total, product)
                            }
                        }
                        y[place(result, kept, targetStrides)] = total
                    }
                    return .done
                })
            return Prepared(
                "element by element", stages: stages, scratchBytes: sources.count * MemoryLayout<Int>.stride)
        }
    }

    // MARK: As a product of matrices

    /// Two sources that are a batch of matrices each, once their axes are in order: B × M × K and B × K × N.
    private struct MatrixForm {
        let (batch, m, n, k): ([Int], [Int], [Int], [Int])
        let contraction: Contraction

        init?(_ contraction: Contraction) {
            guard contraction.sources.count == 2,
                contraction.count(contraction.kept) == contraction.target.elementCount,
                contraction.count(contraction.summed) > 1
            else { return nil }
            let (left, right) = (contraction.sources[0].strides, contraction.sources[1].strides)
            func has(_ label: Int) -> (Bool, Bool) { (left[label] != nil, right[label] != nil) }
            guard contraction.summed.allSatisfy({ has($0) == (true, true) }),
                contraction.kept.allSatisfy({ has($0) != (false, false) })
            else { return nil }
            self.contraction = contraction
            batch = contraction.kept.filter { has($0) == (true, true) }
            m = contraction.kept.filter { has($0) == (true, false) }
            n = contraction.kept.filter { has($0) == (false, true) }
            k = contraction.summed
        }

        /// What brings the elements of a source in the order of labels: nil where they lie so.
        private func copied(_ term: Term, _ labels: [Int]) -> (extents: [Int], strides: [Int])? {
            let extents = contraction.extents(labels)
            let strides = labels.map { term.strides[$0] ?? 0 }
            var natural = 1
            for (extent, stride) in zip(extents, strides).reversed() {
                guard stride == natural else { return (extents, strides) }
                natural *= extent
            }
            return nil
        }

        func prepared(_ kernels: KernelTable, firstInput: Int) -> Prepared {
            let size = kernels.type.byteCount
            let (matrices, rows, columns, depth) = (
                contraction.count(batch), contraction.count(m), contraction.count(n), contraction.count(k)
            )
            var (stages, workspace) = ([Prepared.Stage](), 0)
            func room(_ scalars: Int) -> Int {
                defer { workspace += (scalars * size + 63) / 64 * 64 }
                return workspace
            }
            /// Where a source is once its axes are in order.
            func ordered(_ source: Int, _ labels: [Int], _ count: Int)
                -> @Sendable (borrowing Bindings) -> UnsafeRawPointer
            {
                let input = firstInput + source
                guard let (extents, strides) = copied(contraction.sources[source], labels) else {
                    return { $0.input(input) }
                }
                let offset = room(count)
                stages.append(
                    Prepared.Stage(bytes: 2 * count * size) { bindings, _ in
                        stridedCopy(
                            extents, strides: strides, size, from: bindings.input(input),
                            to: bindings.workspace + offset)
                        return .done
                    })
                return { UnsafeRawPointer($0.workspace + offset) }
            }
            let x = ordered(0, batch + m + k, matrices * rows * depth)
            let w = ordered(1, batch + k + n, matrices * depth * columns)
            let panelScalars = kernels.panelScalars(k: depth, n: columns)
            let panels = room(matrices * panelScalars)
            stages.append(
                Prepared.Stage(tiles: matrices, bytes: 2 * matrices * depth * columns * size) { bindings, tiles in
                    for matrix in tiles {
                        kernels.pack_panels(
                            depth, columns, w(bindings) + matrix * depth * columns * size, columns, false,
                            bindings.workspace + panels + matrix * panelScalars * size)
                    }
                    return .done
                })
            // The result in the order of the matrices, then in that of the target.
            let order = batch + m + n
            let isInOrder = order == contraction.kept
            let result = isInOrder ? 0 : room(matrices * rows * columns)
            let tileRows = max(24, min(rows, (1 << 21) / max(1, 2 * columns * depth)))
            let rowTiles = (rows + tileRows - 1) / tileRows
            let operations = 2 * Double(matrices) * Double(rows) * Double(columns) * Double(depth)
            let multiply = Prepared.Stage(tiles: matrices * rowTiles, operations: operations) { bindings, tiles in
                let y: UnsafeMutableRawPointer = isInOrder ? bindings.output(0) : bindings.workspace + result
                for tile in tiles {
                    let (matrix, first) = tile.quotientAndRemainder(dividingBy: rowTiles)
                    let row = matrix * rows + first * tileRows
                    let count = min(tileRows, rows - first * tileRows)
                    let source: UnsafeRawPointer = x(bindings) + row * depth * size
                    let packed: UnsafeMutableRawPointer = bindings.workspace + panels + matrix * panelScalars * size
                    kernels.multiply_panels(
                        count, columns, depth, source, depth, packed, nil, nil, 0, .identity,
                        y + row * columns * size, columns)
                }
                return .done
            }
            stages.append(multiply)
            if !isInOrder {
                let extents = contraction.extents(contraction.kept)
                let strides = contraction.kept.map { label in
                    order.drop { $0 != label }.dropFirst().reduce(1) { $0 * (contraction.extents[$1] ?? 1) }
                }
                stages.append(
                    Prepared.Stage(bytes: 2 * matrices * rows * columns * size) { bindings, _ in
                        stridedCopy(
                            extents, strides: strides, size, from: bindings.workspace + result, to: bindings.output(0))
                        return .done
                    })
            }
            return Prepared("packed panels", stages: stages, workspaceBytes: workspace)
        }
    }
}

/// The offset of the place that `index` counts to.
@inline(__always)
private func place(_ index: Int, _ extents: [Int], _ strides: [Int]) -> Int {
    var (rest, offset) = (index, 0)
    for axis in extents.indices.reversed() {
        let (quotient, position) = rest.quotientAndRemainder(dividingBy: extents[axis])
        offset += position * strides[axis]
        rest = quotient
    }
    return offset
}
