extension ONNXTensor: ProtobufMessage {
    package static let messageName = "TensorProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        let start = reader
        var number = 0, location = 0, dimensions: [Int] = [], entries: [ONNXEntry] = []
        var storage: Storage?, count = 0
        var raw: ByteCursor?
        self.init(.unread)
        while let field = try reader.next() {
            switch field.number {
            case 1: try field.append(to: &dimensions)
            case 2: number = try field.integer()
            case 3:
                throw .unsupported("tensors in segments", place: "TensorProto at offset \(field.offset)")
            case 8: name = try field.string()
            case 12: documentation = try field.string()
            case 13: entries.append(try field.message())
            case 14: location = try field.integer()
            default:
                guard let found = Storage(rawValue: field.number) else { continue }
                let added = try found.count(in: field)
                // No element of a typed field is the same as no field; raw bytes are there even if there is none.
                guard added > 0 || found == .raw else { continue }
                guard storage ?? found == found, raw == nil else {
                    throw reader.malformed(
                        "a tensor's elements must stand in one field", received: "\(found.name) beside others",
                        at: field.offset)
                }
                storage = found
                count += added
                if found == .raw { raw = try field.bytes() }
            }
        }

        let place = "tensor \"\(name)\""
        guard let elementType = ElementType(onnxNumber: number) else {
            if (27...28).contains(number) { throw .unsupported("6-bit floats", place: place) }
            throw start.malformed(
                "data_type must be one of ONNX's", received: "\(number) in \(place)", at: start.offset)
        }
        let shape = try reader.limits.shape(dimensions, of: elementType, place: place)
        switch (location, storage) {
        case (1, nil):
            contents = .external(elementType, shape, entries)
        case (0, _) where entries.isEmpty:
            if let raw, elementType != .string {
                contents = .tensor(try Tensor(elementType, shape: shape, contents: raw, place: place))
            } else {
                try Self.check(storage, holds: count, for: elementType, shape, of: start, place)
                contents = .tensor(try Self.tensor(elementType, shape, from: start, place: place))
            }
        default:
            throw start.malformed(
                "a tensor's elements must be either in the file or in another", received: "both in \(place)",
                at: start.offset)
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        switch contents {
        case .tensor(let tensor):
            writer.integers(1, tensor.shape.dimensions)
            writer.integer(2, tensor.elementType.onnxNumber)
            if let strings = try? tensor.strings() { writer.strings(6, strings) }
            writer.nonEmpty(8, name)
            if tensor.elementType != .string { tensor.withUnsafeBytes { writer.bytes(9, $0) } }
            writer.nonEmpty(12, documentation)
        case .external(let elementType, let shape, let entries):
            writer.integers(1, shape.dimensions)
            writer.integer(2, elementType.onnxNumber)
            writer.nonEmpty(8, name)
            writer.nonEmpty(12, documentation)
            writer.messages(13, entries)
            writer.integer(14, 1)
        }
    }
}

extension ONNXTensor.Contents {
    /// Stands while the fields are read.
    fileprivate static var unread: Self { .external(.float32, .scalar, []) }
}

extension ONNXTensor {
    fileprivate init(_ contents: Contents) {
        self.name = ""
        self.contents = contents
    }

    /// Whether the typed field is the one for the element type, and holds as many scalars as the shape says. It comes
    /// before memory is asked for.
    private static func check(
        _ storage: Storage?, holds count: Int, for elementType: ElementType, _ shape: Shape, of start: ProtobufReader,
        _ place: String
    ) throws(ImportError) {
        let wanted = Storage(of: elementType)
        guard storage == nil || storage == wanted else {
            throw start.malformed(
                "the elements of a tensor of \(elementType) must stand in \(wanted.name)",
                received: "\(storage?.name ?? "none") in \(place)", at: start.offset)
        }
        let expected = wanted.scalarCount(of: elementType, elements: shape.elementCount)
        guard count == expected else {
            throw start.malformed(
                "\(place) (\(elementType) \(shape)) takes \(expected) scalars", received: "\(count)", at: start.offset)
        }
    }

