extension Tensor: CustomStringConvertible {
    /// The type, the shape and the first elements.
    public var description: String {
        let shown = 8
        let head: [String]
        if elementType == .string {
            head = ((try? strings()) ?? []).prefix(shown).map { "\"\($0)\"" }
        } else if shape.elementCount <= shown, let values = try? doubles() {
            head = values.map { "\($0)" }
        } else if let values = try? reshaped(to: [shape.elementCount]).slice(0..<min(shown, shape.elementCount))
            .doubles()
        {
            head = values.map { "\($0)" }
        } else {
            head = []
        }
        let more = shape.elementCount > head.count ? ", …" : ""
        return "\(elementType) \(shape) [\(head.joined(separator: ", "))\(more)]"
    }
}
