/// The places of all elements that are not zero, in row-major order: a column each, a row for each axis. ONNX's NonZero.
public struct NonZero: DynamicOperator, Hashable {
    public init() {}

    public var kind: String { "NonZero" }

    public func outputTypes(for inputs: Operands) throws(ShapeError) -> [ValueType] {
        try inputs.expect(count: 1...1)
        let (elementType, dimensions) = try inputs.tensor(0, "x")
        guard elementType.isNumeric || [.bool, .bfloat16].contains(elementType) else {
            throw .elementType(rule: "NonZero's x must be numbers or truth values", received: elementType)
        }
        return [.tensor(.int64, [dimensions.map { .fixed(max(1, $0.count)) } ?? .unknown, .unknown])]
    }

    public func evaluate(_ inputs: [Value?], in run: RunContext) throws(ExecutionError) -> [Value] {
        let x = try inputs.tensor(0, "x", of: kind)
        return try shaped { () throws(ShapeError) in
            // A place and a column of indices, twice, for each element at most.
            try MemoryUse.expect(x.shape.elementCount * 8 * (1 + 2 * max(1, x.shape.rank)))
            let size = x.elementType.bitWidth / 8
            // The sign of a float's zero does not count.
            let sign: UInt64 = x.elementType.isFloat ? 1 << (size * 8 - 1) : 0
            let base = try x.storage.make()
            let places = (0..<x.shape.elementCount).filter { index in
                var bits: UInt64 = 0
                withUnsafeMutableBytes(of: &bits) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: base + index * size, count: size))
                }
                return bits & ~sign != 0
            }
            guard places.count <= run.memoryLimit / 8 / max(1, x.shape.rank) else {
                throw .outOfMemory(bytes: run.memoryLimit)
            }
            // A single value counts as one axis.
            let (strides, extents) = x.shape.rank == 0 ? ([1], [1]) : (x.shape.strides, x.shape.dimensions)
            var columns: [Int64] = []
            columns.reserveCapacity(places.count * extents.count)
            for (stride, extent) in zip(strides, extents) {
                for place in places { columns.append(Int64(place / stride % max(1, extent))) }
            }
            return [.tensor(try Tensor(columns, shape: [extents.count, places.count]))]
        }
    }
}

extension [Value?] {
    /// The tensor at `index`.
    func tensor(_ index: Int, _ role: String, of kind: String) throws(ExecutionError) -> Tensor {
        guard index < count, let tensor = self[index]?.tensor else {
            throw .value(rule: "\(kind)'s \(role) must be a tensor", received: "another value")
        }
        return tensor
    }
}

/// What `body` makes of shapes during a run.
func shaped<Result>(_ body: () throws(ShapeError) -> Result) throws(ExecutionError) -> Result {
    do throws(ShapeError) { return try body() } catch { throw .plan(.shape(error)) }
}
