import TamisKernels

/// The places that an affine map of an image's own places gives, for GridSample. ONNX's AffineGrid.
///
/// theta: N × 2 × 3 or N × 3 × 4, the size of the images as ONNX counts it, N, C, spatial: a constant of int64; y:
/// N × spatial × axes, y = theta · (x, y, (z,) 1), the last axis's coordinate first.
public struct AffineGrid: Operator, Hashable {
    /// Whether −1 and 1 are the middles of the first and last pixels, or their outer edges.
    public let alignsCorners: Bool

    public init(alignsCorners: Bool = false) { self.alignsCorners = alignsCorners }

    public var kind: String { "AffineGrid" }
    public var valueOperands: [Int] { [1] }
    public var widensHalves: Bool { true }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 2...2)
        let (elementType, theta) = try inputs.floats(0, "theta", rank: 3...3)
        let axes: Int?
        switch (theta[1].value, theta[2].value) {
        case (2?, let columns) where columns == nil || columns == 3: axes = 2
        case (3?, let columns) where columns == nil || columns == 4: axes = 3
        case (nil, let columns) where columns == nil || columns == 3 || columns == 4: axes = columns.map { $0 - 1 }
        default:
            throw .mismatch(rule: "AffineGrid's theta must be N × 2 × 3 or N × 3 × 4", received: "\(theta)")
        }
        guard let size = try inputs.integers(1, "size") else {
            return [
                .tensor(elementType, axes.map { [theta[0]] + Array(repeating: .unknown, count: $0) + [.fixed($0)] })
            ]
        }
        guard size.count == 4 || size.count == 5, axes.map({ $0 == size.count - 2 }) ?? true else {
            throw .mismatch(
                rule: "AffineGrid's size must be N, C and an extent for each axis that theta maps", received: "\(size)")
        }
        try inputs.expect(theta[0], equals: size[0], "matrices, one for each image,")
        return [.tensor(elementType, try Shape([size[0]] + size[2...] + [size.count - 2]))]
    }

    public func prepare(_ context: Preparation) throws(PlanError) -> Prepared {
        var prepared =
            try context.input(0).elementType == .float32
            ? map(context.outputs[0].shape, Float.self) : map(context.outputs[0].shape, Double.self)
        prepared.unreadInputs = [1]
        return prepared
    }

    private func map<Scalar: BinaryFloatingPoint & Sendable>(_ shape: Shape, _: Scalar.Type) -> Prepared {
        let axes = shape.rank - 2
        let extents = Array(shape.dimensions[1...axes])
        let lines = shape[0] * extents.dropLast().reduce(1, *)
        let linesPerImage = extents.dropLast().reduce(1, *)
        let width = extents[axes - 1]
        return Prepared(
            "affine map", tiles: lines, operations: Double(shape.elementCount * 2 * (axes + 1)), slowness: 20
        ) { [self] bindings, tiles in
            for line in tiles {
                let theta =
                    bindings.input(0).assumingMemoryBound(to: Scalar.self) + line / linesPerImage * axes * (axes + 1)
                let y = bindings.output(0).assumingMemoryBound(to: Scalar.self) + line * width * axes
                let place = line % linesPerImage
                let height = coordinate(place % extents[axes - 2], extents[axes - 2])
                let depth = axes == 3 ? coordinate(place / extents[1], extents[0]) : 0
                for position in 0..<width {
                    let x = coordinate(position, width)
                    for row in 0..<axes {
                        let factors = theta + row * (axes + 1)
                        var sum = Double(factors[0]) * x + Double(factors[1]) * height
                        if axes == 3 { sum += Double(factors[2]) * depth }
                        y[position * axes + row] = Scalar(sum + Double(factors[axes]))
                    }
                }
            }
            return .done
        }
    }

    /// The coordinate of a pixel.
    private func coordinate(_ place: Int, _ extent: Int) -> Double {
        if alignsCorners { return place == 0 ? -1 : 2 * Double(place) / Double(extent - 1) - 1 }
        return Double(2 * place + 1) / Double(extent) - 1
    }
}
