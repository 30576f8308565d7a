/// A sequence of values in a file of its own (`SequenceProto`), as ONNX's test data have it.
package struct ONNXSequence: Sendable {
    package var name = ""
    package var elements: [Value] = []

    /// A sequence of values.
    package init(_ elements: [Value], name: String = "") {
        self.elements = elements
        self.name = name
    }
}

extension ONNXSequence: ProtobufMessage {
    package static let messageName = "SequenceProto"

    package init(from reader: inout ProtobufReader) throws(ImportError) {
        while let field = try reader.next() {
            if field.number == 1 { name = try field.string() }
            if let element = try field.value() { elements.append(element) }
        }
    }

    package func encode(to writer: inout ProtobufWriter) {
        writer.nonEmpty(1, name)
        writer.values(elements)
    }
}

extension ProtobufField {
    /// The value that this field of `SequenceProto` or `OptionalProto` holds, if it is one that holds values.
    func value() throws(ImportError) -> Value? {
        switch number {
        case 3: .tensor(try message(ONNXTensor.self).tensor())
        case 4, 6: throw .unsupported("maps and sparse tensors", place: "offset \(offset)")
        case 5: .sequence(try message(ONNXSequence.self).elements)
        case 7: .optional(try message(ONNXOptional.self).value)
        default: nil
        }
    }
}

extension ProtobufWriter {
    /// The fields of `SequenceProto` or `OptionalProto` that say the kind of the values and hold them.
    mutating func values(_ values: [Value]) {
        if let first = values.first { integer(2, first.fieldNumber - 2) }
        for value in values {
            switch value {
            case .tensor(let tensor): message(value.fieldNumber, ONNXTensor(tensor))
            case .sequence(let elements): message(value.fieldNumber, ONNXSequence(elements))
            case .optional(let element): message(value.fieldNumber, ONNXOptional(element))
            }
        }
    }
}

extension Value {
    fileprivate var fieldNumber: Int {
        switch self {
        case .tensor: 3
        case .sequence: 5
        case .optional: 7
        }
    }
}
