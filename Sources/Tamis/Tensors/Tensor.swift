/// A value of n axes: an element type, a shape and row-major elements. A copy shares memory until one of the two is written.
public struct Tensor: Sendable {
    /// The type of the elements.
    public let elementType: ElementType
    /// The extent of each axis.
    public let shape: Shape
    package private(set) var storage: TensorStorage
    /// The elements of a tensor of strings, which have no fixed size in memory; empty for the others.
    private let stringElements: [String]

    // MARK: Making one

    /// A tensor of `scalars` in row-major order.
    public init<Scalar: TensorScalar>(_ scalars: [Scalar], shape dimensions: [Int]) throws(ShapeError) {
        try self.init(uninitialized: Scalar.elementType, shape: Shape(dimensions))
        guard scalars.count == shape.elementCount else {
            throw .scalarCount(shape: dimensions, received: scalars.count)
        }
        scalars.withUnsafeBytes { source in
            if let base = source.baseAddress, source.count > 0 {
                storage.base.copyMemory(from: base, byteCount: source.count)
            }
        }
    }

    /// A tensor of one axis.
    public init<Scalar: TensorScalar>(_ scalars: [Scalar]) throws(ShapeError) {
        try self.init(scalars, shape: [scalars.count])
    }

    /// A tensor without axes: one element.
    public init<Scalar: TensorScalar>(scalar: Scalar) throws(ShapeError) {
        try self.init([scalar], shape: [])
    }

    /// A tensor whose elements all are `scalar`.
    public init<Scalar: TensorScalar>(repeating scalar: Scalar, shape dimensions: [Int]) throws(ShapeError) {
        try self.init(uninitialized: Scalar.elementType, shape: Shape(dimensions))
        let elements = storage.base.bindMemory(to: Scalar.self, capacity: shape.elementCount)
        elements.initialize(repeating: scalar, count: shape.elementCount)
    }

    /// A tensor of strings.
    public init(strings: [String], shape dimensions: [Int]) throws(ShapeError) {
        shape = try Shape(dimensions)
        guard strings.count == shape.elementCount else {
            throw .scalarCount(shape: dimensions, received: strings.count)
        }
        elementType = .string
        storage = try TensorStorage(byteCount: 0)
        stringElements = strings
    }

