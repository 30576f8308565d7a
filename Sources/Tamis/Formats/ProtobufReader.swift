/// Reads the fields of one protocol-buffers message, one after another.
package struct ProtobufReader {
    private var cursor: ByteCursor
    private let message: String
    private let depth: Int
    private let budget: ProtobufBudget

    /// Reads the outermost message, called `message` in errors.
    package init(_ cursor: ByteCursor, message: String, limits: Limits) {
        self.init(cursor, message: message, depth: limits.depth, budget: ProtobufBudget(limits))
    }

    init(_ cursor: ByteCursor, message: String, depth: Int, budget: ProtobufBudget) {
        self.cursor = cursor
        self.message = message
        self.depth = depth
        self.budget = budget
    }

    /// What the whole file may take.
    package var limits: Limits { budget.limits }

    /// Where the next field stands in the file.
    package var offset: Int { cursor.offset }

    /// The next field; nil at the message's end.
    package mutating func next() throws(ImportError) -> ProtobufField? {
        if cursor.isEmpty { return nil }
        let start = cursor.offset
        let tag = try cursor.varint(of: "the key of a field of \(message)")
        guard let number = Int32(exactly: tag >> 3), number > 0, number < 1 << 29 else {
            throw malformed("a field's number must be 1 to 2^29 - 1", received: "\(tag >> 3)", at: start)
        }
        let content: ProtobufField.Content
        switch tag & 7 {
        case 0: content = .varint(try cursor.varint(of: message))
        case 1: content = .fixed64(try cursor.integer(of: message))
        case 2:
            let length = Int(clamping: try cursor.varint(of: "the length of field \(number) of \(message)"))
            content = .bytes(try cursor.slice(length, of: "field \(number) of \(message)"))
        case 5: content = .fixed32(try cursor.integer(of: message))
        case 3, 4: throw malformed("groups are not part of the format", received: "field \(number)", at: start)
        default: throw malformed("a wire type must be 0, 1, 2 or 5", received: "\(tag & 7)", at: start)
        }
        return ProtobufField(
            number: Int(number), content: content, offset: start, message: message, depth: depth, budget: budget)
    }

    /// An error about the message's field at `offset`.
    package func malformed(_ rule: String, received: String, at offset: Int) -> ImportError {
        .malformed(rule: "\(message): \(rule)", received: received, offset: offset)
    }
}
