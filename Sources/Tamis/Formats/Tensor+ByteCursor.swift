extension Tensor {
    /// The bytes left in `contents` as a tensor: row-major, sub-byte elements packed low bits first. It is a view of
    /// the file where its elements lie aligned and little-endian, otherwise a copy, a large one made when it is first read.
    package init(
        _ elementType: ElementType, shape: Shape, contents: ByteCursor, isBigEndian: Bool = false, place: String
    ) throws(ImportError) {
        guard elementType != .string, let bytes = elementType.byteCount(of: shape.elementCount),
            bytes == contents.count
        else {
            let needed = elementType.byteCount(of: shape.elementCount) ?? Int.max
            throw .malformed(
                rule: "\(place) (\(elementType) \(shape)) takes \(needed) bytes", received: "\(contents.count)",
                offset: contents.offset)
        }
        self = try contents.withUnsafeBytes { (source: UnsafeRawBufferPointer) throws(ImportError) in
            // A Swift Bool of another bit pattern than 0 and 1 would be undefined.
            guard elementType != .bool || source.allSatisfy({ $0 <= 1 }) else {
                throw .malformed(
                    rule: "\(place): a bool must be stored as 0 or 1", received: "another byte",
                    offset: contents.offset)
            }
            let width = elementType.componentBytes
            let isInOrder = Int(bitPattern: source.baseAddress) % width == 0 && (!isBigEndian || width == 1)
            if isInOrder && elementType.bitWidth >= 8 {
                let storage = TensorStorage(viewing: source, of: contents.file)
                return Tensor(elementType: elementType, shape: shape, storage: storage)
            }
            if elementType.bitWidth >= 8, !isBigEndian, bytes >= Self.deferredBytes {
                let storage = TensorStorage(copying: source, of: contents.file)
                return Tensor(elementType: elementType, shape: shape, storage: storage)
            }
            let copy = try Tensor(uninitialized: elementType, shape: shape, place: place)
            guard let base = source.baseAddress, bytes > 0 else { return copy }
            copy.storage.base.copyMemory(from: base, byteCount: bytes)
            if isBigEndian { copy.swapBytes() }
            copy.clearPadding()
            return copy
        }
    }

    /// From here on a copy of bytes that lie unaligned in a file waits until somebody reads it.
    private static var deferredBytes: Int { 1 << 12 }

    /// Memory for what a file announces, once its size is known to be there.
    init(uninitialized elementType: ElementType, shape: Shape, place: String) throws(ImportError) {
        self = try ImportError.at(place) { () throws(ShapeError) in
            try Tensor(uninitialized: elementType, shape: shape)
        }
    }

    /// Clears the bits after the last sub-byte element, so that equal tensors have equal bytes. Only for a tensor in
    /// the making, which shares its memory with nobody.
    func clearPadding() {
        let used = shape.elementCount * elementType.bitWidth % 8
        guard used > 0, byteCount > 0 else { return }
        let last = storage.base + byteCount - 1
        let kept = last.load(as: UInt8.self) & (UInt8(1) << UInt8(used) - 1)
        last.storeBytes(of: kept, as: UInt8.self)
    }

    /// Turns big-endian elements round. Only for a tensor in the making, which shares its memory with nobody.
    private func swapBytes() {
        switch elementType.componentBytes {
        case 2: swapBytes(as: UInt16.self)
        case 4: swapBytes(as: UInt32.self)
        case 8: swapBytes(as: UInt64.self)
        default: break
        }
    }

    private func swapBytes<Integer: FixedWidthInteger & BitwiseCopyable>(as type: Integer.Type) {
        let width = MemoryLayout<Integer>.size
        for offset in stride(from: 0, to: byteCount, by: width) {
            let bits = storage.base.load(fromByteOffset: offset, as: Integer.self)
            storage.base.storeBytes(of: bits.byteSwapped, toByteOffset: offset, as: Integer.self)
        }
    }
}

extension ElementType {
    /// The bytes of what is aligned and ordered as one: an element, half of a complex one, a byte of packed ones.
    var componentBytes: Int {
        switch self {
        case .complex64, .complex128: bitWidth / 16
        default: max(bitWidth / 8, 1)
        }
    }
}
