/// Appends fields of protocol-buffers messages to bytes.
package struct ProtobufWriter {
    /// What is written so far.
    package private(set) var bytes: [UInt8] = []

    /// Starts with nothing written.
    package init() {}

    // MARK: Single fields

    /// An `int64`, `int32` or enumeration.
    package mutating func integer(_ number: Int, _ value: Int) {
        key(number, wireType: 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A `float`.
    package mutating func float(_ number: Int, _ value: Float) {
        key(number, wireType: 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A `string`.
    package mutating func string(_ number: Int, _ value: String) {
        key(number, wireType: 2)
        varint(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// A `string` that is left out when it is empty, which means the same.
    package mutating func nonEmpty(_ number: Int, _ value: String) {
        if !value.isEmpty { string(number, value) }
    }

    /// A `bytes`.
    package mutating func bytes(_ number: Int, _ value: UnsafeRawBufferPointer) {
        key(number, wireType: 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A message within the message.
    package mutating func message(_ number: Int, _ value: some ProtobufMessage) {
        nested(number) { value.encode(to: &$0) }
    }

    /// A message whose fields `body` appends.
    package mutating func nested(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
        key(number, wireType: 2)
        let start = bytes.count
        body(&self)
        // The length comes before the content and takes room by its size: one move a level costs less than measuring
        // all messages first.
        let end = bytes.count
        varint(UInt64(end - start))
        let length = Array(bytes[end...])
        bytes.removeSubrange(end...)
        bytes.insert(contentsOf: length, at: start)
    }

    // MARK: Repeated fields

    /// Strings, one field each.
    package mutating func strings(_ number: Int, _ values: [String]) {
        for value in values { string(number, value) }
    }

    /// Messages, one field each.
    package mutating func messages(_ number: Int, _ values: [some ProtobufMessage]) {
        for value in values { message(number, value) }
    }

    /// Integers, one field each, as ONNX declares them.
    package mutating func integers(_ number: Int, _ values: [Int]) {
        for value in values { integer(number, value) }
    }

    /// Floats, one field each, as ONNX declares them.
    package mutating func floats(_ number: Int, _ values: [Float]) {
        for value in values { float(number, value) }
    }

    // MARK: Wire format

    private mutating func key(_ number: Int, wireType: UInt64) {
        varint(UInt64(number) << 3 | wireType)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