    /// A tensor of zeros (false, "" …) of any element type.
    public init(zeros elementType: ElementType, shape dimensions: [Int]) throws(ShapeError) {
        let shape = try Shape(dimensions)
        if elementType == .string {
            try self.init(strings: Array(repeating: "", count: shape.elementCount), shape: dimensions)
        } else {
            try self.init(uninitialized: elementType, shape: shape)
            storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: storage.byteCount)
        }
    }

    /// A tensor of memory that holds anything yet.
    package init(uninitialized elementType: ElementType, shape: Shape) throws(ShapeError) {
        guard let bytes = elementType.byteCount(of: shape.elementCount) else {
            throw .tooManyElements(shape.dimensions)
        }
        self.init(elementType: elementType, shape: shape, storage: try TensorStorage(byteCount: bytes))
    }

    /// A tensor over memory that already holds its elements; the caller has checked that it is large enough.
    package init(elementType: ElementType, shape: Shape, storage: TensorStorage) {
        self.elementType = elementType
        self.shape = shape
        self.storage = storage
        self.stringElements = []
    }

    /// A tensor whose elements `fill` makes when they are first read.
    package init(
        deferred elementType: ElementType, shape: Shape, fill: @escaping TensorStorage.Fill
    ) throws(ShapeError) {
        guard let bytes = elementType.byteCount(of: shape.elementCount) else {
            throw .tooManyElements(shape.dimensions)
        }
        self.init(elementType: elementType, shape: shape, storage: TensorStorage(byteCount: bytes, deferred: fill))
    }

    // MARK: Reading

    /// The number of bytes the elements take.
    public var byteCount: Int { storage.byteCount }

    /// The elements in row-major order; `Scalar` must be the tensor's own element type.
    public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) throws(ShapeError) -> [Scalar] {
        guard Scalar.elementType == elementType else {
            throw .elementType(rule: "the elements asked for are \(Scalar.elementType)", received: elementType)
        }
        try storage.make()
        try MemoryUse.expect(byteCount)
        let elements = UnsafeBufferPointer(
            start: UnsafePointer(storage.base.assumingMemoryBound(to: Scalar.self)), count: shape.elementCount)
        return Array(elements)
    }

    /// The elements of a tensor of strings in row-major order.
    public func strings() throws(ShapeError) -> [String] {
        guard elementType == .string else {
            throw .elementType(rule: "the elements asked for are strings", received: elementType)
        }
        return stringElements
    }

    /// The bytes of the elements, row-major, little-endian, sub-byte elements packed low bits first.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: storage.base, count: storage.byteCount))
    }

    /// The bytes of the elements, to be written; copies them first if another tensor shares them.
    public mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) throws -> Result {
        if !isUnique() {
            let copy = try TensorStorage(byteCount: storage.byteCount)
            try storage.make()
            copy.base.copyMemory(from: storage.base, byteCount: storage.byteCount)
            storage = copy
        }
        return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: storage.byteCount))
    }

    /// Whether no other tensor shares the memory, so that it may be written.
    package mutating func isUnique() -> Bool { !storage.isView && isKnownUniquelyReferenced(&storage) }

    // MARK: Other forms

    /// The same elements in another shape of as many elements.
    public func reshaped(to dimensions: [Int]) throws(ShapeError) -> Tensor {
        let shape = try Shape(dimensions)
        guard shape.elementCount == self.shape.elementCount else {
            throw .scalarCount(shape: dimensions, received: self.shape.elementCount)
        }
        if elementType == .string { return try Tensor(strings: stringElements, shape: dimensions) }
        return Tensor(elementType: elementType, shape: shape, storage: storage)
    }

    /// The elements `range` of the first axis, copied.
    public func slice(_ range: Range<Int>) throws(ShapeError) -> Tensor {
        guard let first = shape.dimensions.first, range.lowerBound >= 0, range.upperBound <= first else {
            throw .mismatch(
                rule: "a slice of the first axis must lie within it", received: "\(range) of the shape \(shape)")
        }
        let rowCount = shape.elementCount / max(first, 1)
        let rowBits = rowCount * elementType.bitWidth
        guard elementType != .string, rowBits % 8 == 0 else {
            throw .elementType(rule: "a slice needs rows of whole bytes", received: elementType)
        }
        let rowBytes = rowBits / 8
        let dimensions = [range.count] + shape.dimensions.dropFirst()
        let part = try Tensor(uninitialized: elementType, shape: Shape(dimensions))
        try storage.make()
        part.storage.base.copyMemory(
            from: storage.base + range.lowerBound * rowBytes, byteCount: range.count * rowBytes)
        return part
    }

    /// The elements converted to another numeric type; floats become the nearest integers towards 0 within the range.
    public func converted(to target: ElementType) throws(ShapeError) -> Tensor {
        if target == elementType { return self }
        let values = try doubles()
        if target == .bfloat16 { return try Tensor(values.map { BFloat16(Float($0)) }, shape: shape.dimensions) }
        guard let made = target.visit(Converted(values: values, shape: shape.dimensions)) else {
            throw .elementType(rule: "a tensor converts to a numeric type only", received: target)
        }
        return try made.get()
    }

    private struct Converted: NumericVisitor {
        let values: [Double]
        let shape: [Int]

        func visit<Scalar: NumericScalar>(_ type: Scalar.Type) -> Result<Tensor, ShapeError> {
            Result { () throws(ShapeError) in try Tensor(values.map(Scalar.init(nearest:)), shape: shape) }
        }
    }

    /// The elements as numbers of the widest float type; exact for all but 64-bit integers beyond 2⁵³.
    public func doubles() throws(ShapeError) -> [Double] {
        try MemoryUse.expect(byteCount + shape.elementCount * MemoryLayout<Double>.stride)
        return switch elementType {
        case .float32: try scalars(as: Float.self).map(Double.init)
        case .float64: try scalars(as: Double.self)
        case .float16: try scalars(as: Float16.self).map(Double.init)
        case .bfloat16: try scalars(as: BFloat16.self).map { Double($0.float) }
        case .int8: try scalars(as: Int8.self).map(Double.init)
        case .int16: try scalars(as: Int16.self).map(Double.init)
        case .int32: try scalars(as: Int32.self).map(Double.init)
        case .int64: try scalars(as: Int64.self).map(Double.init)
        case .uint8: try scalars(as: UInt8.self).map(Double.init)
        case .uint16: try scalars(as: UInt16.self).map(Double.init)
        case .uint32: try scalars(as: UInt32.self).map(Double.init)
        case .uint64: try scalars(as: UInt64.self).map { Double($0) }
        case .bool: try scalars(as: Bool.self).map { $0 ? 1 : 0 }
        default: throw .elementType(rule: "numbers are wanted", received: elementType)
        }
    }
}
