/// Where the scale, or the zero point, of each element of a tensor stands: one for all, one for each place of an axis, or
/// one for each block along it.
struct QuantizationGrid: Sendable {
    private let extent: Int
    private let inner: Int
    private let block: Int
    private let strides: (outer: Int, axis: Int, inner: Int)
    /// The number of scales.
    let count: Int

    /// The grid of a tensor `x` with scales of a shape that `check` admits.
    init(_ x: Shape, scales: Shape, axis: Int, block: Int) {
        count = scales.elementCount
        guard scales.elementCount != 1 || scales.rank > 1, scales.rank > 0, x.rank > 0 else {
            (extent, inner, self.block, strides) = (1, max(1, x.elementCount), 1, (0, 0, 0))
            return
        }
        let axis = axis < 0 ? axis + x.rank : axis
        extent = x[axis]
        inner = x.dimensions[(axis + 1)...].reduce(1, *)
        self.block = max(1, block)
        strides = block > 0 ? (scales[axis] * inner, inner, 1) : (0, 1, 0)
    }

    /// Calls `body` for each run of elements whose scales are in step: its first element, counted from `first`, its length,
    /// the place of its first scale, and the distance to the next.
    @inline(__always)
    func forEachRun(_ first: Int, _ count: Int, _ body: (_ at: Int, _ length: Int, _ scale: Int, _ step: Int) -> Void) {
        var element = first
        while element < first + count {
            let (line, start) = element.quotientAndRemainder(dividingBy: inner)
            let (outer, position) = line.quotientAndRemainder(dividingBy: extent)
            let length = min(inner - start, first + count - element)
            body(
                element - first, length,
                outer * strides.outer + position / block * strides.axis + start * strides.inner, strides.inner)
            element += length
        }
    }

    /// Throws unless scales of these dimensions are one number, one for each place of the axis, or one for each block.
    static func check(
        _ scales: [Dimension]?, of x: [Dimension]?, axis: Int, block: Int, _ inputs: Operands, _ role: String
    ) throws(ShapeError) {
        guard block >= 0 else {
            throw .mismatch(rule: "\(inputs.operatorName)'s blocks must have elements", received: "\(block)")
        }
        guard let scales, let x, !isSingle(scales) else { return }
        let axis = try inputs.axis(axis, rank: x.count)
        var wanted = [x[axis]]
        if block > 0 {
            wanted = x
            wanted[axis] = x[axis].value.map { .fixed($0 / block + ($0 % block > 0 ? 1 : 0)) } ?? .unknown
        }
        guard scales.count == wanted.count else {
            throw .mismatch(
                rule: "\(inputs.operatorName)'s \(role) must have the extents \(wanted), or be one number",
                received: "\(scales)")
        }
        for (left, right) in zip(scales, wanted) { _ = try inputs.common(left, right, "the extents of \(role)") }
    }

    /// Whether scales of these dimensions are one for the whole tensor.
    static func isSingle(_ scales: [Dimension]) -> Bool {
        scales.isEmpty || scales == [1]
    }

    /// What becomes of the axis and of scales and zero points where the axes of x come in another order: nil where that is
    /// not known.
    static func permuted(
        axis: Int, block: Int, by order: Permutation, _ inputs: Operands
    ) -> (axis: Int, inputs: [Permutation?])? {
        guard let scales = inputs.optional(1)?.type.dimensions else { return nil }
        let others = inputs.all.count - 1
        if isSingle(scales) { return (axis, [order] + [Permutation?](repeating: nil, count: others)) }
        guard let place = try? inputs.axis(axis, rank: order.rank) else { return nil }
        return (order.order[place], [order] + [Permutation?](repeating: block > 0 ? order : nil, count: others))
    }
}

extension ElementType {
    /// The range of an integer type that floats are quantised to.
    var quantizedRange: ClosedRange<Double>? {
        switch self {
        case .uint8: 0...255
        case .int8: -128...127
        case .uint16: 0...65535
        case .int16: -32768...32767
        case .uint4: 0...15
        case .int4: -8...7
        case .uint2: 0...3
        case .int2: -2...1
        default: nil
        }
    }

    /// Whether it is one of the floats of eight bits or fewer that stand for others with a scale.
    var isSmallFloat: Bool { SmallFloat(self) != nil && self != .float8e8m0 }

    /// Reads `count` elements from the element `first` on as floats; nil where the type has no numbers.
    var readingFloats:
        (@Sendable (_ from: UnsafeRawPointer, _ first: Int, _ count: Int, _ to: UnsafeMutablePointer<Float>) -> Void)?
    {
        if let decoder = Decoder(self) {
            if decoder.type == .float32 { return { decoder.run($0, $1, $2, UnsafeMutableRawPointer($3)) } }
            return { from, first, count, to in
                // Integers of the same size, converted where they are.
                decoder.run(from, first, count, UnsafeMutableRawPointer(to))
                let codes = UnsafeRawPointer(to).assumingMemoryBound(to: Int32.self)
                for index in 0..<count { to[index] = Float(codes[index]) }
            }
        }
        guard let convert = Conversion.between(self, .float32) else { return nil }
        let size = bitWidth / 8
        return { convert($0 + $1 * size, UnsafeMutableRawPointer($3), $2) }
    }
}

extension Prepared.Stage {
    /// Reads a whole input as floats to a place in the workspace.
    static func readingFloats(
        _ input: Int, _ elementType: ElementType, count: Int, to offset: Int, of kind: String
    ) throws(PlanError) -> Prepared.Stage {
        guard let read = elementType.readingFloats else {
            throw .unsupported(operator: kind, rule: "it computes with numbers", received: elementType.rawValue)
        }
        return Prepared.Stage(bytes: 8 * count) { bindings, _ in
            read(bindings.input(input), 0, count, (bindings.workspace + offset).assumingMemoryBound(to: Float.self))
            return .done
        }
    }
}
