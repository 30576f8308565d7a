/// A message of a protocol-buffers file. Fields it does not know are passed over.
package protocol ProtobufMessage {
    /// The message's name in its `.proto` file, for errors.
    static var messageName: String { get }
    /// Reads all fields of `reader`.
    init(from reader: inout ProtobufReader) throws(ImportError)
    /// Appends all fields, in the order of their numbers.
    func encode(to writer: inout ProtobufWriter)
}

extension ProtobufMessage {
    /// Reads a file that holds this message.
    package init(path: String, limits: Limits = Limits()) throws(ImportError) {
        let file = try FileBytes(path: path, limits: limits)
        do { try self.init(file, limits: limits) } catch { throw .inFile(path, error) }
    }

    /// Reads this message from bytes; its tensors may share them.
    package init(_ file: FileBytes, limits: Limits = Limits()) throws(ImportError) {
        var reader = ProtobufReader(ByteCursor(file), message: Self.messageName, limits: limits)
        try self.init(from: &reader)
    }

    /// The bytes of the message.
    package func encoded() throws(ExportError) -> [UInt8] {
        var writer = ProtobufWriter()
        encode(to: &writer)
        guard writer.bytes.count <= Int32.max else {
            throw .unsupported("\(writer.bytes.count) bytes; protocol buffers end at 2 GiB", place: Self.messageName)
        }
        return writer.bytes
    }

    /// Writes a file that holds this message.
    package func write(to path: String) throws(ExportError) {
        try AtomicFile.write(encoded(), to: path)
    }
}
