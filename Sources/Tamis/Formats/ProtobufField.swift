/// One field of a message, not yet taken for any type.
package struct ProtobufField {
    enum Content {
        case varint(UInt64), fixed32(UInt32), fixed64(UInt64), bytes(ByteCursor)
    }

    /// The field's number in its message.
    package let number: Int
    let content: Content
    /// Where the field stands in the file.
    package let offset: Int
    let message: String
    let depth: Int
    let budget: ProtobufBudget

    // MARK: Scalars

    /// An `int64`, `int32` or enumeration.
    package func integer() throws(ImportError) -> Int {
        guard case .varint(let bits) = content else { throw wrongType("an integer") }
        return Int(truncatingIfNeeded: bits)
    }

    /// A `float`.
    package func float() throws(ImportError) -> Float {
        guard case .fixed32(let bits) = content else { throw wrongType("a float") }
        return Float(bitPattern: bits)
    }

    /// The bytes of a `bytes`, where they lie.
    package func bytes() throws(ImportError) -> ByteCursor {
        guard case .bytes(let bytes) = content else { throw wrongType("bytes") }
        return bytes
    }

    /// A `string`, or `bytes` that must be text.
    package func string() throws(ImportError) -> String {
        try budget.spend()
        return try bytes().string(of: "field \(number) of \(message)")
    }

    // MARK: Repeated scalars

    /// The scalars of a repeated field: many if it is packed, else one.
    package func scalars(_ kind: ProtobufScalars.Kind) throws(ImportError) -> ProtobufScalars {
        switch (kind, content) {
        case (_, .bytes(let packed)):
            let scalars = ProtobufScalars(packed: packed, kind: kind, message: message)
            guard scalars.isWhole else { throw wrongType("whole scalars", received: "part of one") }
            return scalars
        case (.varint, .varint(let bits)): return ProtobufScalars(single: bits)
        case (.fixed32, .fixed32(let bits)): return ProtobufScalars(single: UInt64(bits))
        case (.fixed64, .fixed64(let bits)): return ProtobufScalars(single: bits)
        default: throw wrongType("scalars")
        }
    }

    /// Appends the integers of a repeated field.
    package func append(to list: inout [Int]) throws(ImportError) {
        var scalars = try scalars(.varint)
        while let bits = try scalars.next() { list.append(Int(truncatingIfNeeded: bits)) }
    }

    /// Appends the floats of a repeated field.
    package func append(to list: inout [Float]) throws(ImportError) {
        var scalars = try scalars(.fixed32)
        while let bits = try scalars.next() { list.append(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) }
    }

    // MARK: Messages

    /// A message within the message.
    package func message<Message: ProtobufMessage>(_ type: Message.Type = Message.self) throws(ImportError) -> Message {
        var reader = try reader(of: Message.messageName)
        return try Message(from: &reader)
    }

    /// The fields of a message within the message.
    package func reader(of name: String) throws(ImportError) -> ProtobufReader {
        try budget.spend()
        guard depth > 1 else {
            throw .limit(
                "the depth of messages within messages", limit: budget.limits.depth,
                received: budget.limits.depth &+ 1)
        }
        return ProtobufReader(try bytes(), message: name, depth: depth - 1, budget: budget)
    }

    /// Sets a field that holds one message. Twice the same field would mean to merge the two, which no writer does and
    /// which readers do differently.
    package func set<Message: ProtobufMessage>(_ slot: inout Message?) throws(ImportError) {
        guard slot == nil else {
            throw .malformed(
                rule: "\(message): field \(number) may stand once", received: "it twice", offset: offset)
        }
        slot = try message()
    }

    private func wrongType(_ wanted: String, received: String = "another wire type") -> ImportError {
        .malformed(rule: "\(message): field \(number) must hold \(wanted)", received: received, offset: offset)
    }
}