    /// Reads the message a second time, now for the elements of its typed field, straight into the tensor's memory.
    private static func tensor(
        _ elementType: ElementType, _ shape: Shape, from start: ProtobufReader, place: String
    ) throws(ImportError) -> Tensor {
        var reader = start
        if elementType == .string {
            var strings: [String] = []
            strings.reserveCapacity(shape.elementCount)
            while let field = try reader.next() {
                if field.number == Storage.strings.rawValue { strings.append(try field.string()) }
            }
            return try ImportError.at(place) { () throws(ShapeError) in
                try Tensor(strings: strings, shape: shape.dimensions)
            }
        }
        let storage = Storage(of: elementType)
        let tensor = try Tensor(uninitialized: elementType, shape: shape, place: place)
        var elements = ElementWriter(tensor)
        while let field = try reader.next() {
            guard field.number == storage.rawValue else { continue }
            var scalars = try field.scalars(storage.kind)
            while let bits = try scalars.next() {
                guard elements.append(bits) else {
                    throw reader.malformed(
                        "the elements of \(place) must fit \(elementType)",
                        received: "\(Int(truncatingIfNeeded: bits))", at: field.offset)
                }
            }
        }
        tensor.clearPadding()
        return tensor
    }
}

/// The fields of `TensorProto` that hold elements, by their numbers.
private enum Storage: Int {
    case floats = 4, int32s = 5, strings = 6, int64s = 7, raw = 9, doubles = 10, uint64s = 11

    /// The typed field for an element type.
    init(of elementType: ElementType) {
        switch elementType {
        case .float32, .complex64: self = .floats
        case .float64, .complex128: self = .doubles
        case .int64: self = .int64s
        case .uint32, .uint64: self = .uint64s
        case .string: self = .strings
        default: self = .int32s
        }
    }

    /// The field's name in the `.proto` file.
    var name: String {
        switch self {
        case .floats: "float_data"
        case .int32s: "int32_data"
        case .strings: "string_data"
        case .int64s: "int64_data"
        case .raw: "raw_data"
        case .doubles: "double_data"
        case .uint64s: "uint64_data"
        }
    }

    /// How the field's scalars lie in the file.
    var kind: ProtobufScalars.Kind {
        switch self {
        case .floats: .fixed32
        case .doubles: .fixed64
        default: .varint
        }
    }

    /// How many scalars (bytes of raw data) a field adds.
    func count(in field: ProtobufField) throws(ImportError) -> Int {
        switch self {
        case .raw: try field.bytes().count
        case .strings: 1
        default: try field.scalars(kind).count
        }
    }

    /// How many scalars hold so many elements: two a complex one, one a byte of packed ones.
    func scalarCount(of elementType: ElementType, elements: Int) -> Int {
        switch elementType {
        case .complex64, .complex128: elements * 2
        case .string: elements
        default: elementType.bitWidth < 8 ? elementType.byteCount(of: elements) ?? Int.max : elements
        }
    }
}

/// Puts scalars of a typed field into the memory of a tensor in the making, in order.
private struct ElementWriter {
    private let storage: TensorStorage
    private let elementType: ElementType
    private let width: Int
    private var offset = 0

    init(_ tensor: Tensor) {
        storage = tensor.storage
        elementType = tensor.elementType
        width = elementType.componentBytes
    }

    /// False where the scalar does not fit the element type, or no room is left.
    mutating func append(_ bits: UInt64) -> Bool {
        guard offset + width <= storage.byteCount, fits(bits) else { return false }
        let target = storage.base + offset
        switch width {
        case 1: target.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
        case 2: target.storeBytes(of: UInt16(truncatingIfNeeded: bits), as: UInt16.self)
        case 4: target.storeBytes(of: UInt32(truncatingIfNeeded: bits), as: UInt32.self)
        default: target.storeBytes(of: bits, as: UInt64.self)
        }
        offset += width
        return true
    }

    private func fits(_ bits: UInt64) -> Bool {
        // int32 fields count by their low 32 bits, as protocol buffers have it.
        let int32 = Int32(truncatingIfNeeded: bits)
        return switch elementType {
        case .int8: Int8(exactly: int32) != nil
        case .int16: Int16(exactly: int32) != nil
        case .bool: int32 == 0 || int32 == 1
        case .uint32: bits <= UInt32.max
        case .float32, .float64, .complex64, .complex128, .int32, .int64, .uint64, .string: true
        default: int32 >= 0 && Int(int32) < 1 << (width * 8)
        }
    }
}
