/// The extents of a tensor's axes, from `start` up to `end`. ONNX's Shape.
public struct ShapeOf: TypeOperator, Hashable {
    /// The first axis; negative counts from the end.
    public let start: Int
    /// The axis behind the last; negative counts from the end, nil means all that remain.
    public let end: Int?

    public init(start: Int = 0, end: Int? = nil) {
        self.start = start
        self.end = end
    }

    public var kind: String { "Shape" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        return [.tensor(.int64, [try axes(inputs).map { .fixed($0.count) } ?? .unknown])]
    }

    public func values(for inputs: Operands) throws(ShapeError) -> [Tensor]? {
        guard let axes = try axes(inputs), let dimensions = try inputs.tensor(0, "x").dimensions else { return nil }
        let extents = dimensions[axes].compactMap(\.value)
        return extents.count == axes.count ? [try Tensor(extents.map { Int64($0) })] : nil
    }

    /// The axes whose extents are wanted, where the number of axes is known.
    func axes(_ inputs: Operands) throws(ShapeError) -> Range<Int>? {
        guard let dimensions = try inputs.tensor(0, "x").dimensions else { return nil }
        func clamped(_ axis: Int) -> Int {
            min(max(axis < 0 ? axis + dimensions.count : axis, 0), dimensions.count)
        }
        let (first, last) = (clamped(start), clamped(end ?? dimensions.count))
        return min(first, last)..<last
    }
}

/// The number of a tensor's elements. ONNX's Size.
public struct SizeOf: TypeOperator, Hashable {
    public init() {}

    public var kind: String { "Size" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        _ = try inputs.tensor(0, "x")
        return [.tensor(.int64, [])]
    }

    public func values(for inputs: Operands) throws(ShapeError) -> [Tensor]? {
        guard let count = try inputs.tensor(0, "x").dimensions?.fixedProduct else { return nil }
        return [try Tensor(scalar: Int64(count))]
    }
}
